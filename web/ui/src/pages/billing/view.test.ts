import { describe, expect, it } from "vitest";
import type { BillingRecord } from "@/api/types";
import {
  billedAt,
  compute,
  group,
  inGiB,
  ownersOf,
  parseView,
  ranFor,
  select,
  since,
  startedAt,
  startOfDay,
  stepOf,
  totals,
} from "./view";

// Noon, so that the day is the same in most time zones; the tests compute days as the view does.
const now = Date.parse("2026-03-31T12:00:00Z");

interface Facts {
  owner?: string;
  billed?: string;
  amount?: string;
  currency?: string;
  image?: string;
}

function record(name: string, facts: Facts = {}): BillingRecord {
  const {
    owner = "ada",
    billed = "2026-03-31T12:00:00Z",
    amount = "0.01125",
    currency = "USD",
    image = "ubuntu:22.04",
  } = facts;
  return {
    metadata: {
      name: `uid-${name}`,
      namespace: "team",
      creationTimestamp: billed,
      annotations: { "containerlease.dev/created-by": owner },
    },
    spec: {
      lease: { name, uid: `uid-${name}` },
      className: "standard",
      image,
      pricing: { currency, perCPUHour: "0.04", perGiBHour: "0.005", perLease: "0" },
      billableSeconds: "1800",
      amount,
      currency,
      finishReason: "Expired",
      estimated: false,
      segments: [
        {
          containerID: "c",
          startedAt: "2026-03-31T11:00:00Z",
          finishedAt: "2026-03-31T11:30:00Z",
          evidence: "EngineExit",
          cpu: "500m",
          memory: "512Mi",
        },
      ],
    },
  };
}

const names = (records: readonly BillingRecord[]) => records.map(({ spec }) => spec.lease.name);

it("reads a view from an address, and drops what it does not know", () => {
  expect(parseView({ by: "owner", days: 7, owner: "ada", q: "db" })).toEqual({
    by: "owner",
    days: 7,
    owner: "ada",
    q: "db",
  });
  expect(parseView({ by: "week", days: "7", owner: 1, q: "" })).toEqual({});
});

describe("select", () => {
  const records = [
    record("old", { billed: "2026-02-01T12:00:00Z" }),
    record("yesterday", { billed: "2026-03-30T12:00:00Z", image: "alpine:3.22" }),
    record("today", { owner: "bob" }),
  ];

  it("shows the period, the newest first", () => {
    expect(names(select(records, {}, now))).toEqual(["today", "yesterday"]);
    expect(names(select(records, { days: "all" }, now))).toEqual(["today", "yesterday", "old"]);
  });

  it("filters and searches", () => {
    expect(names(select(records, { owner: "bob" }, now))).toEqual(["today"]);
    expect(names(select(records, { q: "ADA alpine" }, now))).toEqual(["yesterday"]);
    expect(names(select(records, { q: "nothing" }, now))).toEqual([]);
  });

  it("knows the owners, and takes the namespace for one that is not known", () => {
    const unsigned = record("x");
    delete unsigned.metadata?.annotations;
    expect(ownersOf([...records, unsigned])).toEqual(["ada", "bob", "team"]);
  });
});

it("begins a period at midnight, today included", () => {
  expect(since(7, now)).toBe(startOfDay(now - 6 * 86_400_000));
  expect(since("all", now)).toBeUndefined();
});

it("adds up exactly, and each currency for itself", () => {
  const records = [
    record("a", { amount: "0.1" }),
    record("b", { amount: "0.2" }),
    record("c", { amount: "9007199254740993.000000001", currency: "EUR" }),
  ];
  expect(totals(records)).toEqual([
    ["EUR", 9007199254740993_000000001n],
    ["USD", 300_000_000n],
  ]);
});

describe("group", () => {
  it("has every day from the first to today", () => {
    const records = [
      record("a", { billed: "2026-03-28T12:00:00Z", amount: "1" }),
      record("b", { billed: "2026-03-28T12:30:00Z", amount: "2" }),
      record("c", { amount: "4" }),
    ];
    const days = group(records, "day", now);
    expect(days.map(({ amount }) => amount / 1_000_000_000n)).toEqual([3n, 0n, 0n, 4n]);
    expect(days.map(({ count }) => count)).toEqual([2, 0, 0, 1]);
    expect(days[0]?.name).toBe(startOfDay(billedAt(record("a", { billed: "2026-03-28T12:00:00Z" }))));
  });

  it("has every day of a period, whether or not there was a bill", () => {
    const days = group([record("a")], "day", now, since(7, now));
    expect(days.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 0, 1]);
  });

  it("has every day of a year once, whatever the clocks do", () => {
    const year = 365 * 86_400_000;
    const bills = Array.from({ length: 365 }, (_, day) =>
      record(`${day}`, { billed: new Date(now - day * 86_400_000).toISOString() }),
    );
    const days = group(bills, "day", now, now - year + 86_400_000);
    const dates = days.map(({ name }) => new Date(Number(name)).toDateString());
    expect(new Set(dates).size).toBe(days.length);
    expect(days).toHaveLength(365);
  });

  it("has months where the days are too many", () => {
    const records = [
      record("a", { billed: "2025-12-10T12:00:00Z", amount: "1" }),
      record("b", { billed: "2025-12-20T12:00:00Z", amount: "2" }),
      record("c", { amount: "4" }),
    ];
    expect(stepOf(since(90, now) ?? 0, now)).toBe("day");
    const first = billedAt(record("a", { billed: "2025-12-10T12:00:00Z" }));
    expect(stepOf(first, now)).toBe("month");
    const months = group(records, "month", now, first);
    expect(months.map(({ count }) => count)).toEqual([2, 0, 0, 1]);
    expect(months.map(({ name }) => new Date(Number(name)).getDate())).toEqual([1, 1, 1, 1]);
  });

  it("has the dearest owner first", () => {
    const records = [
      record("a", { amount: "1" }),
      record("b", { owner: "bob", amount: "5" }),
      record("c", { amount: "2" }),
    ];
    expect(group(records, "owner", now).map(({ name, count }) => [name, count])).toEqual([
      ["bob", 1],
      ["ada", 2],
    ]);
  });
});

describe("compute", () => {
  it("shows what the bill is made of", () => {
    const { lines, perLease, total, recorded } = compute(record("a"));
    expect(lines.map(({ nanos, amount }) => [nanos, amount])).toEqual([[1_800_000_000_000n, 11_250_000n]]);
    expect([perLease, total, recorded]).toEqual([0n, 11_250_000n, 11_250_000n]);
  });

  it("tells a bill that says something else", () => {
    const { total, recorded } = compute(record("a", { amount: "0.02" }));
    expect(total).not.toBe(recorded);
  });

  it("charges nothing for a container that never ran, not even once", () => {
    const never = record("a", { amount: "0" });
    never.spec.segments = [];
    never.spec.pricing.perLease = "5";
    expect(compute(never)).toEqual({ lines: [], perLease: 0n, total: 0n, recorded: 0n });
  });

  it("knows when and how long it ran", () => {
    expect(ranFor(record("a"))).toBe(1_800_000);
    expect(startedAt(record("a"))).toBe(Date.parse("2026-03-31T11:00:00Z"));
    const never = record("a");
    never.spec.segments = [];
    expect(startedAt(never)).toBeUndefined();
  });

  it("writes memory as the factor of its price", () => {
    expect([1, 32, 64, 512, 2048].map((mib) => inGiB(mib * 2 ** 20))).toEqual([
      "0.0009765625",
      "0.03125",
      "0.0625",
      "0.5",
      "2",
    ]);
  });
});
