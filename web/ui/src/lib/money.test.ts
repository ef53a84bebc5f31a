import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Pricing, UsageSegment } from "@/api/types";
import { parseDuration } from "./duration";
import { costUntil, decimalString, estimate, hourlyRate, parseAmount, segmentCost } from "./money";
import { parseTime } from "./time";

interface Table {
  bills: { name: string; pricing: Pricing; segments: UsageSegment[]; want: string }[];
  estimates: {
    name: string;
    pricing: Pricing;
    cpu: string;
    memory: string;
    ttl: string;
    want: string;
    hourly: string;
  }[];
}

// The server's own arithmetic is held to the same table.
const file = new URL("../../../../api/policy/testdata/costs.json", import.meta.url);
const table = JSON.parse(readFileSync(file, "utf8")) as Table;

describe("a bill", () => {
  it.each(table.bills)("$name", ({ pricing, segments, want }) => {
    expect(decimalString(costUntil(pricing, segments, 0))).toBe(want);
  });
});

describe("an estimate", () => {
  it.each(table.estimates)("$name", ({ pricing, cpu, memory, ttl, want, hourly }) => {
    expect(decimalString(estimate(pricing, cpu, memory, parseDuration(ttl) ?? -1))).toBe(want);
    expect(decimalString(hourlyRate(pricing, cpu, memory))).toBe(hourly);
  });
});

it("estimates nothing for less than no time", () => {
  expect(estimate({ currency: "USD", perCPUHour: "4", perGiBHour: "1" }, "1", "1Gi", -1)).toBe(0n);
});

describe("what still runs", () => {
  const pricing = { currency: "USD", perCPUHour: "3.6", perGiBHour: "0", perLease: "1" };
  const running: UsageSegment = {
    containerID: "c",
    startedAt: "2026-01-01T12:00:00.5Z",
    cpu: "1",
    memory: "1Gi",
  };
  const at = (text: string) => parseTime(text) ?? Number.NaN;

  it("costs what it has run until now", () => {
    expect(costUntil(pricing, [running], at("2026-01-01T12:00:10.5Z"))).toBe(1_010_000_000n);
    expect(segmentCost(pricing, running, at("2026-01-01T12:00:10.5Z"))).toBe(10_000_000n);
  });

  it("takes a part of a millisecond for none, as the server's clock may tell it", () => {
    expect(costUntil(pricing, [running], at("2026-01-01T12:00:10.5Z") + 0.5)).toBe(1_010_000_000n);
  });

  it("costs nothing before it began", () => {
    expect(segmentCost(pricing, running, at("2026-01-01T11:59:00Z"))).toBe(0n);
  });
});

describe("amounts", () => {
  it.each([
    ["0", 0n],
    ["1", 1_000_000_000n],
    ["0.01125", 11_250_000n],
    ["9007199254740993.000000001", 9_007_199_254_740_993_000_000_001n],
  ])("%s", (text, nano) => {
    expect(parseAmount(text)).toBe(nano);
    expect(decimalString(nano)).toBe(text);
  });

  it.each(["", "-1", "1.", ".5", "1e3", "0.0000000001", "1,5", undefined])("is none: %j", (text) =>
    expect(parseAmount(text)).toBeUndefined(),
  );
});
