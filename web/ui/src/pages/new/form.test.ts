import { describe, expect, it } from "vitest";
import type { LeaseClass } from "@/api/types";
import { curlCommand, kubectlCommand } from "./commands";
import {
  changeClass,
  check,
  cpuSteps,
  emptyValues,
  type Filled,
  fill,
  firstClass,
  homeOf,
  memorySteps,
  nearestStep,
  other,
  timeSteps,
  toLease,
} from "./form";

function leaseClass(
  name: string,
  more: Partial<LeaseClass["spec"]> = {},
  meta: LeaseClass["metadata"] = {},
): LeaseClass {
  return {
    metadata: { name, ...meta },
    spec: {
      images: { catalog: [{ name: "ubuntu", reference: "ubuntu:22.04" }], allow: ["docker.io/library/*:*"] },
      ttl: { min: "5m", default: "30m", max: "2h" },
      cpu: { min: "250m", default: "500m", max: "2" },
      memory: { min: "256Mi", default: "512Mi", max: "2Gi" },
      pricing: { currency: "USD", perCPUHour: "0.04", perGiBHour: "0.005" },
      ...more,
    },
  };
}

const standard = leaseClass("standard");
const filled = (more: Partial<Filled> = {}): Filled => ({ ...fill(emptyValues, standard, "ada"), ...more });
const env = (...names: string[]) => names.map((name, id) => ({ id, name, value: "x" }));

describe("firstClass", () => {
  it("is the default, the youngest of many, else the first by name", () => {
    const marked = (created: string) => ({
      annotations: { "containerlease.dev/is-default-class": "true" },
      creationTimestamp: created,
    });
    const [a, b, c] = [
      leaseClass("a"),
      leaseClass("b", {}, marked("2026-01-01T00:00:00Z")),
      leaseClass("c", {}, marked("2026-01-02T00:00:00Z")),
    ];
    expect(firstClass([a, b, c])).toBe(c);
    expect(firstClass([b, a])).toBe(b);
    expect(firstClass([leaseClass("z"), a])).toBe(a);
    expect(firstClass([])).toBeUndefined();
  });
});

describe("homeOf", () => {
  it.each([
    [true, [], "ada"],
    [true, ["team"], "ada"],
    [false, ["aaa", "ada"], "ada"],
    [false, ["team", "zoo"], "team"],
  ])("of admin %s who edits %j is %s", (admin, editorOf, home) => {
    const session = { user: "ada", admin, namespace: "ada", namespaces: editorOf, editorOf, expiresAt: null };
    expect(homeOf(session)).toBe(home);
  });
});

