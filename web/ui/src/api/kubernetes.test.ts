import { afterEach, expect, it, vi } from "vitest";
import {
  collectionPath,
  containerLeases,
  createObject,
  events,
  leaseClasses,
  objectPath,
} from "./kubernetes";
import type { ContainerLease } from "./types";

afterEach(() => vi.unstubAllGlobals());

it.each([
  [collectionPath(leaseClasses), "/apis/containerlease.dev/v1alpha1/leaseclasses"],
  [collectionPath(events, "ada"), "/apis/events.k8s.io/v1/namespaces/ada/events"],
  [
    objectPath(containerLeases, { namespace: "a/b", name: "c?d" }, "log"),
    "/apis/containerlease.dev/v1alpha1/namespaces/a%2Fb/containerleases/c%3Fd/log",
  ],
])("finds %s", (path, want) => expect(path).toBe(want));

it("only tries, where it is told to", async () => {
  const paths: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    paths.push(path);
    return new Response("{}");
  });
  const lease: ContainerLease = { spec: { image: "box" } };
  await createObject(containerLeases, "ada", lease);
  await createObject(containerLeases, "ada", lease, { dryRun: true });
  const path = collectionPath(containerLeases, "ada");
  expect(paths).toEqual([path, `${path}?dryRun=All`]);
});
