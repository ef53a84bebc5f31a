// What a person does to leases. Each writes what is wanted; the controllers see to the rest.
import { formatDuration, parseDuration } from "@/lib/duration";
import { isStatus } from "./http";
import {
  type Change,
  containerLeases,
  createObject,
  deleteObject,
  getObject,
  patchObject,
} from "./kubernetes";
import type { ContainerLease, ContainerLeaseSpec } from "./types";

export const apiVersion = "containerlease.dev/v1alpha1";

/** The lease that a form stands for, as a manifest: without a name, the server makes one up. */
export function newLease(namespace: string, name: string, spec: ContainerLeaseSpec): ContainerLease {
  return {
    apiVersion,
    kind: "ContainerLease",
    metadata: name ? { name, namespace } : { generateName: `${prefixOf(spec.image)}-`, namespace },
    spec,
  };
}

/** The last part of an image's name, as far as an object may be called so. */
function prefixOf(image: string): string {
  const last = image.split("/").pop()?.split(/[:@]/)[0] ?? "";
  const label = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return label.slice(0, 40) || "lease";
}

export function createLease(lease: ContainerLease): Promise<ContainerLease> {
  return createObject(containerLeases, lease.metadata?.namespace ?? "", lease);
}

/** Attempts at a change that others make at the same moment, too. */
const attempts = 5;

/**
 * Gives a lease more time, but no more in all than maxMs, which its class allows. Nothing is lost if somebody
 * else does so at the same moment: the time that is added to is part of the request, and an attempt that
 * crossed another is made anew.
 */
export async function extendLease(
  lease: ContainerLease,
  byMs: number,
  maxMs: number,
): Promise<ContainerLease> {
  let current = lease;
  for (let attempt = 1; ; attempt++) {
    const { ttl = "" } = current.spec;
    const before = parseDuration(ttl) ?? 0;
    // A class may allow less by now than a lease has already: that is not taken away.
    const longer = formatDuration(Math.max(before, Math.min(maxMs, before + byMs)));
    try {
      return await patchLease(current, [
        { op: "test", path: "/spec/ttl", value: ttl },
        { op: "replace", path: "/spec/ttl", value: longer },
      ]);
    } catch (error) {
      if (!isStatus(error, 422) || attempt === attempts) throw error;
      current = await getObject<ContainerLease>(containerLeases, current.metadata ?? {});
      if (current.spec.ttl === ttl) throw error; // refused for something else
    }
  }
}

export function setOperatingMode(
  lease: ContainerLease,
  operatingMode: NonNullable<ContainerLeaseSpec["operatingMode"]>,
): Promise<ContainerLease> {
  return patchLease(lease, [{ op: "add", path: "/spec/operatingMode", value: operatingMode }]);
}

/** Changes a lease, but none that has come to bear the same name since. */
function patchLease(lease: ContainerLease, changes: readonly Change[]): Promise<ContainerLease> {
  const { metadata = {} } = lease;
  return patchObject(containerLeases, metadata, [
    { op: "test", path: "/metadata/uid", value: metadata.uid },
    ...changes,
  ]);
}

/** Ends a lease, or clears away one that has ended. One that is gone already is no error. */
export async function deleteLease(lease: ContainerLease): Promise<void> {
  try {
    await deleteObject(containerLeases, lease.metadata ?? {});
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}
