import { describe, expect, it } from "vitest";
import type { Condition, ContainerLease, LeaseClass } from "@/api/types";
import {
  costOf,
  countdownOf,
  explanation,
  extendableBy,
  isDefaultClass,
  ownerOf,
  phaseOf,
  sizeOf,
} from "./lease";

type Status = NonNullable<ContainerLease["status"]>;

function lease(status: Status = {}, metadata: ContainerLease["metadata"] = {}): ContainerLease {
  return {
    metadata: { name: "a", namespace: "team", ...metadata },
    spec: { image: "box", className: "standard", ttl: "1h", resources: { cpu: "1", memory: "1Gi" } },
    status,
  };
}

const standard: LeaseClass = {
  metadata: { name: "standard" },
  spec: {
    images: {},
    ttl: { min: "5m", default: "30m", max: "2h" },
    cpu: { min: "1", default: "1", max: "1" },
    memory: { min: "1Gi", default: "1Gi", max: "1Gi" },
    pricing: { currency: "USD", perCPUHour: "1", perGiBHour: "1" },
  },
};

const noon = Date.parse("2026-01-01T12:00:00Z");
const pricing = { currency: "USD", perCPUHour: "3.6", perGiBHour: "0", perLease: "0" };
const running: Status = {
  phase: "Running",
  startTime: "2026-01-01T12:00:00Z",
  expirationTime: "2026-01-01T13:00:00Z",
  pricing,
  segments: [{ containerID: "c", startedAt: "2026-01-01T12:00:00Z", cpu: "1", memory: "1Gi" }],
  cost: { currency: "USD", hourlyRate: "3.6", estimated: "3.6" },
};

describe("phaseOf", () => {
  it("is what the server says, but of what is being deleted", () => {
    expect(phaseOf(lease())).toBe("Pending");
    expect(phaseOf(lease(running))).toBe("Running");
    expect(phaseOf(lease(running, { deletionTimestamp: "2026-01-01T12:01:00Z" }))).toBe("Terminating");
    expect(phaseOf(lease({ phase: "Finished" }, { deletionTimestamp: "2026-01-01T12:01:00Z" }))).toBe(
      "Finished",
    );
  });
});

describe("costOf", () => {
  it("grows while it runs", () => {
    expect(costOf(lease(running), noon + 10_000)).toEqual({
      amount: 10_000_000n,
      estimated: 3_600_000_000n,
      final: false,
      currency: "USD",
    });
  });

  it("never grows past the end of the lease", () => {
    expect(costOf(lease(running), noon + 7_200_000)?.amount).toBe(3_600_000_000n);
  });

  it("stands still while it is suspended", () => {
    const [segment] = running.segments ?? [];
    const suspended = lease({
      ...running,
      phase: "Suspended",
      segments: segment ? [{ ...segment, finishedAt: "2026-01-01T12:00:05Z" }] : [],
    });
    expect(costOf(suspended, noon + 1_000_000)?.amount).toBe(5_000_000n);
  });

  it("is the bill in the end", () => {
    const cost = { currency: "USD", hourlyRate: "3.6", estimated: "3.6", final: "0.000000007" };
    expect(costOf(lease({ ...running, phase: "Finished", cost }), noon)).toMatchObject({
      amount: 7n,
      final: true,
    });
  });

  it("is final where that is nothing", () => {
    const cost = { currency: "USD", hourlyRate: "3.6", estimated: "3.6", final: "0" };
    expect(costOf(lease({ ...running, phase: "Failed", cost }), noon + 10_000)).toMatchObject({
      amount: 0n,
      final: true,
    });
  });

  it("counts what ran longer than it should have, as its bill will", () => {
    const [segment] = running.segments ?? [];
    const late = segment ? [{ ...segment, finishedAt: "2026-01-01T13:00:02Z" }] : [];
    expect(costOf(lease({ ...running, segments: late }), noon + 7_200_000)?.amount).toBe(3_602_000_000n);
  });

  it("is nothing before the container ran", () => {
    const nothing = { amount: 0n, final: false, currency: "USD" };
    expect(costOf(lease({ phase: "Provisioning", pricing }), noon)).toEqual({
      ...nothing,
      estimated: undefined,
    });
    const cost = { currency: "USD", hourlyRate: "1", estimated: "0.5" };
    expect(costOf(lease({ cost }), noon)).toEqual({ ...nothing, estimated: 500_000_000n });
  });

  it("grows before the end is known", () => {
    const { expirationTime: _, ...endless } = running;
    expect(costOf(lease(endless), noon + 10_000)?.amount).toBe(10_000_000n);
  });

  it("is not known before a class has accepted it", () => {
    expect(costOf(lease(), noon)).toBeUndefined();
  });
});

