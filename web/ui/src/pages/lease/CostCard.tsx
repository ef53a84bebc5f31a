import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { ContainerLease } from "@/api/types";
import { Card } from "@/components/Card";
import { Facts } from "@/components/Facts";
import { LiveCost } from "@/components/LiveCost";
import { exactMoney, money } from "@/lib/format";
import { costOf } from "@/lib/lease";
import { parseAmount } from "@/lib/money";

/** What the lease costs: the estimate beside what it has come to. */
export function CostCard({ lease }: { lease: ContainerLease }) {
  // The moment matters to what grows only, and that is shown by LiveCost.
  const cost = costOf(lease, 0);
  const rate = parseAmount(lease.status?.cost?.hourlyRate);
  if (!cost) {
    return (
      <Card title="Cost">
        <Text size="sm" c="dimmed">
          Known as soon as a class has accepted the lease.
        </Text>
      </Card>
    );
  }
  const facts: [string, ReactNode][] = [
    cost.final
      ? [
          "Final bill",
          <Text key="final" component="span" size="sm" fw={650} className="numbers" data-testid="final-cost">
            {exactMoney(cost.amount, cost.currency)}
          </Text>,
        ]
      : ["So far", <LiveCost key="live" lease={lease} />],
  ];
  if (cost.estimated !== undefined)
    facts.push(["Estimate for the whole time", money(cost.estimated, cost.currency)]);
  if (rate !== undefined) facts.push(["An hour", money(rate, cost.currency)]);
  return (
    <Card title="Cost">
      <Facts facts={facts} />
    </Card>
  );
}
