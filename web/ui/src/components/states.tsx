import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconPlugConnectedX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { RequestError } from "@/api/http";
import { wakeAll } from "@/api/watch/connection";

/** What a page shows while it waits for the first answer. */
export function LoadingState({ label = "Loading" }: { label?: string }) {
  return (
    <Center mih={240} role="status" aria-label={label}>
      <Loader type="dots" />
    </Center>
  );
}

interface EmptyProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

/** What a page shows where there is nothing to show, and what to do about it. */
export function EmptyState({ icon, title, children, action }: EmptyProps) {
  return (
    <Center mih={320} p="md">
      <Stack align="center" gap="sm" maw={420} ta="center">
        <Text c="dimmed" component="span" aria-hidden>
          {icon}
        </Text>
        <Title order={2} size="h4">
          {title}
        </Title>
        <Text c="dimmed">{children}</Text>
        {action}
      </Stack>
    </Center>
  );
}

interface ErrorProps {
  title: string;
  error: unknown;
  /** By default all streams that are away try again. */
  onRetry?: () => void;
}

/** What a page shows that could not get what it shows: the server's own words, and a way to go on. */
export function ErrorState({ title, error, onRetry = wakeAll }: ErrorProps) {
  const known = error instanceof RequestError ? error : undefined;
  const away = known?.unreachable;
  return (
    <Alert
      color={away ? "yellow" : "red"}
      icon={away ? <IconPlugConnectedX aria-hidden /> : <IconAlertTriangle aria-hidden />}
      title={title}
      maw={640}
      w="100%"
      mx="auto"
      my="lg"
      role="alert"
      styles={{ title: { color: "var(--text)" } }}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm" c="var(--text)">
          {error instanceof Error ? error.message : String(error)}
        </Text>
        {known?.requestID && (
          <Text size="xs" c="dimmed">
            Request {known.requestID}: by it the server's log tells more.
          </Text>
        )}
        <Button size="xs" variant="default" onClick={onRetry}>
          Try again
        </Button>
      </Stack>
    </Alert>
  );
}
