import { Text } from "@mantine/core";
import { useMemo } from "react";
import type { ContainerLease, Event } from "@/api/types";
import { Card } from "@/components/Card";
import { useNow } from "@/lib/clock";
import { moment } from "@/lib/format";
import { ago } from "@/lib/time";
import classes from "./Timeline.module.css";
import { type Entry, timeline } from "./view";

interface Props {
  lease: ContainerLease;
  events: readonly Event[];
  /** Why there are no events, if that is not known to be so. */
  error: Error | null | undefined;
}

/** What has happened to the lease, the newest first. */
export function Timeline({ lease, events, error }: Props) {
  const entries = useMemo(() => timeline(lease, events), [lease, events]);
  return (
    <Card title="Timeline">
      {error && (
        <Text size="xs" c="dimmed" mb="xs">
          The events could not be read: {error.message}
        </Text>
      )}
      <ol className={classes.timeline}>
        {entries.map((entry) => (
          <Item key={entry.key} entry={entry} />
        ))}
      </ol>
    </Card>
  );
}

function Item({ entry }: { entry: Entry }) {
  return (
    <li className={classes.entry} data-tone={entry.tone}>
      <span className={classes.dot} aria-hidden />
      <div className={classes.line}>
        <Text component="span" size="sm" fw={550}>
          {entry.title}
          {entry.times > 1 && (
            <Text component="span" size="xs" c="dimmed" className="numbers">
              {" "}
              ×{entry.times}
            </Text>
          )}
        </Text>
        <Ago at={entry.at} />
      </div>
      {entry.detail && (
        <Text size="xs" c="dimmed" className={classes.detail ?? ""}>
          {entry.detail}
        </Text>
      )}
    </li>
  );
}

function Ago({ at }: { at: number }) {
  const now = useNow();
  return (
    <Text
      component="time"
      size="xs"
      c="dimmed"
      className="numbers"
      dateTime={new Date(at).toISOString()}
      title={moment(at)}
    >
      {ago(at, now)}
    </Text>
  );
}
