import { Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Pricing } from "@/api/types";
import { Card } from "@/components/Card";
import { Facts } from "@/components/Facts";
import { parseDuration } from "@/lib/duration";
import { money } from "@/lib/format";
import { estimate, hourlyRate, parseAmount } from "@/lib/money";
import { parseMilli } from "@/lib/quantity";
import classes from "./Estimate.module.css";
import type { Filled } from "./form";

/** What the lease would cost if it ran to its end, and what that is made of. */
export function Estimate({
  pricing,
  values,
  children,
}: {
  pricing: Pricing;
  values: Filled;
  children: ReactNode;
}) {
  const ms = parseDuration(values.ttl);
  const sized = parseMilli(values.cpu) !== undefined && parseMilli(values.memory) !== undefined;
  const { currency } = pricing;
  const perLease = parseAmount(pricing.perLease) ?? 0n;
  const facts: [string, string][] = [
    ["An hour", sized ? money(hourlyRate(pricing, values.cpu, values.memory), currency) : "–"],
  ];
  if (perLease > 0n) facts.push(["Once", money(perLease, currency)]);
  return (
    <Card title="Estimate">
      <Stack gap="sm">
        <Text className={`numbers ${classes.total}`} data-testid="estimate" aria-live="polite">
          {sized && ms !== undefined
            ? money(estimate(pricing, values.cpu, values.memory, ms), currency)
            : "–"}
        </Text>
        <Facts facts={facts} />
        <Text size="xs" c="dimmed">
          Billed is the time that the container really runs, to the nanosecond.
        </Text>
        {children}
      </Stack>
    </Card>
  );
}
