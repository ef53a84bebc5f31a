import { Slider, TextInput } from "@mantine/core";
import type { LeaseClass } from "@/api/types";
import { formatDuration, parseDuration } from "@/lib/duration";
import { nearestStep, timeSteps } from "./form";
import classes from "./TimeField.module.css";

interface Props {
  spec: LeaseClass["spec"];
  value: string;
  onChange: (ttl: string) => void;
  error: string | undefined;
}

/** How long the lease is to run: by a slider in steps, or to the second by text. */
export function TimeField({ spec, value, onChange, error }: Props) {
  const steps = timeSteps(spec);
  const words = (index: number) => formatDuration(steps[index] ?? 0);
  const at = nearestStep(steps, parseDuration(value) ?? 0);
  return (
    <div className={classes.field}>
      <TextInput
        label="Time"
        description={`From ${spec.ttl.min} to ${spec.ttl.max}, to be extended up to that`}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error}
        autoComplete="off"
        spellCheck={false}
      />
      {steps.length > 1 && (
        <Slider
          className={classes.slider ?? ""}
          classNames={{ markLabel: classes.mark ?? "" }}
          thumbLabel="Time, in steps"
          thumbValueText={words}
          min={0}
          max={steps.length - 1}
          step={1}
          value={at}
          onChange={(index) => onChange(words(index))}
          label={words}
          marks={steps.map((_, index) => ({
            value: index,
            label: index === 0 || index === steps.length - 1 ? words(index) : undefined,
          }))}
        />
      )}
    </div>
  );
}
