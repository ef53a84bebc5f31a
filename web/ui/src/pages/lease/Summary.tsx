import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { ContainerLease } from "@/api/types";
import { PhaseBadge } from "@/components/PhaseBadge";
import { TimeLeft } from "@/components/TimeLeft";
import { useNow } from "@/lib/clock";
import { cpu, memory, moment } from "@/lib/format";
import { countdownOf, explanation, isOver, phaseOf, sizeOf, ttlOf } from "@/lib/lease";
import { longTime, parseTime } from "@/lib/time";
import classes from "./Summary.module.css";

/** How the lease is, at a glance. */
export function Summary({ lease }: { lease: ContainerLease }) {
  const phase = phaseOf(lease);
  const size = sizeOf(lease);
  return (
    <div className={classes.summary}>
      <Fact label="Phase">
        <PhaseBadge phase={phase} />
        <Text size="xs" c="dimmed" lineClamp={2} title={explanation(lease)}>
          {phase === "Running" ? "The container runs." : explanation(lease)}
        </Text>
      </Fact>
      <TimeFact lease={lease} />
      <Fact label="Limits">
        <Text fw={600} className="numbers">
          {cpu(size.milliCPU)}, {memory(size.memoryBytes)}
        </Text>
        <Text size="xs" c="dimmed">
          Class {lease.spec.className}
        </Text>
      </Fact>
    </div>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <Text size="xs" c="dimmed" fw={600}>
        {label}
      </Text>
      {children}
    </div>
  );
}

function TimeFact({ lease }: { lease: ContainerLease }) {
  const now = useNow();
  const countdown = countdownOf(lease, now);
  const expires = parseTime(lease.status?.expirationTime);
  if (countdown && expires !== undefined) {
    return (
      <Fact label="Time left">
        <TimeLeft countdown={countdown} large />
        <Text size="xs" c="dimmed" className="numbers">
          of {longTime(ttlOf(lease))}, until {moment(expires)}
        </Text>
      </Fact>
    );
  }
  const started = parseTime(lease.status?.startTime);
  const finished = parseTime(lease.status?.finishTime);
  if (isOver(lease)) {
    return (
      <Fact label="Ran for">
        <Text fw={600} className="numbers">
          {started !== undefined && finished !== undefined ? longTime(finished - started) : "not at all"}
        </Text>
        <Text size="xs" c="dimmed">
          {finished === undefined ? "" : `until ${moment(finished)}`}
        </Text>
      </Fact>
    );
  }
  return (
    <Fact label="Time">
      <Text fw={600} className="numbers">
        {longTime(ttlOf(lease))}
      </Text>
      <Text size="xs" c="dimmed">
        The clock starts when the container runs.
      </Text>
    </Fact>
  );
}
