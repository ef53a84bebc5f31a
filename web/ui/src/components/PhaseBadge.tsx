import type { Phase } from "@/api/types";
import classes from "./PhaseBadge.module.css";

export function PhaseBadge({ phase }: { phase: Phase }) {
  return (
    <span className={classes.badge} data-phase={phase}>
      <span className={classes.dot} aria-hidden />
      {phase}
    </span>
  );
}
