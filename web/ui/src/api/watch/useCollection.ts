import { type QueryClient, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { KubernetesObject } from "../types";
import { Collection, type Selection } from "./collection";

/** How long a collection is kept up to date that no page shows: from one page to the next. */
const linger = 10_000;

const keyPrefix = "watch";

interface Entry {
  collection: Collection<KubernetesObject>;
  users: number;
  timer: number | undefined;
}

const entries = new WeakMap<QueryClient, Map<string, Entry>>();

function keyOf({ resource, namespaces, fieldSelector }: Selection<KubernetesObject>): readonly unknown[] {
  return [
    keyPrefix,
    resource.group,
    resource.plural,
    namespaces.map((name) => name ?? "*"),
    fieldSelector ?? "",
  ];
}

function obtain<T extends KubernetesObject>(client: QueryClient, selection: Selection<T>): Entry {
  let all = entries.get(client);
  if (!all) {
    all = new Map();
    entries.set(client, all);
  }
  const key = keyOf(selection);
  const name = JSON.stringify(key);
  let entry = all.get(name);
  if (!entry) {
    const collection = new Collection<T>(selection, (items) => client.setQueryData(key, items));
    entry = { collection: collection as unknown as Collection<KubernetesObject>, users: 0, timer: undefined };
    all.set(name, entry);
  }
  return entry;
}

function acquire<T extends KubernetesObject>(client: QueryClient, selection: Selection<T>): () => void {
  const entry = obtain(client, selection);
  entry.users++;
  window.clearTimeout(entry.timer);
  return () => {
    entry.users--;
    if (entry.users > 0) return;
    entry.timer = window.setTimeout(() => {
      const key = keyOf(selection);
      const all = entries.get(client);
      if (all?.get(JSON.stringify(key)) !== entry) return; // dropped meanwhile
      entry.collection.stop();
      all.delete(JSON.stringify(key));
      client.removeQueries({ queryKey: key });
    }, linger);
  };
}

/** Ends every collection and forgets what is in them: they are another person's from now on. */
export function dropCollections(client: QueryClient): void {
  for (const { collection, timer } of entries.get(client)?.values() ?? []) {
    window.clearTimeout(timer);
    collection.stop();
  }
  entries.delete(client);
  client.removeQueries({ queryKey: [keyPrefix] });
}

/**
 * The objects of a selection, in no order, as they are now: the query's data changes by itself for as long as
 * a component uses it. The selection may be a new object at each call.
 */
export function useCollection<T extends KubernetesObject>(selection: Selection<T>) {
  const client = useQueryClient();
  const name = JSON.stringify(keyOf(selection));
  // biome-ignore lint/correctness/useExhaustiveDependencies: name stands for the selection
  useEffect(() => acquire(client, selection), [client, name]);
  return useQuery(
    queryOptions({
      queryKey: keyOf(selection),
      queryFn: () => obtain(client, selection).collection.first as Promise<readonly T[]>,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: Number.POSITIVE_INFINITY,
      // It tries again by itself, and the query succeeds then.
      retry: false,
      refetchOnMount: false,
      refetchOnReconnect: false,
      refetchOnWindowFocus: false,
      structuralSharing: false,
    }),
  );
}