describe("countdownOf", () => {
  it("counts while there is something to count", () => {
    expect(countdownOf(lease(running), noon)?.left).toBe(3_600_000);
    expect(countdownOf(lease(), noon)).toBeUndefined();
    expect(countdownOf(lease({ ...running, phase: "Finished" }), noon)).toBeUndefined();
  });
});

describe("extendableBy", () => {
  it("is what the class leaves, of a lease that goes on", () => {
    expect(extendableBy(lease(running), standard)).toBe(3_600_000);
    expect(extendableBy(lease(running), undefined)).toBe(0);
    expect(extendableBy(lease({ ...running, phase: "Failed" }), standard)).toBe(0);
    expect(extendableBy(lease(running, { deletionTimestamp: "2026-01-01T12:01:00Z" }), standard)).toBe(0);
  });

  it("is nothing where the class has come to allow less than the lease has", () => {
    const short = { ...standard, spec: { ...standard.spec, ttl: { min: "5m", default: "5m", max: "30m" } } };
    expect(extendableBy(lease(running), short)).toBe(0);
  });
});

describe("explanation", () => {
  const condition = (type: string, status: Condition["status"], reason: string, message = ""): Condition => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: "2026-01-01T12:00:00Z",
  });

  it("is the first thing that is not as it should be", () => {
    const conditions = [
      condition("Accepted", "True", "Accepted", "allowed"),
      condition("Provisioned", "False", "Pulling", "Pulling box."),
      condition("Ready", "False", "Provisioning", "not yet"),
    ];
    expect(explanation(lease({ conditions }))).toBe("Pulling box.");
    expect(explanation(lease({ conditions, phase: "Suspended" }))).toBe("not yet");
    const refused = [
      condition("Accepted", "False", "TooLong", "The class allows 2h."),
      ...conditions.slice(1),
    ];
    expect(explanation(lease({ conditions: refused }))).toBe("The class allows 2h.");
  });

  it("is wanting where all is well, and where nobody has looked yet", () => {
    const conditions = ["Accepted", "Provisioned", "Ready"].map((type) =>
      condition(type, "True", type, "yes"),
    );
    expect(explanation(lease({ phase: "Running", conditions }))).toBeUndefined();
    expect(explanation(lease())).toBeUndefined();
  });

  it("is why it ended, of one that ended", () => {
    const conditions = [
      condition("Provisioned", "False", "Removed", "gone"),
      condition("Finished", "True", "Expired"),
    ];
    expect(explanation(lease({ phase: "Finished", conditions }))).toBe("Expired");
  });
});

it("is owned by who asked for it, else by its namespace", () => {
  expect(ownerOf(lease({}, { annotations: { "containerlease.dev/created-by": "ada" } }))).toBe("ada");
  expect(ownerOf(lease())).toBe("team");
});

it("has the size that it asks for", () => {
  expect(sizeOf(lease())).toEqual({ milliCPU: 1000, memoryBytes: 2 ** 30 });
});

it("is of the default class where that one says so", () => {
  const marked = (value: string): LeaseClass => ({
    ...standard,
    metadata: { annotations: { "containerlease.dev/is-default-class": value } },
  });
  expect([standard, marked("true"), marked("false")].map(isDefaultClass)).toEqual([false, true, false]);
});
