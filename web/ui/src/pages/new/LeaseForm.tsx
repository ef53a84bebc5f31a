import { Alert, Autocomplete, Button, Combobox, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { createLease } from "@/api/leases";
import type { LeaseClass } from "@/api/types";
import { Card } from "@/components/Card";
import { useSession } from "@/components/session";
import { isDefaultClass, nameOf, namespaceOf } from "@/lib/lease";
import { EnvEditor } from "./EnvEditor";
import { Estimate } from "./Estimate";
import {
  changeClass,
  check,
  cpuSteps,
  type Errors,
  emptyValues,
  fill,
  homeOf,
  memorySteps,
  toLease,
  type Values,
} from "./form";
import { ImagePicker } from "./ImagePicker";
import classes from "./LeaseForm.module.css";
import { fieldErrors } from "./refusal";
import { Snippets } from "./Snippets";
import { TimeField } from "./TimeField";

interface Props {
  classes: readonly LeaseClass[];
  /** The class to begin with. */
  first: LeaseClass;
}

/** The form, with what it would cost and the same by other means beside it. */
export function LeaseForm({ classes: all, first }: Props) {
  const session = useSession();
  const navigate = useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const [values, setValues] = useState<Values>(emptyValues);
  const [refused, setRefused] = useState<Errors>({});
  // What is wrong shows where something was entered, and everywhere once it was to be sent. It does not
  // wait until a field is left: what is clicked at that moment would move away under the pointer.
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [sent, setSent] = useState(false);

  const leaseClass =
    all.find((each) => each.metadata?.name === (values.className ?? first.metadata?.name)) ?? first;
  const filled = fill(values, leaseClass, homeOf(session));
  const wrong = check(filled, leaseClass);
  const lease = toLease(filled, leaseClass);
  const choosesClass = all.length > 1;

  const create = useMutation({
    mutationFn: createLease,
    onSuccess: (created) =>
      navigate({
        to: "/leases/$namespace/$name",
        params: { namespace: namespaceOf(created), name: nameOf(created) },
      }),
    onError: (error, lease) => {
      setRefused(fieldErrors(error, lease, choosesClass));
      focusFirstError(form.current);
    },
  });

  const set = (field: string, change: Partial<Values>) => {
    setValues((before) => ({ ...before, ...change }));
    // What the server said was about what was entered before.
    setRefused((before) => without(before, field));
    setTouched((before) => new Set(before).add(field));
  };
  const error = (field: string) =>
    ((sent || touched.has(field)) && wrong[field]) || startingWith(refused, field);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSent(true);
    setRefused({});
    if (Object.keys(wrong).length > 0) focusFirstError(form.current);
    else create.mutate(lease);
  };
  const general =
    create.isError && Object.keys(fieldErrors(create.error, create.variables, choosesClass)).length === 0
      ? create.error
      : undefined;
  const { cpu, memory } = leaseClass.spec;
  return (
    <form ref={form} onSubmit={submit} noValidate className={classes.columns}>
      <Stack gap="md" miw={0}>
        <Card title="What">
          <Stack gap="md">
            {choosesClass && (
              <Select
                label="Class"
                description="Which images and sizes there are, and their prices"
                data={all
                  .map((each) => each.metadata?.name ?? "")
                  .sort((a, b) => a.localeCompare(b))
                  .map((value) => ({ value, label: label(value, all) }))}
                value={leaseClass.metadata?.name ?? null}
                onChange={(name) => {
                  const chosen = all.find((each) => each.metadata?.name === name);
                  if (chosen) set("spec", changeClass(values, chosen));
                }}
                allowDeselect={false}
                error={error("spec.className")}
                maw={420}
              />
            )}
            <ImagePicker
              images={leaseClass.spec.images}
              image={filled.image}
              reference={values.reference}
              error={error("spec.image")}
              onChange={(change) => set("spec.image", change)}
            />
          </Stack>
        </Card>
        <Card title="How much">
          <Stack gap="md">
            <TimeField
              spec={leaseClass.spec}
              value={filled.ttl}
              onChange={(ttl) => set("spec.ttl", { ttl })}
              error={error("spec.ttl")}
            />
            <div className={classes.pair}>
              <Autocomplete
                label="CPU"
                description={`Cores, from ${cpu.min} to ${cpu.max}`}
                data={cpuSteps(leaseClass.spec)}
                rightSection={<Combobox.Chevron />}
                rightSectionPointerEvents="none"
                filter={({ options }) => options}
                value={filled.cpu}
                onChange={(cpu) => set("spec.resources.cpu", { cpu })}
                error={error("spec.resources.cpu")}
              />
              <Autocomplete
                label="Memory"
                description={`From ${memory.min} to ${memory.max}`}
                data={memorySteps(leaseClass.spec)}
                rightSection={<Combobox.Chevron />}
                rightSectionPointerEvents="none"
                filter={({ options }) => options}
                value={filled.memory}
                onChange={(memory) => set("spec.resources.memory", { memory })}
                error={error("spec.resources.memory")}
              />
            </div>
          </Stack>
        </Card>
        <Card title="What runs">
          <Stack gap="md">
            <TextInput
              label="Command"
              description="In place of the image's own. No shell reads it: for one, write sh -c '…'"
              placeholder="The image's own"
              value={values.command}
              onChange={(event) => set("spec.command", { command: event.currentTarget.value })}
              classNames={{ input: classes.code ?? "" }}
              autoComplete="off"
              spellCheck={false}
              error={error("spec.command")}
            />
            <EnvEditor
              env={values.env}
              onChange={(env, field = "spec.env") => set(field, { env })}
              error={error}
            />
          </Stack>
        </Card>
        <Card title="Whose">
          <div className={classes.pair}>
            {!session.admin && session.editorOf.length > 1 ? (
              <Select
                label="Namespace"
                data={[...session.editorOf]}
                value={filled.namespace}
                onChange={(namespace) => set("metadata.namespace", { namespace: namespace ?? undefined })}
                allowDeselect={false}
                error={error("metadata.namespace")}
              />
            ) : (
              <TextInput
                label="Namespace"
                readOnly={!session.admin}
                value={filled.namespace}
                onChange={(event) => set("metadata.namespace", { namespace: event.currentTarget.value })}
                autoComplete="off"
                spellCheck={false}
                error={error("metadata.namespace")}
              />
            )}
            <TextInput
              label="Name"
              placeholder="One is made up"
              value={values.name}
              onChange={(event) => set("metadata.name", { name: event.currentTarget.value })}
              autoComplete="off"
              spellCheck={false}
              error={error("metadata.name")}
            />
          </div>
        </Card>
      </Stack>
      <div className={classes.aside}>
        <Estimate pricing={leaseClass.spec.pricing} values={filled}>
          {general && (
            <Alert
              color="red"
              icon={<IconAlertTriangle aria-hidden />}
              title="The lease was not created"
              role="alert"
            >
              <Text size="sm" c="var(--text)">
                {general.message}
              </Text>
            </Alert>
          )}
          <Button type="submit" fullWidth loading={create.isPending || create.isSuccess}>
            Create lease
          </Button>
        </Estimate>
        <Snippets lease={lease} />
      </div>
    </form>
  );
}

function label(name: string, all: readonly LeaseClass[]): string {
  const leaseClass = all.find((each) => each.metadata?.name === name);
  return leaseClass && isDefaultClass(leaseClass) ? `${name} (default)` : name;
}

/** The first message of a field or of a part of it. */
function startingWith(errors: Errors, field: string): string | undefined {
  return Object.entries(errors).find(([name]) => name === field || name.startsWith(`${field}[`))?.[1];
}

function without(errors: Errors, field: string): Errors {
  return Object.fromEntries(Object.entries(errors).filter(([name]) => !name.startsWith(field)));
}

function focusFirstError(form: HTMLFormElement | null): void {
  // Once what is wrong is in the document.
  window.requestAnimationFrame(() => form?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
}
