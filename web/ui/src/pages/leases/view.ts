// Which leases are shown, and in which order: pure, so that it can be tested.
import type { ContainerLease, Phase } from "@/api/types";
import { costOf, isOver, nameOf, namespaceOf, ownerOf, phaseOf, phases, sizeOf, ttlOf } from "@/lib/lease";
import { parseAmount } from "@/lib/money";
import { parseTime } from "@/lib/time";

export const sortKeys = ["name", "image", "owner", "phase", "size", "left", "cost", "age"] as const;
export type SortKey = (typeof sortKeys)[number];

export const sortLabels: Record<SortKey, string> = {
  name: "Name",
  image: "Image",
  owner: "Owner",
  phase: "Phase",
  size: "CPU and memory",
  left: "Time left",
  cost: "Cost so far",
  age: "Newest",
};

/** What of the leases is looked at: kept in the address, so that a link shows the same. */
export interface View {
  q?: string;
  phase?: Phase[];
  owner?: string;
  /** By age, the newest first, if it isn't said. */
  sort?: SortKey;
  desc?: true;
}

/** Reads a view from an address, which may say anything. */
export function parseView(search: Record<string, unknown>): View {
  const view: View = {};
  const { q, phase, owner, sort, desc } = search;
  if ((typeof q === "string" || typeof q === "number") && q !== "") view.q = String(q);
  if (Array.isArray(phase)) {
    const known = phases.filter((each) => phase.includes(each));
    if (known.length > 0) view.phase = known;
  }
  if ((typeof owner === "string" || typeof owner === "number") && owner !== "") view.owner = String(owner);
  const key = sortKeys.find((each) => each === sort);
  if (key && key !== "age") view.sort = key;
  if (desc === true) view.desc = true;
  return view;
}

export function isFiltered({ q, phase, owner }: View): boolean {
  return q !== undefined || phase !== undefined || owner !== undefined;
}

/** How many leases there are in each phase that has any, in the order of a lease's life. */
export function countByPhase(leases: readonly ContainerLease[]): [Phase, number][] {
  const counts = new Map<Phase, number>();
  for (const lease of leases) {
    const phase = phaseOf(lease);
    counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  return phases.flatMap((phase) => {
    const count = counts.get(phase);
    return count === undefined ? [] : [[phase, count]];
  });
}

/** What an hour of all that runs costs, in nano-units of each currency. */
export function hourlyRates(leases: readonly ContainerLease[]): Map<string, bigint> {
  const rates = new Map<string, bigint>();
  for (const lease of leases) {
    const rate = parseAmount(lease.status?.cost?.hourlyRate);
    if (rate === undefined || phaseOf(lease) !== "Running") continue;
    const currency = lease.status?.cost?.currency ?? "";
    rates.set(currency, (rates.get(currency) ?? 0n) + rate);
  }
  return rates;
}

export function ownersOf(leases: readonly ContainerLease[]): string[] {
  return [...new Set(leases.map(ownerOf))].sort((a, b) => a.localeCompare(b));
}

function matches(lease: ContainerLease, { q, phase, owner }: View): boolean {
  if (phase && !phase.includes(phaseOf(lease))) return false;
  if (owner !== undefined && ownerOf(lease) !== owner) return false;
  if (q === undefined) return true;
  const text = [nameOf(lease), namespaceOf(lease), lease.spec.image, ownerOf(lease), lease.metadata?.uid]
    .join(" ")
    .toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

type Key = string | number | bigint;

/** By what a lease is sorted; what has no answer comes last, whichever way it is sorted. */
function keyOf(lease: ContainerLease, sort: SortKey, now: number): Key | undefined {
  switch (sort) {
    case "name":
      return nameOf(lease);
    case "image":
      return lease.spec.image;
    case "owner":
      return ownerOf(lease);
    case "phase":
      return phases.indexOf(phaseOf(lease));
    case "size": {
      const { milliCPU, memoryBytes } = sizeOf(lease);
      return milliCPU * 2 ** 40 + memoryBytes / 2 ** 10;
    }
    case "left":
      return isOver(lease) ? undefined : (parseTime(lease.status?.expirationTime) ?? now + ttlOf(lease));
    case "cost":
      return costOf(lease, now)?.amount;
    case "age":
      return -(parseTime(lease.metadata?.creationTimestamp) ?? 0);
  }
}

function compare(a: Key, b: Key): number {
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b, undefined, { numeric: true });
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The leases that a view shows, in its order. Equal ones keep to their names, so that no row jumps. */
export function select(leases: readonly ContainerLease[], view: View, now: number): ContainerLease[] {
  const sort = view.sort ?? "age";
  const direction = view.desc ? -1 : 1;
  return leases
    .filter((lease) => matches(lease, view))
    .map((lease) => ({
      lease,
      key: keyOf(lease, sort, now),
      name: `${nameOf(lease)}/${namespaceOf(lease)}`,
    }))
    .sort((a, b) => {
      if (a.key === undefined || b.key === undefined) {
        if (a.key !== b.key) return a.key === undefined ? 1 : -1;
      } else {
        const order = compare(a.key, b.key) * direction;
        if (order !== 0) return order;
      }
      return compare(a.name, b.name);
    })
    .map(({ lease }) => lease);
}
