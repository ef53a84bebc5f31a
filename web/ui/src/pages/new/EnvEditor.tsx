import { ActionIcon, Button, Text, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useRef } from "react";
import classes from "./EnvEditor.module.css";
import type { Variable } from "./form";

interface Props {
  env: readonly Variable[];
  /** Called with the field that was changed, if it is one of those. */
  onChange: (env: readonly Variable[], field?: string) => void;
  error: (field: string) => string | undefined;
}

/** The variables that the command finds in its environment. */
export function EnvEditor({ env, onChange, error }: Props) {
  const add = useRef<HTMLButtonElement>(null);
  const change = (index: number, part: Partial<Variable>) =>
    onChange(
      env.map((each, at) => (at === index ? { ...each, ...part } : each)),
      `spec.env[${index}].${Object.keys(part)[0]}`,
    );
  const next = Math.max(-1, ...env.map(({ id }) => id)) + 1;
  return (
    <fieldset className={classes.env}>
      <legend className={classes.legend}>Environment</legend>
      {env.map(({ id, name, value }, index) => (
        <div key={id} className={classes.row}>
          <TextInput
            aria-label={`Name of variable ${index + 1}`}
            placeholder="NAME"
            value={name}
            onChange={(event) => change(index, { name: event.currentTarget.value })}
            // A row is there because somebody has just added it.
            autoFocus
            error={error(`spec.env[${index}].name`)}
            classNames={{ input: classes.code ?? "" }}
            autoComplete="off"
            spellCheck={false}
          />
          <TextInput
            aria-label={`Value of variable ${index + 1}`}
            placeholder="value"
            value={value}
            onChange={(event) => change(index, { value: event.currentTarget.value })}
            error={error(`spec.env[${index}].value`)}
            classNames={{ input: classes.code ?? "" }}
            autoComplete="off"
            spellCheck={false}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={`Remove variable ${index + 1}`}
            onClick={() => {
              onChange(env.filter((each) => each.id !== id));
              add.current?.focus();
            }}
          >
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {env.length === 0 && (
        <Text size="xs" c="dimmed">
          Whoever may read the lease can read the values, too.
        </Text>
      )}
      <Button
        ref={add}
        size="xs"
        variant="default"
        mt={8}
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => onChange([...env, { id: next, name: "", value: "" }])}
      >
        Add a variable
      </Button>
    </fieldset>
  );
}
