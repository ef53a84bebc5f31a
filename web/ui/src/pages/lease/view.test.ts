import { describe, expect, it } from "vitest";
import type { Condition, ContainerLease, Event } from "@/api/types";
import { provisioning, pullProgress, spaced, timeline, toneOf } from "./view";

function condition(
  type: string,
  status: Condition["status"],
  reason: string,
  more: Partial<Condition> = {},
): Condition {
  return { type, status, reason, message: "", lastTransitionTime: "2026-01-01T12:00:00Z", ...more };
}

function lease(conditions: Condition[], more: Partial<ContainerLease["status"]> = {}): ContainerLease {
  return {
    metadata: { name: "a", namespace: "ada", creationTimestamp: "2026-01-01T12:00:00Z" },
    spec: { image: "box" },
    status: { phase: "Provisioning", conditions, ...more },
  };
}

function event(reason: string, eventTime: string, more: Partial<Event> = {}): Event {
  return {
    metadata: { uid: `${reason}-${eventTime}` },
    eventTime,
    reason,
    note: `${reason} it is`,
    type: "Normal",
    ...more,
  };
}

const labels = (lease: ContainerLease) => provisioning(lease)?.map(({ state }) => state);

describe("timeline", () => {
  it("tells the newest first, and what an event tells only once", () => {
    const entries = timeline(
      lease([
        condition("Accepted", "True", "Accepted"),
        condition("Ready", "True", "Running", { lastTransitionTime: "2026-01-01T12:00:05Z" }),
        condition("Billed", "True", "Recorded", { lastTransitionTime: "2026-01-01T12:01:00Z" }),
        condition("Finished", "False", "NotFinished"),
      ]),
      [event("Accepted", "2026-01-01T12:00:00.500000Z"), event("Running", "2026-01-01T12:00:05.100000Z")],
    );
    expect(entries.map(({ title }) => title)).toEqual(["Recorded", "Running", "Accepted", "Asked for"]);
  });

  it("tells the same reason again where it came again", () => {
    const entries = timeline(
      lease([condition("Ready", "True", "Running", { lastTransitionTime: "2026-01-01T12:05:00Z" })]),
      [event("Running", "2026-01-01T12:00:01.000000Z")],
    );
    expect(entries.filter(({ title }) => title === "Running")).toHaveLength(2);
  });

  it("counts what happened over and over, at its last time", () => {
    const [first] = timeline(lease([]), [
      event("PullFailed", "2026-01-01T12:00:01.000000Z", {
        type: "Warning",
        series: { count: 7, lastObservedTime: "2026-01-01T12:03:00.000000Z" },
      }),
    ]);
    expect(first).toMatchObject({
      title: "Pull failed",
      tone: "bad",
      times: 7,
      at: Date.parse("2026-01-01T12:03:00Z"),
    });
  });

  it("survives an event without a time", () => {
    expect(timeline(lease([]), [{ eventTime: "", reason: "Odd" }])).toHaveLength(1);
  });
});

describe("toneOf", () => {
  it.each([
    [condition("Ready", "True", "Running"), "good"],
    [condition("Provisioned", "False", "PullFailed"), "bad"],
    [condition("Provisioned", "False", "Pulling"), "neutral"],
    [condition("Finished", "True", "Expired"), "neutral"],
    [condition("Finished", "True", "OOMKilled"), "bad"],
    [condition("Finished", "False", "NotFinished"), "neutral"],
    [condition("Accepted", "False", "ClassNotFound"), "bad"],
  ])("$0.type $0.reason", (given, want) => expect(toneOf(given)).toBe(want));
});

it("spaces reasons", () => {
  expect(["PullFailed", "Expired", "OOMKilled", "ClassNotFound"].map(spaced)).toEqual([
    "Pull failed",
    "Expired",
    "OOM killed",
    "Class not found",
  ]);
});

describe("provisioning", () => {
  const accepted = condition("Accepted", "True", "Accepted");

  it("goes on step by step", () => {
    expect(labels(lease([]))).toEqual(["active", "waiting", "waiting", "waiting"]);
    expect(labels(lease([accepted]))).toEqual(["done", "active", "waiting", "waiting"]);
    const at = (reason: string) => labels(lease([accepted, condition("Provisioned", "False", reason)]));
    expect(at("Pulling")).toEqual(["done", "active", "waiting", "waiting"]);
    expect(at("PullFailed")).toEqual(["done", "failed", "waiting", "waiting"]);
    expect(at("Creating")).toEqual(["done", "done", "active", "waiting"]);
    expect(at("StartFailed")).toEqual(["done", "done", "done", "failed"]);
  });

  it("is over once it has started, ended, or is not to run", () => {
    expect(provisioning(lease([accepted], { startTime: "2026-01-01T12:00:01Z" }))).toBeUndefined();
    expect(provisioning(lease([], { phase: "Failed" }))).toBeUndefined();
    const suspended = lease([accepted]);
    suspended.spec.operatingMode = "Suspended";
    expect(provisioning(suspended)).toBeUndefined();
  });
});

it("reads how far a pull has come", () => {
  expect(pullProgress("Pulling x: 1 of 3 layers, 1.5 of 6.0 MB.")).toBe(0.25);
  expect(pullProgress("Pulling x: 1 of 3 layers.")).toBeUndefined();
  expect(pullProgress("Pulling x, 0.0 of 0.0 MB.")).toBeUndefined();
  expect(pullProgress(undefined)).toBeUndefined();
});
