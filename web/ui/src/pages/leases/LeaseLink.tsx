import { Link } from "@tanstack/react-router";
import type { ContainerLease } from "@/api/types";
import { nameOf, namespaceOf } from "@/lib/lease";
import classes from "./LeaseLink.module.css";

export function LeaseLink({ lease }: { lease: ContainerLease }) {
  return (
    <Link
      to="/leases/$namespace/$name"
      params={{ namespace: namespaceOf(lease), name: nameOf(lease) }}
      className={classes.link ?? ""}
      title={nameOf(lease)}
    >
      {nameOf(lease)}
    </Link>
  );
}
