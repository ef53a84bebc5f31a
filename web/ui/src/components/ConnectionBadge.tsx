import { Button, Text, Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { type ConnectionState, connection, subscribeToConnection, wakeAll } from "@/api/watch/connection";
import { useSecondsUntil } from "@/lib/clock";
import classes from "./ConnectionBadge.module.css";

const words: Record<Exclude<ConnectionState["kind"], "waiting">, { label: string; hint: string }> = {
  idle: { label: "Idle", hint: "This page shows nothing that changes by itself." },
  connecting: { label: "Connecting", hint: "Asking the server what there is." },
  live: { label: "Live", hint: "What you see is what is: changes appear by themselves." },
};

/** Whether what is shown is live, and when it is tried again if not. */
export function ConnectionBadge() {
  const state = useSyncExternalStore(subscribeToConnection, connection);
  const seconds = useSecondsUntil(state.kind === "waiting" ? state.retryAt : undefined);
  if (state.kind === "waiting") {
    return (
      <div className={classes.badge} data-state="waiting" role="status">
        <span className={classes.dot} aria-hidden />
        <Text component="span" size="xs" className="numbers">
          Disconnected<span className={classes.detail}>, retry in {seconds} s</span>
        </Text>
        <Button size="compact-xs" variant="subtle" color="red" onClick={wakeAll}>
          Now
        </Button>
      </div>
    );
  }
  const { label, hint } = words[state.kind];
  return (
    <Tooltip label={hint}>
      <div className={classes.badge} data-state={state.kind} role="status">
        <span className={classes.dot} aria-hidden />
        <Text component="span" size="xs">
          {label}
        </Text>
      </div>
    </Tooltip>
  );
}
