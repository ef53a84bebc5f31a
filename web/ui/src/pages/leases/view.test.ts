import { describe, expect, it } from "vitest";
import type { ContainerLease, Phase } from "@/api/types";
import { countByPhase, hourlyRates, isFiltered, ownersOf, parseView, select } from "./view";

const now = Date.parse("2026-01-01T12:00:00Z");

interface Facts {
  image?: string;
  owner?: string;
  phase?: Phase;
  cpu?: string;
  created?: string;
  expires?: string;
  final?: string;
  rate?: string;
  deleted?: boolean;
}

function lease(name: string, facts: Facts = {}): ContainerLease {
  const {
    image = "box",
    owner = "ada",
    phase = "Running",
    cpu = "1",
    created = "2026-01-01T11:00:00Z",
  } = facts;
  return {
    metadata: {
      name,
      namespace: owner,
      uid: `uid-${name}`,
      creationTimestamp: created,
      annotations: { "containerlease.dev/created-by": owner },
      ...(facts.deleted ? { deletionTimestamp: created } : {}),
    },
    spec: { image, ttl: "1h", resources: { cpu, memory: "1Gi" } },
    status: {
      phase,
      ...(facts.expires ? { expirationTime: facts.expires } : {}),
      cost: {
        currency: "USD",
        hourlyRate: facts.rate ?? "1",
        estimated: "1",
        ...(facts.final ? { final: facts.final } : {}),
      },
    },
  };
}

const names = (leases: readonly ContainerLease[]) => leases.map(({ metadata }) => metadata?.name);

describe("parseView", () => {
  it("reads what it knows and drops the rest", () => {
    expect(
      parseView({ q: "db", phase: ["Running", "Nonsense"], owner: "ada", sort: "cost", desc: true }),
    ).toEqual({
      q: "db",
      phase: ["Running"],
      owner: "ada",
      sort: "cost",
      desc: true,
    });
    expect(parseView({ q: "", phase: "Running", owner: 7, sort: "colour", desc: "yes" })).toEqual({
      owner: "7",
    });
    expect(parseView({ sort: "age" })).toEqual({});
  });

  it("tells a filter from an order", () => {
    expect(isFiltered({ sort: "cost", desc: true })).toBe(false);
    expect(isFiltered({ owner: "ada" })).toBe(true);
  });
});

describe("select", () => {
  it("puts the newest first", () => {
    const leases = [
      lease("old", { created: "2026-01-01T09:00:00Z" }),
      lease("new", { created: "2026-01-01T11:00:00Z" }),
      lease("middle", { created: "2026-01-01T10:00:00Z" }),
    ];
    expect(names(select(leases, {}, now))).toEqual(["new", "middle", "old"]);
    expect(names(select(leases, { desc: true }, now))).toEqual(["old", "middle", "new"]);
  });

  it("finds every word, wherever it stands", () => {
    const leases = [
      lease("db-1", { image: "postgres" }),
      lease("db-2", { image: "redis" }),
      lease("web", { owner: "bob" }),
    ];
    expect(names(select(leases, { q: "DB redis" }, now))).toEqual(["db-2"]);
    expect(names(select(leases, { q: "uid-web" }, now))).toEqual(["web"]);
    expect(select(leases, { q: "nothing" }, now)).toEqual([]);
  });

  it("filters by phase and by owner", () => {
    const leases = [
      lease("a"),
      lease("b", { phase: "Failed" }),
      lease("c", { owner: "bob" }),
      lease("d", { deleted: true }),
    ];
    expect(names(select(leases, { phase: ["Failed", "Terminating"], sort: "name" }, now))).toEqual([
      "b",
      "d",
    ]);
    expect(names(select(leases, { owner: "bob" }, now))).toEqual(["c"]);
  });

  it("sorts by what is left, with what never ends last in both directions", () => {
    const leases = [
      lease("over", { phase: "Finished", expires: "2026-01-01T12:00:01Z" }),
      lease("late", { expires: "2026-01-01T14:00:00Z" }),
      lease("soon", { expires: "2026-01-01T12:00:30Z" }),
      lease("waits", { phase: "Pending" }), // would run an hour from now
    ];
    expect(names(select(leases, { sort: "left" }, now))).toEqual(["soon", "waits", "late", "over"]);
    expect(names(select(leases, { sort: "left", desc: true }, now))).toEqual([
      "late",
      "waits",
      "soon",
      "over",
    ]);
  });

  it("sorts by cost and by size", () => {
    const leases = [
      lease("dear", { final: "2.5", cpu: "250m" }),
      lease("cheap", { final: "0.000000001", cpu: "4" }),
      lease("middling", { final: "2.499999999", cpu: "2" }),
    ];
    expect(names(select(leases, { sort: "cost" }, now))).toEqual(["cheap", "middling", "dear"]);
    expect(names(select(leases, { sort: "size" }, now))).toEqual(["dear", "middling", "cheap"]);
  });

  it("counts in names as people do, and keeps equal ones in place", () => {
    const leases = [lease("ci-10"), lease("ci-9"), lease("ci-1")];
    expect(names(select(leases, { sort: "name" }, now))).toEqual(["ci-1", "ci-9", "ci-10"]);
    expect(names(select([...leases].reverse(), { sort: "owner" }, now))).toEqual(["ci-1", "ci-9", "ci-10"]);
  });
});

describe("what there is", () => {
  const leases = [
    lease("a", { rate: "0.5" }),
    lease("b", { rate: "0.25", owner: "bob" }),
    lease("c", { rate: "9", phase: "Suspended" }),
  ];

  it("counts phases in the order of a life", () => {
    expect(countByPhase(leases)).toEqual([
      ["Running", 2],
      ["Suspended", 1],
    ]);
  });

  it("lists owners once", () => {
    expect(ownersOf(leases)).toEqual(["ada", "bob"]);
  });

  it("adds up the rates of what runs", () => {
    expect([...hourlyRates(leases)]).toEqual([["USD", 750_000_000n]]);
  });
});
