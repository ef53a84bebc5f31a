import { Text } from "@mantine/core";
import type { ContainerLease } from "@/api/types";
import { useNow } from "@/lib/clock";
import { countdownOf } from "@/lib/lease";
import { TimeLeft } from "./TimeLeft";

/** How long a lease has still to run; a dash where nothing counts down. */
export function CountdownBar({ lease }: { lease: ContainerLease }) {
  const countdown = countdownOf(lease, useNow());
  if (countdown) return <TimeLeft countdown={countdown} />;
  return (
    <Text component="span" c="dimmed" size="sm">
      –
    </Text>
  );
}
