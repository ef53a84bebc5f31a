import { expect, it } from "vitest";
import type { LeaseClass } from "@/api/types";
import { inOrder, prices, rules } from "./view";

const leaseClass = (name: string, more: Partial<LeaseClass["spec"]> = {}, isDefault = false): LeaseClass => ({
  metadata: { name, annotations: isDefault ? { "containerlease.dev/is-default-class": "true" } : {} },
  spec: {
    images: {},
    ttl: { min: "5m", default: "30m", max: "2h" },
    cpu: { min: "250m", default: "500m", max: "2" },
    memory: { min: "256Mi", default: "512Mi", max: "2Gi" },
    pricing: { currency: "USD", perCPUHour: "0.04", perGiBHour: "0.005" },
    ...more,
  },
});

it("puts the default first", () => {
  const classes = [leaseClass("b"), leaseClass("z", {}, true), leaseClass("a")];
  expect(inOrder(classes).map(({ metadata }) => metadata?.name)).toEqual(["z", "a", "b"]);
});

it("says what it costs", () => {
  const facts = Object.fromEntries(prices(leaseClass("a").spec));
  expect(facts["A core, an hour"]).toContain("0.04");
  expect(facts["As it comes"]).toMatch(/0\.0113 for 30 min$/);
  expect(facts).not.toHaveProperty("Once for a lease");
  const pricing = { currency: "USD", perCPUHour: "0.04", perGiBHour: "0.005", perLease: "0.25" };
  expect(Object.fromEntries(prices(leaseClass("a", { pricing }).spec))["Once for a lease"]).toContain("0.25");
});

it("says what it allows", () => {
  const facts = Object.fromEntries(rules(leaseClass("a").spec));
  expect(facts).toEqual({
    Time: "5 min – 2 h, else 30 min",
    CPU: "0.25 CPU – 2 CPU, else 0.5 CPU",
    Memory: "256 MiB – 2 GiB, else 512 MiB",
  });
  const fixed = leaseClass("a", {
    cpu: { min: "1", default: "1", max: "1" },
    isolation: { network: "None", pidsLimit: 256, readOnlyRootFilesystem: true },
  });
  expect(Object.fromEntries(rules(fixed.spec))).toMatchObject({
    CPU: "1 CPU",
    Network: "none",
    Processes: "at most 256",
    "File system": "read-only but for /tmp",
  });
});
