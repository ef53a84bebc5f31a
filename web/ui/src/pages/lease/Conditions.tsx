import { Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCircleDashed } from "@tabler/icons-react";
import type { Condition, ContainerLease } from "@/api/types";
import { Card } from "@/components/Card";
import { conditionOf } from "@/lib/lease";
import classes from "./Conditions.module.css";
import { conditionTypes, spaced, toneOf } from "./view";

/** The conditions, as they are now. */
export function Conditions({ lease }: { lease: ContainerLease }) {
  return (
    <Card title="Conditions">
      <ul className={classes.conditions}>
        {conditionTypes.map((type) => {
          const condition = conditionOf(lease, type);
          const tone = condition ? toneOf(condition) : "neutral";
          const met = condition?.status === "True";
          const Icon = tone === "bad" ? IconAlertTriangle : met ? IconCircleCheck : IconCircleDashed;
          return (
            <li key={type} className={classes.condition} data-tone={tone} title={condition?.message}>
              <Icon size={16} aria-hidden />
              <Text component="span" size="sm" fw={550} c="var(--text)">
                {type}
              </Text>
              <Text component="span" size="sm" c="dimmed" className={classes.reason ?? ""}>
                {condition ? saidBy(condition) : "not known yet"}
              </Text>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

/** What a condition's reason adds to its type. */
function saidBy({ type, status, reason }: Condition): string {
  if (status === "True" && reason === type) return "yes";
  return spaced(reason).toLowerCase();
}
