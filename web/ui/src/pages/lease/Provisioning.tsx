import { Loader, Progress, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircle, IconCircleCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Card } from "@/components/Card";
import classes from "./Provisioning.module.css";
import { pullProgress, type Step, type StepState } from "./view";

/** How far a lease has come on its way to running. */
export function Provisioning({ steps }: { steps: readonly Step[] }) {
  return (
    <Card title="Getting ready">
      <ol className={classes.steps} aria-live="polite">
        {steps.map((step) => (
          <Item key={step.label} step={step} />
        ))}
      </ol>
    </Card>
  );
}

const icons: Record<StepState, ReactNode> = {
  done: <IconCircleCheck size={18} aria-hidden />,
  active: <Loader size={16} aria-hidden />,
  failed: <IconAlertTriangle size={18} aria-hidden />,
  waiting: <IconCircle size={18} aria-hidden />,
};

function Item({ step }: { step: Step }) {
  const progress = step.state === "active" ? pullProgress(step.detail) : undefined;
  return (
    <li
      className={classes.step}
      data-state={step.state}
      aria-current={step.state === "active" ? "step" : undefined}
    >
      <span className={classes.icon}>{icons[step.state]}</span>
      <div className={classes.text}>
        <Text size="sm" fw={550} c={step.state === "waiting" ? "dimmed" : "var(--text)"}>
          {step.label}
        </Text>
        {step.detail && (
          <Text size="xs" c="dimmed" className={classes.detail ?? ""}>
            {step.detail}
          </Text>
        )}
        {progress !== undefined && <Progress value={progress * 100} size="sm" mt={6} aria-label="Pulled" />}
      </div>
    </li>
  );
}
