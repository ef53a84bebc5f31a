// The Kubernetes-style API as the dashboard uses it, at the gateway's /apis.
import { requestJSON } from "./http";
import type { BillingRecord, ContainerLease, Event, KubernetesObject, LeaseClass, ObjectMeta } from "./types";

/** A kind of object: where its collections are, and what is in them. */
export interface Resource<T extends KubernetesObject> {
  group: string;
  plural: string;
  /** Never set: says what T is. */
  type?: T;
}

const ours = "containerlease.dev/v1alpha1";

export const containerLeases: Resource<ContainerLease> = { group: ours, plural: "containerleases" };
export const leaseClasses: Resource<LeaseClass> = { group: ours, plural: "leaseclasses" };
export const billingRecords: Resource<BillingRecord> = { group: ours, plural: "billingrecords" };
export const events: Resource<Event> = { group: "events.k8s.io/v1", plural: "events" };

export interface List<T> {
  metadata: { resourceVersion?: string };
  items: T[];
}

/** The path of a collection, below /apis or /ws/apis; of all namespaces if none is named. */
export function collectionPath(resource: Resource<KubernetesObject>, namespace?: string): string {
  const within = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `/apis/${resource.group}${within}/${resource.plural}`;
}

export function objectPath(
  resource: Resource<KubernetesObject>,
  meta: Pick<ObjectMeta, "namespace" | "name">,
  subresource?: string,
): string {
  const path = `${collectionPath(resource, meta.namespace)}/${encodeURIComponent(meta.name ?? "")}`;
  return subresource ? `${path}/${subresource}` : path;
}

export function createObject<T extends KubernetesObject>(
  resource: Resource<T>,
  namespace: string,
  object: T,
  options: { dryRun?: boolean; signal?: AbortSignal } = {},
): Promise<T> {
  const query = options.dryRun ? "?dryRun=All" : "";
  return requestJSON<T>(collectionPath(resource, namespace) + query, {
    method: "POST",
    body: object,
    signal: options.signal,
  });
}

/** A step of a JSON Patch (RFC 6902): tested before anything is changed, or changed. */
export interface Change {
  op: "test" | "add" | "replace";
  path: string;
  value: unknown;
}

/** Changes an object if it is as the tests say; 422 if it isn't, or may not be what it would become. */
export function patchObject<T extends KubernetesObject>(
  resource: Resource<T>,
  meta: ObjectMeta,
  changes: readonly Change[],
): Promise<T> {
  return requestJSON<T>(objectPath(resource, meta), {
    method: "PATCH",
    contentType: "application/json-patch+json",
    body: changes,
  });
}

export function getObject<T extends KubernetesObject>(
  resource: Resource<T>,
  meta: Pick<ObjectMeta, "namespace" | "name">,
  signal?: AbortSignal,
): Promise<T> {
  return requestJSON<T>(objectPath(resource, meta), { signal });
}

/** Deletes an object, but none that has come to bear the same name since. */
export async function deleteObject(resource: Resource<KubernetesObject>, meta: ObjectMeta): Promise<void> {
  await requestJSON(objectPath(resource, meta), {
    method: "DELETE",
    body: {
      kind: "DeleteOptions",
      apiVersion: "v1",
      ...(meta.uid ? { preconditions: { uid: meta.uid } } : {}),
    },
  });
}
