// Prices as the API computes them (api/policy/billing.go): integers over one denominator, exact until
// the one division at the end, rounded half to even to nine decimals. Both sides are held to the
// same table, testdata/costs.json.
import type { Pricing, UsageSegment } from "@/api/types";
import { parseMilli, type Quantity } from "./quantity";
import { parseNanos } from "./time";

const decimals = 9;
const milliPerCore = 1000n;
const bytesPerGiB = 1n << 30n;
const nanosPerHour = 3_600_000_000_000n;
const denominator = milliPerCore * bytesPerGiB * nanosPerHour;

const decimalPattern = /^([0-9]+)(?:\.([0-9]{1,9}))?$/;

/** Nano-units of the currency; undefined if the text is no amount. */
export function parseAmount(text: string | undefined): bigint | undefined {
  const match = decimalPattern.exec(text ?? "");
  if (!match) return undefined;
  return BigInt((match[1] ?? "") + (match[2] ?? "").padEnd(decimals, "0"));
}

/** A decimal string without superfluous zeros, as the API writes amounts. */
export function decimalString(nano: bigint): string {
  const digits = nano.toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  const whole = digits.slice(0, -decimals);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

function roundHalfEven(n: bigint): bigint {
  const quotient = n / denominator;
  const twice = (n % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}

/** What running for a time costs, times the denominator. */
function charge(pricing: Pricing, cpu: Quantity, memory: Quantity, nanos: bigint): bigint {
  const milli = parseMilli(cpu) ?? 0n;
  const bytes = ((parseMilli(memory) ?? 0n) + 999n) / 1000n;
  const ofCPU = milli * (parseAmount(pricing.perCPUHour) ?? 0n) * bytesPerGiB;
  const ofMemory = bytes * (parseAmount(pricing.perGiBHour) ?? 0n) * milliPerCore;
  return (ofCPU + ofMemory) * nanos;
}

function total(pricing: Pricing, charged: bigint): bigint {
  return roundHalfEven((parseAmount(pricing.perLease || "0") ?? 0n) * denominator + charged);
}

/** The price of an hour at a size, in nano-units, without what is charged per lease. */
export function hourlyRate(pricing: Pricing, cpu: Quantity, memory: Quantity): bigint {
  return roundHalfEven(charge(pricing, cpu, memory, nanosPerHour));
}

/** The price in nano-units of a lease that runs for all of its time at one size. */
export function estimate(pricing: Pricing, cpu: Quantity, memory: Quantity, ttlMs: number): bigint {
  return total(pricing, charge(pricing, cpu, memory, BigInt(Math.max(0, Math.trunc(ttlMs))) * 1_000_000n));
}

/** How long a segment lasted, in nanoseconds; one that goes on, until now (milliseconds since 1970). */
export function segmentNanos(segment: UsageSegment, now: number): bigint {
  const start = parseNanos(segment.startedAt);
  const end = parseNanos(segment.finishedAt) ?? BigInt(Math.trunc(now)) * 1_000_000n;
  return start === undefined || end < start ? 0n : end - start;
}

/** What a segment costs by itself, in nano-units: for explanations, since the bill rounds the sum only. */
export function segmentCost(pricing: Pricing, segment: UsageSegment, now: number): bigint {
  return roundHalfEven(charge(pricing, segment.cpu, segment.memory, segmentNanos(segment, now)));
}

/** What a lease has cost until now, in nano-units. Nothing, if its container never ran. */
export function costUntil(pricing: Pricing, segments: readonly UsageSegment[], now: number): bigint {
  if (segments.length === 0) return 0n;
  const charged = segments.reduce(
    (sum, segment) => sum + charge(pricing, segment.cpu, segment.memory, segmentNanos(segment, now)),
    0n,
  );
  return total(pricing, charged);
}
