// Bills by day and by owner, and how each came about: pure, so that it can be tested.
import type { BillingRecord, UsageSegment } from "@/api/types";
import { createdBy } from "@/lib/lease";
import { costUntil, parseAmount, segmentCost, segmentNanos } from "@/lib/money";
import { GiB } from "@/lib/quantity";
import { parseTime } from "@/lib/time";

export type Grouping = "day" | "owner";

/** How far back is looked, in days; all is all. */
export const periods = [7, 30, 90, "all"] as const;
export type Period = (typeof periods)[number];

/** What of the bills is looked at: kept in the address, so that a link shows the same. */
export interface View {
  by?: "owner";
  /** 30 if it isn't said. */
  days?: Period;
  owner?: string;
  q?: string;
}

/** Reads a view from an address, which may say anything. */
export function parseView(search: Record<string, unknown>): View {
  const view: View = {};
  if (search.by === "owner") view.by = "owner";
  const period = periods.find((each) => each === search.days);
  if (period && period !== 30) view.days = period;
  if (typeof search.owner === "string" && search.owner !== "") view.owner = search.owner;
  if (typeof search.q === "string" && search.q !== "") view.q = search.q;
  return view;
}

export function ownerOfRecord(record: BillingRecord): string {
  return createdBy(record.metadata) ?? record.metadata?.namespace ?? "";
}

/** When a bill was made, in milliseconds since 1970. */
export function billedAt(record: BillingRecord): number {
  return parseTime(record.metadata?.creationTimestamp) ?? 0;
}

/** When the container of a bill first ran; undefined if it never did. */
export function startedAt(record: BillingRecord): number | undefined {
  return parseTime(record.spec.segments?.[0]?.startedAt);
}

/** The midnight that a day of the browser's time zone begins with; where the clock skips it, 1 o'clock. */
export function startOfDay(ms: number): number {
  const day = new Date(ms);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

export type Step = "day" | "month";

/** More bars than these don't fit on a phone. */
const mostDays = 100;

/** How far apart the bars of a time are. */
export function stepOf(from: number, now: number): Step {
  return now - from > mostDays * 86_400_000 ? "month" : "day";
}

function startOf(step: Step, ms: number): number {
  const day = new Date(ms);
  if (step === "month") day.setDate(1);
  return startOfDay(day.getTime());
}

/** The beginning of the day or month after the one that begins at start. */
function nextOf(step: Step, start: number): number {
  const day = new Date(start);
  if (step === "month") day.setMonth(day.getMonth() + 1);
  else day.setDate(day.getDate() + 1);
  return startOf(step, day.getTime());
}

/** The first moment of a period that ends now: whole days, of which today is one. */
export function since(period: Period, now: number): number | undefined {
  if (period === "all") return undefined;
  const day = new Date(startOfDay(now));
  day.setDate(day.getDate() - period + 1); // not 24 hours each: some days have 23
  return startOfDay(day.getTime());
}

/** The bills that a view shows, the newest first. */
export function select(records: readonly BillingRecord[], view: View, now: number): BillingRecord[] {
  const from = since(view.days ?? 30, now) ?? 0;
  const words = (view.q ?? "").toLowerCase().split(/\s+/);
  return records
    .filter((record) => {
      if (billedAt(record) < from) return false;
      const owner = ownerOfRecord(record);
      if (view.owner !== undefined && owner !== view.owner) return false;
      const { lease, image, className } = record.spec;
      const text = [lease.name, lease.uid, image, className, owner, record.metadata?.namespace]
        .join(" ")
        .toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => billedAt(b) - billedAt(a) || a.spec.lease.uid.localeCompare(b.spec.lease.uid));
}

export function ownersOf(records: readonly BillingRecord[]): string[] {
  return [...new Set(records.map(ownerOfRecord))].sort((a, b) => a.localeCompare(b));
}

/**
 * Sums in nano-units by currency, exactly: what is in two currencies is not one sum. What never had a price
 * is in a currency of its own, which is left out.
 */
export function totals(records: readonly BillingRecord[]): [string, bigint][] {
  const sums = new Map<string, bigint>();
  for (const { spec } of records) {
    sums.set(spec.currency, (sums.get(spec.currency) ?? 0n) + (parseAmount(spec.amount) ?? 0n));
  }
  const all = [...sums].sort(([a], [b]) => a.localeCompare(b));
  const paid = all.filter(([, sum]) => sum > 0n);
  return paid.length > 0 ? paid : all.slice(0, 1);
}

export interface Group {
  key: string;
  /** The beginning of the day or month in milliseconds since 1970, or the owner. */
  name: number | string;
  amount: bigint;
  count: number;
}

/**
 * The bills of one currency by day or month, without a gap from the first one, by default that of the first
 * bill, to that of now; or by owner, the dearest first.
 */
export function group(
  records: readonly BillingRecord[],
  by: Step | "owner",
  now: number,
  from?: number,
): Group[] {
  const groups = new Map<number | string, Group>();
  const add = (name: number | string, amount: bigint, count: number) => {
    const found = groups.get(name);
    if (found) {
      found.amount += amount;
      found.count += count;
    } else groups.set(name, { key: String(name), name, amount, count });
  };
  for (const record of records) {
    const name = by === "owner" ? ownerOfRecord(record) : startOf(by, billedAt(record));
    add(name, parseAmount(record.spec.amount) ?? 0n, 1);
  }
  const all = [...groups.values()];
  if (by === "owner") return all.sort((a, b) => (a.amount > b.amount ? -1 : a.amount < b.amount ? 1 : 0));
  const first = from ?? all.reduce((least, { name }) => Math.min(least, Number(name)), now);
  for (let start = startOf(by, first); start <= now; start = nextOf(by, start)) add(start, 0n, 0);
  return [...groups.values()].sort((a, b) => Number(a.name) - Number(b.name));
}

/** How long the container ran, in milliseconds. */
export function ranFor(record: BillingRecord): number {
  return Number(record.spec.billableSeconds) * 1000;
}

/** Bytes as the factor that a price for a GiB is multiplied by: exact for whole MiB, "0.0625" for 64. */
export function inGiB(bytes: number): string {
  return String(Number((bytes / GiB).toFixed(10)));
}

export interface Line {
  segment: UsageSegment;
  nanos: bigint;
  /** By itself; the bill rounds the sum only. */
  amount: bigint;
}

export interface Computation {
  lines: Line[];
  perLease: bigint;
  /** What the bill comes to by its own inputs. */
  total: bigint;
  /** What it says. */
  recorded: bigint;
}

/** How a bill's amount comes about. */
export function compute({ spec }: BillingRecord): Computation {
  const segments = spec.segments ?? [];
  return {
    lines: segments.map((segment) => ({
      segment,
      nanos: segmentNanos(segment, 0),
      amount: segmentCost(spec.pricing, segment, 0),
    })),
    perLease: segments.length > 0 ? (parseAmount(spec.pricing.perLease) ?? 0n) : 0n,
    total: costUntil(spec.pricing, segments, 0),
    recorded: parseAmount(spec.amount) ?? 0n,
  };
}
