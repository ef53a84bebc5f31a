import { Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { deleteLease } from "@/api/leases";
import type { ContainerLease } from "@/api/types";
import { count } from "@/lib/format";
import { isOver, nameOf } from "@/lib/lease";

/** How many names a question lists. */
const listed = 6;
/** Requests under way at once. */
const parallel = 6;

/** Deletes each, whatever becomes of the others; returns what was refused, and why. */
async function deleteAll(leases: readonly ContainerLease[]): Promise<[ContainerLease, Error][]> {
  const refused: [ContainerLease, Error][] = [];
  const queue = [...leases];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let lease = queue.shift(); lease; lease = queue.shift()) {
        try {
          await deleteLease(lease);
        } catch (error) {
          refused.push([lease, error as Error]);
        }
      }
    }),
  );
  return refused;
}

interface Props {
  /** What is to be deleted; empty for no question. */
  leases: readonly ContainerLease[];
  /** Called with the leases that are still there, once the answer has been carried out. */
  onDone: (left: readonly ContainerLease[]) => void;
  onCancel: () => void;
}

/** Asks before leases are deleted, since a container that is gone does not come back. */
export function DeleteLeases({ leases: doomed, onDone, onCancel }: Props) {
  // The question stays as it is while it fades away.
  const [leases, setLeases] = useState(doomed);
  if (doomed.length > 0 && doomed !== leases) setLeases(doomed);
  const remove = useMutation({
    mutationFn: deleteAll,
    onSuccess: (refused) => {
      for (const [lease, error] of refused.slice(0, 3)) {
        notifications.show({
          color: "red",
          title: `${nameOf(lease)} was not deleted`,
          message: error.message,
          autoClose: 10_000,
        });
      }
      if (refused.length > 3) {
        notifications.show({
          color: "red",
          message: `${count(refused.length, "lease")} in all were not deleted.`,
        });
      }
      onDone(refused.map(([lease]) => lease));
    },
  });
  const [only] = leases;
  const running = leases.filter((lease) => !isOver(lease)).length;
  const title =
    leases.length === 1 && only ? `Delete ${nameOf(only)}` : `Delete ${count(leases.length, "lease")}`;
  return (
    <Modal opened={doomed.length > 0} onClose={onCancel} title={title} centered>
      <Stack gap="sm">
        {running > 0 ? (
          <Text size="sm">
            {leases.length === 1 ? "Its container is" : `${count(running, "container")} will be`} stopped and
            removed, with everything in {running === 1 ? "it" : "them"}. What ran is billed, and not more.
          </Text>
        ) : (
          <Text size="sm">What ended is cleared away. Its bill stays.</Text>
        )}
        {leases.length > 1 && (
          <List size="sm">
            {leases.slice(0, listed).map((lease) => (
              <List.Item key={lease.metadata?.uid}>{nameOf(lease)}</List.Item>
            ))}
            {leases.length > listed && <List.Item>and {leases.length - listed} more</List.Item>}
          </List>
        )}
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onCancel} data-autofocus>
            Keep
          </Button>
          <Button color="red.8" loading={remove.isPending} onClick={() => remove.mutate(leases)}>
            Delete
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
