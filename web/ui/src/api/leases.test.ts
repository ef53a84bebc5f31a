import { afterEach, describe, expect, it, vi } from "vitest";
import { deleteLease, extendLease, newLease, setOperatingMode } from "./leases";
import type { ContainerLease } from "./types";

const minute = 60_000;

function lease(ttl: string): ContainerLease {
  return { metadata: { name: "a", namespace: "ada", uid: "u1" }, spec: { image: "box", ttl } };
}

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** Stands for the server: answers in turn, and remembers what was sent. */
function answering(...answers: [number, object][]): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    sent.push({
      method: init.method ?? "",
      path,
      body: init.body ? JSON.parse(String(init.body)) : undefined,
    });
    const [status, body] = answers.shift() ?? [500, {}];
    return new Response(JSON.stringify(body), { status });
  });
  return sent;
}

const invalid: [number, object] = [422, { kind: "Status", message: "the server rejected our request" }];

afterEach(() => vi.unstubAllGlobals());

describe("extendLease", () => {
  it("says what it adds to, and of which lease", async () => {
    const sent = answering([200, lease("45m")]);
    await extendLease(lease("30m"), 15 * minute, 120 * minute);
    expect(sent).toEqual([
      {
        method: "PATCH",
        path: "/apis/containerlease.dev/v1alpha1/namespaces/ada/containerleases/a",
        body: [
          { op: "test", path: "/metadata/uid", value: "u1" },
          { op: "test", path: "/spec/ttl", value: "30m" },
          { op: "replace", path: "/spec/ttl", value: "45m" },
        ],
      },
    ]);
  });

  it("never goes beyond the maximum", async () => {
    const sent = answering([200, lease("2h")]);
    await extendLease(lease("1h50m"), 30 * minute, 120 * minute);
    expect(sent[0]?.body).toContainEqual({ op: "replace", path: "/spec/ttl", value: "2h" });
  });

  it("takes nothing away that a class no longer allows", async () => {
    const sent = answering([200, lease("3h")]);
    await extendLease(lease("3h"), 15 * minute, 120 * minute);
    expect(sent[0]?.body).toContainEqual({ op: "replace", path: "/spec/ttl", value: "3h" });
  });

  it("adds to what another has made of it", async () => {
    const sent = answering(invalid, [200, lease("40m")], [200, lease("55m")]);
    await expect(extendLease(lease("30m"), 15 * minute, 120 * minute)).resolves.toMatchObject({
      spec: { ttl: "55m" },
    });
    expect(sent[2]?.body).toContainEqual({ op: "replace", path: "/spec/ttl", value: "55m" });
  });

  it("gives up where it is refused for something else", async () => {
    const sent = answering(invalid, [200, lease("30m")]);
    await expect(extendLease(lease("30m"), 15 * minute, 120 * minute)).rejects.toThrow("rejected");
    expect(sent).toHaveLength(2);
  });

  it("does not try for ever", async () => {
    const ttls = ["31m", "32m", "33m", "34m", "35m", "36m"];
    const sent = answering(...ttls.flatMap((ttl): [number, object][] => [invalid, [200, lease(ttl)]]));
    await expect(extendLease(lease("30m"), 15 * minute, 120 * minute)).rejects.toThrow("rejected");
    expect(sent.filter(({ method }) => method === "PATCH")).toHaveLength(5);
  });

  it("does not try again what may not be", async () => {
    const sent = answering([403, { kind: "Status", message: "may not" }], [200, lease("40m")]);
    await expect(extendLease(lease("30m"), 15 * minute, 120 * minute)).rejects.toThrow("may not");
    expect(sent).toHaveLength(1);
  });
});

it("suspends a lease, whatever else changes", async () => {
  const sent = answering([200, lease("30m")]);
  await setOperatingMode(lease("30m"), "Suspended");
  expect(sent[0]?.body).toContainEqual({ op: "add", path: "/spec/operatingMode", value: "Suspended" });
});

describe("deleteLease", () => {
  it("means the lease, and not its name", async () => {
    const sent = answering([200, {}]);
    await deleteLease(lease("30m"));
    expect(sent[0]).toMatchObject({ method: "DELETE", body: { preconditions: { uid: "u1" } } });
  });

  it("does not mind that it is gone", async () => {
    answering([404, { kind: "Status", message: "not found" }]);
    await expect(deleteLease(lease("30m"))).resolves.toBeUndefined();
    answering([403, { kind: "Status", message: "may not" }]);
    await expect(deleteLease(lease("30m"))).rejects.toThrow("may not");
  });
});

describe("newLease", () => {
  it.each([
    ["ubuntu", "ubuntu-"],
    ["registry.example.com:5000/team/My_App:1.2", "my-app-"],
    ["alpine@sha256:abc", "alpine-"],
    ["123", "lease-"],
    ["", "lease-"],
    ["team/7zip_-", "zip-"],
    ["a".repeat(80), `${"a".repeat(40)}-`],
  ])("has a name made up for %s", (image, prefix) => {
    expect(newLease("ada", "", { image }).metadata).toEqual({ generateName: prefix, namespace: "ada" });
  });

  it("keeps the name that it is given", () => {
    expect(newLease("ada", "mine", { image: "ubuntu" }).metadata).toEqual({ name: "mine", namespace: "ada" });
  });
});