describe("check", () => {
  it("finds nothing wrong with what the class says itself", () => {
    expect(check(filled(), standard)).toEqual({});
  });

  it.each<[string, Partial<Filled>, RegExp]>([
    ["metadata.name", { name: "Build 42" }, /"Build 42" is no name/],
    ["metadata.name", { name: "-x" }, /is no name/],
    ["metadata.namespace", { namespace: "" }, /is no namespace/],
    ["metadata.namespace", { namespace: "a.b" }, /is no namespace/],
    ["spec.image", { image: other }, /Name an image/],
    ["spec.image", { image: other, reference: "a b" }, /"a b" is no image reference; write one such as/],
    ["spec.ttl", { ttl: "soon" }, /"soon" is no time; write one such as 30m/],
    ["spec.ttl", { ttl: "3h" }, /Class standard allows from 5m to 2h, not 3h/],
    ["spec.ttl", { ttl: "4m59s" }, /from 5m to 2h/],
    ["spec.resources.cpu", { cpu: "8" }, /Class standard allows from 250m to 2/],
    ["spec.resources.cpu", { cpu: "many" }, /"many" is no quantity/],
    ["spec.resources.memory", { memory: "255Mi" }, /from 256Mi to 2Gi/],
    ["spec.command", { command: "sh -c 'open" }, /the quote ' is not closed/],
    ["spec.command", { command: "'' x" }, /Name the program/],
    ["spec.env[0].name", { env: env("") }, /Name the variable/],
    ["spec.env[1].name", { env: env("A", "1B") }, /"1B" is no name/],
    ["spec.env[1].name", { env: env("A", "A") }, /A is set twice/],
  ])("%s of %j", (field, values, message) => {
    const errors = check(filled(values), standard);
    expect(Object.keys(errors)).toEqual([field]);
    expect(errors[field]).toMatch(message);
  });

  it("takes a catalog name and what a pattern allows for another image", () => {
    for (const reference of ["ubuntu", " redis:7 ", "docker.io/library/redis:7"]) {
      expect(check(filled({ image: other, reference }), standard)).toEqual({});
    }
  });

  it("takes whatever is the same amount", () => {
    expect(check(filled({ ttl: "120m", cpu: "2000m", memory: "2048Mi" }), standard)).toEqual({});
  });
});

describe("changeClass", () => {
  const small = leaseClass("small", {
    images: { catalog: [{ name: "alpine", reference: "alpine:3.22" }] },
    cpu: { min: "50m", default: "100m", max: "500m" },
  });

  it("keeps what still holds, and lets the class say the rest", () => {
    const values = { ...emptyValues, image: "ubuntu", ttl: "45m", cpu: "2", memory: "1Gi", name: "x" };
    expect(changeClass(values, small)).toEqual({
      ...emptyValues,
      className: "small",
      name: "x",
      ttl: "45m",
      memory: "1Gi",
    });
  });

  it("keeps another image where another image may be", () => {
    const values = { ...emptyValues, image: other, reference: "debian" };
    expect(changeClass(values, standard).image).toBe(other);
    expect(changeClass(values, small).image).toBeUndefined();
  });
});

describe("toLease", () => {
  it("says all that is asked for, and no more", () => {
    expect(toLease(filled({ name: "demo" }), standard)).toEqual({
      apiVersion: "containerlease.dev/v1alpha1",
      kind: "ContainerLease",
      metadata: { name: "demo", namespace: "ada" },
      spec: {
        className: "standard",
        image: "ubuntu",
        ttl: "30m",
        resources: { cpu: "500m", memory: "512Mi" },
      },
    });
    const more = filled({ image: other, reference: " debian:12 ", command: "sh -c 'a b'", env: env("A") });
    expect(toLease(more, standard)).toMatchObject({
      metadata: { generateName: "debian-" },
      spec: { image: "debian:12", command: ["sh", "-c", "a b"], env: [{ name: "A", value: "x" }] },
    });
  });
});

describe("what is offered", () => {
  it("lies within the bounds, and has bounds and default", () => {
    expect(cpuSteps(standard.spec)).toEqual(["250m", "500m", "750m", "1", "1500m", "2"]);
    expect(memorySteps(standard.spec)).toEqual(["256Mi", "512Mi", "768Mi", "1Gi", "1536Mi", "2Gi"]);
    expect(timeSteps(standard.spec).map((ms) => ms / 60_000)).toEqual([5, 10, 15, 20, 30, 45, 60, 90, 120]);
  });

  it("takes odd bounds as they are", () => {
    const odd = leaseClass("odd", {
      cpu: { min: "130m", default: "0.6", max: "1.1" },
      memory: { min: "100M", default: "300Mi", max: "300Mi" },
      ttl: { min: "7m", default: "7m", max: "7m" },
    });
    expect(cpuSteps(odd.spec)).toEqual(["130m", "250m", "500m", "600m", "750m", "1", "1100m"]);
    expect(memorySteps(odd.spec)).toEqual(["128Mi", "256Mi", "300Mi"]);
    expect(timeSteps(odd.spec)).toEqual([7 * 60_000]);
  });

  it("finds the step next to a time", () => {
    expect(nearestStep([10, 20, 40], 29)).toBe(1);
    expect(nearestStep([10, 20, 40], 31)).toBe(2);
    expect(nearestStep([10], 99)).toBe(0);
  });
});

describe("the same by other means", () => {
  it("applies what has a name and creates what has none", () => {
    expect(kubectlCommand(toLease(filled({ name: "demo" }), standard))).toMatch(
      /^kubectl apply -f - <<'EOF'\napiVersion: /,
    );
    expect(kubectlCommand(toLease(filled(), standard))).toMatch(/^kubectl create -f - <<'EOF'\n/);
  });

  it("ends its here-document where it ends", () => {
    const tricky = toLease(
      filled({ name: "demo", env: [{ id: 0, name: "A", value: "x\nEOF\ny" }] }),
      standard,
    );
    const lines = kubectlCommand(tricky).split("\n");
    const word = /'(\w+)'$/.exec(lines[0] ?? "")?.[1];
    expect(lines.filter((line) => line === word)).toHaveLength(1);
    expect(lines.at(-2)).toBe(word);
  });

  it("asks the API", () => {
    const lease = toLease(filled({ name: "demo", command: `echo "it's"` }), standard);
    const command = curlCommand("http://127.0.0.1:8080", lease);
    expect(command).toContain(
      "http://127.0.0.1:8080/apis/containerlease.dev/v1alpha1/namespaces/ada/containerleases",
    );
    expect(command).toContain(`["echo","it'\\''s"]`);
  });
});
