import { useMemo } from "react";
import { leaseClasses } from "@/api/kubernetes";
import type { LeaseClass } from "@/api/types";
import { useCollection } from "@/api/watch/useCollection";

const everywhere = [undefined] as const;

/** The classes by their names; none until they are known. */
export function useClasses(): ReadonlyMap<string, LeaseClass> {
  const { data } = useCollection({ resource: leaseClasses, namespaces: everywhere });
  return useMemo(() => new Map(data?.map((each) => [each.metadata?.name ?? "", each])), [data]);
}
