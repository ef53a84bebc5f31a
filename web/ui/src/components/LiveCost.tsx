import { Text } from "@mantine/core";
import type { ContainerLease } from "@/api/types";
import { useNow } from "@/lib/clock";
import { money } from "@/lib/format";
import { costOf } from "@/lib/lease";

/** What a lease has cost so far, as it grows; of one that is billed, its bill. */
export function LiveCost({ lease, size = "sm" }: { lease: ContainerLease; size?: string }) {
  const cost = costOf(lease, useNow());
  return (
    <Text component="span" size={size} className="numbers" c={cost ? "inherit" : "dimmed"}>
      {cost ? money(cost.amount, cost.currency) : "–"}
    </Text>
  );
}
