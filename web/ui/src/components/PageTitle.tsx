import { Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: ReactNode;
  /** What the tab of the browser says; by default the title. */
  tab?: string;
  hint?: ReactNode;
  children?: ReactNode;
}

/** The head of a page, with what can be done on it at the right. React puts the title where it belongs. */
export function PageTitle({ title, tab, hint, children }: Props) {
  return (
    <Group justify="space-between" align="flex-start" mb="md" gap="sm">
      <title>{`${tab ?? title} · ContainerLease`}</title>
      <div>
        <Title order={1} size="h3">
          {title}
        </Title>
        {hint && (
          <Text c="dimmed" size="sm">
            {hint}
          </Text>
        )}
      </div>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
