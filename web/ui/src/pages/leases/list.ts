import type { ContainerLease, LeaseClass } from "@/api/types";

/** What both forms of the list, table and cards, are made from. */
export interface ListProps {
  leases: readonly ContainerLease[];
  classes: ReadonlyMap<string, LeaseClass>;
  /** By their UIDs. */
  marked: ReadonlySet<string>;
  onMark: (uids: readonly string[], on: boolean) => void;
  onDelete: (lease: ContainerLease) => void;
  editable: (lease: ContainerLease) => boolean;
  /** Whether a name alone doesn't tell which lease is meant. */
  manyNamespaces: boolean;
}

/** What one of the list is made from. */
export interface ItemProps {
  lease: ContainerLease;
  leaseClass: LeaseClass | undefined;
  marked: boolean;
  editable: boolean;
  manyNamespaces: boolean;
  onMark: ListProps["onMark"];
  onDelete: ListProps["onDelete"];
}

export function itemProps(lease: ContainerLease, list: ListProps): ItemProps {
  return {
    lease,
    leaseClass: list.classes.get(lease.spec.className ?? ""),
    marked: list.marked.has(lease.metadata?.uid ?? ""),
    editable: list.editable(lease),
    manyNamespaces: list.manyNamespaces,
    onMark: list.onMark,
    onDelete: list.onDelete,
  };
}
