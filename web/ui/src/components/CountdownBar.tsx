import { Text } from "@mantine/core";
import type { ContainerLease } from "@/api/types";
import { useNow } from "@/lib/clock";
import { countdownOf } from "@/lib/lease";
import { clockTime } from "@/lib/time";
import classes from "./CountdownBar.module.css";

/** How long a lease has still to run, as time and as a thin bar; a dash where nothing counts down. */
export function CountdownBar({ lease, size = "sm" }: { lease: ContainerLease; size?: string }) {
  const countdown = countdownOf(lease, useNow());
  if (!countdown) {
    return (
      <Text component="span" c="dimmed" size={size}>
        –
      </Text>
    );
  }
  const { left, fraction, urgency } = countdown;
  return (
    <div className={classes.countdown} data-urgency={urgency} role="timer">
      <Text component="span" className="numbers" size={size} fw={600} c="inherit">
        {urgency === "over" ? "time is up" : clockTime(left)}
      </Text>
      <div className={classes.track} aria-hidden>
        <div className={classes.bar} style={{ transform: `scaleX(${fraction})` }} />
      </div>
    </div>
  );
}
