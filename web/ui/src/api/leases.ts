// What a person does to leases. Each writes what is wanted; the controllers see to the rest.
import { formatDuration, parseDuration } from "@/lib/duration";
import { isStatus } from "./http";
import { containerLeases, createObject, deleteObject, getObject, patchObject } from "./kubernetes";
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
 * Changes a lease by what change says of it as it is now: nothing that others change at the same moment is
 * lost, since a change that crossed another is made anew.
 */
export async function changeLease(
  lease: ContainerLease,
  change: (current: ContainerLease) => Partial<ContainerLeaseSpec>,
): Promise<ContainerLease> {
  let current = lease;
  for (let attempt = 1; ; attempt++) {
    const { uid, resourceVersion } = current.metadata ?? {};
    try {
      return await patchObject(containerLeases, current.metadata ?? {}, {
        metadata: { uid, resourceVersion },
        spec: change(current),
      });
    } catch (error) {
      if (!isStatus(error, 409) || attempt === attempts) throw error;
      current = await getObject<ContainerLease>(containerLeases, current.metadata ?? {});
    }
  }
}

/** Gives a lease more time, but no more in all than maxMs, which its class allows. */
export function extendLease(lease: ContainerLease, byMs: number, maxMs: number): Promise<ContainerLease> {
  return changeLease(lease, ({ spec }) => ({
    ttl: formatDuration(Math.min(maxMs, (parseDuration(spec.ttl ?? "") ?? 0) + byMs)),
  }));
}

export function setOperatingMode(
  lease: ContainerLease,
  operatingMode: NonNullable<ContainerLeaseSpec["operatingMode"]>,
): Promise<ContainerLease> {
  return changeLease(lease, () => ({ operatingMode }));
}

/** Ends a lease, or clears away one that has ended. One that is gone already is no error. */
export async function deleteLease(lease: ContainerLease): Promise<void> {
  try {
    await deleteObject(containerLeases, lease.metadata ?? {});
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}
