// A lease the way a person thinks of it: what runs, for how long still, what it costs, what went wrong.
import type { Condition, ContainerLease, LeaseClass, ObjectMeta, Phase } from "@/api/types";
import { parseDuration } from "./duration";
import { costUntil, parseAmount } from "./money";
import { bytes, milliCPU } from "./quantity";
import { type Countdown, countdown, parseTime } from "./time";

export const phases: readonly Phase[] = [
  "Pending",
  "Provisioning",
  "Running",
  "Suspended",
  "Terminating",
  "Finished",
  "Failed",
];

export function uidOf(lease: ContainerLease): string {
  return lease.metadata?.uid ?? "";
}

export function nameOf(lease: ContainerLease): string {
  return lease.metadata?.name ?? "";
}

export function namespaceOf(lease: ContainerLease): string {
  return lease.metadata?.namespace ?? "";
}

/** A lease that is being deleted is on its way out, whatever was last written of it. */
export function phaseOf(lease: ContainerLease): Phase {
  const phase = lease.status?.phase ?? "Pending";
  return lease.metadata?.deletionTimestamp && !isOver(lease) ? "Terminating" : phase;
}

/** Whether the lease has ended: no container, and no more to come but the bill. */
export function isOver(lease: ContainerLease): boolean {
  return lease.status?.phase === "Finished" || lease.status?.phase === "Failed";
}

const creator = "containerlease.dev/created-by";

/** Who asked for a lease, as the lease and its bill say. */
export function createdBy(metadata: ObjectMeta | undefined): string | undefined {
  return metadata?.annotations?.[creator];
}

/** Who asked for the lease; one from before that was written down is its namespace's. */
export function ownerOf(lease: ContainerLease): string {
  return createdBy(lease.metadata) ?? namespaceOf(lease);
}

export function conditionOf(lease: ContainerLease, type: string): Condition | undefined {
  return lease.status?.conditions?.find((condition) => condition.type === type);
}

/** What is left of the lease; undefined before its clock has started and after it has ended. */
export function countdownOf(lease: ContainerLease, now: number): Countdown | undefined {
  const start = parseTime(lease.status?.startTime);
  const end = parseTime(lease.status?.expirationTime);
  if (start === undefined || end === undefined || isOver(lease)) return undefined;
  return countdown(start, end, now);
}

export interface Cost {
  /** What it has cost so far, or finally, in nano-units. */
  amount: bigint;
  /** What it would cost if it ran to its end; undefined where nobody has computed it. */
  estimated: bigint | undefined;
  /** Whether the amount is that of the bill. */
  final: boolean;
  currency: string;
}

/** What a lease costs; undefined before a class has accepted it. */
export function costOf(lease: ContainerLease, now: number): Cost | undefined {
  const { cost, pricing, segments = [], expirationTime } = lease.status ?? {};
  const currency = cost?.currency ?? pricing?.currency;
  if (!currency) return undefined;
  const estimated = parseAmount(cost?.estimated);
  const final = parseAmount(cost?.final);
  if (final !== undefined) return { amount: final, estimated, final: true, currency };
  // Whatever is still open at the end of the lease ends there, or a moment later.
  const until = Math.min(now, parseTime(expirationTime) ?? now);
  const amount = pricing ? costUntil(pricing, segments, until) : 0n;
  return { amount, estimated, final: false, currency };
}

export interface Size {
  milliCPU: number;
  memoryBytes: number;
}

export function sizeOf(lease: ContainerLease): Size {
  const { cpu, memory } = lease.spec.resources ?? {};
  return { milliCPU: milliCPU(cpu), memoryBytes: bytes(memory) };
}

export function ttlOf(lease: ContainerLease): number {
  return parseDuration(lease.spec.ttl ?? "") ?? 0;
}

/** How much longer a class lets a lease become, in milliseconds; none for a lease that has ended. */
export function extendableBy(lease: ContainerLease, leaseClass: LeaseClass | undefined): number {
  if (!leaseClass || isOver(lease) || lease.metadata?.deletionTimestamp) return 0;
  return Math.max(0, (parseDuration(leaseClass.spec.ttl.max) ?? 0) - ttlOf(lease));
}

/** Why the lease is as it is, in the server's own words; undefined where there is nothing to say. */
export function explanation(lease: ContainerLease): string | undefined {
  // Of a suspended lease it is no news how far its container has come.
  const steps = phaseOf(lease) === "Suspended" ? ["Ready"] : ["Accepted", "Provisioned", "Ready"];
  const condition = isOver(lease)
    ? conditionOf(lease, "Finished")
    : steps.map((type) => conditionOf(lease, type)).find((c) => c?.status !== "True");
  return condition?.message || condition?.reason;
}

const defaultClass = "containerlease.dev/is-default-class";

export function isDefaultClass(leaseClass: LeaseClass): boolean {
  return leaseClass.metadata?.annotations?.[defaultClass] === "true";
}
