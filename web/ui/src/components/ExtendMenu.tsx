import { Button, type ButtonProps, Group, Menu, Modal, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconChevronDown } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { extendLease } from "@/api/leases";
import type { ContainerLease, LeaseClass } from "@/api/types";
import { durationFormat, formatDuration, parseDuration } from "@/lib/duration";
import { extendableBy, nameOf, ttlOf } from "@/lib/lease";
import { longTime } from "@/lib/time";
import { useLeaseAction } from "./useLeaseAction";

const steps = [15, 30].map((minutes) => minutes * 60_000);

interface Props {
  lease: ContainerLease;
  leaseClass: LeaseClass | undefined;
  size?: ButtonProps["size"];
}

/** Gives a lease more time: a step by one click, any time by two, and never more than its class allows. */
export function ExtendMenu({ lease, leaseClass, size = "compact-sm" }: Props) {
  const [asking, dialog] = useDisclosure(false);
  const most = extendableBy(lease, leaseClass);
  const extend = useLeaseAction(`${nameOf(lease)} was not extended`, async (byMs: number) => {
    const changed = await extendLease(lease, byMs, parseDuration(leaseClass?.spec.ttl.max ?? "") ?? 0);
    notifications.show({ message: `${nameOf(lease)} may now run for ${longTime(ttlOf(changed))} in all.` });
  });
  const full = most === 0;
  const limit = `Class ${lease.spec.className} lets a lease run for ${longTime(ttlOf(lease) + most)} in all`;
  return (
    <>
      <Button.Group>
        {steps.map((step) => (
          <Button
            key={step}
            size={size}
            variant="default"
            disabled={step > most}
            loading={extend.isPending && extend.variables === step}
            onClick={() => extend.mutate(step)}
            title={step > most ? limit : undefined}
            aria-label={`+${step / 60_000} m for ${nameOf(lease)}`}
          >
            +{step / 60_000} m
          </Button>
        ))}
        <Menu position="bottom-end">
          <Menu.Target>
            <Button
              size={size}
              px={6}
              variant="default"
              disabled={full}
              title={full ? limit : undefined}
              aria-label={`Another time for ${nameOf(lease)}`}
            >
              <IconChevronDown size={14} aria-hidden />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => extend.mutate(most)}>As far as allowed: +{longTime(most)}</Menu.Item>
            <Menu.Item onClick={dialog.open}>Another time …</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Button.Group>
      <Modal opened={asking} onClose={dialog.close} title={`Extend ${nameOf(lease)}`} centered>
        <ExtendForm
          most={most}
          onSubmit={(byMs) => {
            dialog.close();
            extend.mutate(byMs);
          }}
        />
      </Modal>
    </>
  );
}

function ExtendForm({ most, onSubmit }: { most: number; onSubmit: (byMs: number) => void }) {
  const [text, setText] = useState("");
  const byMs = parseDuration(text);
  let error: string | undefined;
  if (text !== "" && byMs === undefined) error = `"${text}" is no time; write one ${durationFormat}`;
  else if (byMs === 0) error = "Nothing would change";
  else if (byMs !== undefined && byMs > most) error = `At most ${formatDuration(most)} more`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (byMs && !error) onSubmit(byMs);
  };
  return (
    <form onSubmit={submit}>
      <TextInput
        label="By"
        description={`At most ${formatDuration(most)}, ${durationFormat}`}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={error}
        data-autofocus
        autoComplete="off"
      />
      <Group justify="space-between" mt="md">
        <Text size="sm" c="dimmed">
          The container goes on as it is.
        </Text>
        <Button type="submit" disabled={!byMs || error !== undefined}>
          Extend
        </Button>
      </Group>
    </form>
  );
}
