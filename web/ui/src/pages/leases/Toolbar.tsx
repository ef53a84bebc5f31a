import { ActionIcon, Chip, CloseButton, Group, Select, TextInput } from "@mantine/core";
import { IconSearch, IconSortAscending, IconSortDescending } from "@tabler/icons-react";
import { useMemo } from "react";
import type { ContainerLease, Phase } from "@/api/types";
import { OwnerFilter } from "@/components/OwnerFilter";
import classes from "./Toolbar.module.css";
import { countByPhase, ownersOf, type SortKey, sortKeys, sortLabels, type View } from "./view";

interface Props {
  leases: readonly ContainerLease[];
  view: View;
  onChange: (change: Partial<Record<keyof View, unknown>>) => void;
  /** Whether to sort is here; in a table it is at the heads of the columns. */
  withSort: boolean;
}

/** What is searched and filtered for, and how many leases there are in each phase. */
export function Toolbar({ leases, view, onChange, withSort }: Props) {
  const counts = useMemo(() => countByPhase(leases), [leases]);
  const owners = useMemo(() => ownersOf(leases), [leases]);
  const sort = view.sort ?? "age";
  // A phase that is filtered for keeps its chip when the last lease leaves it.
  const chips = [
    ...counts,
    ...(view.phase ?? []).filter((p) => !counts.some(([q]) => p === q)).map((p) => [p, 0] as const),
  ];
  return (
    <div className={classes.toolbar}>
      <TextInput
        className={classes.search ?? ""}
        aria-label="Search leases"
        placeholder="Search name, image, owner"
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={
          view.q && <CloseButton aria-label="Clear the search" onClick={() => onChange({ q: undefined })} />
        }
        value={view.q ?? ""}
        onChange={(event) => onChange({ q: event.currentTarget.value || undefined })}
        autoComplete="off"
        spellCheck={false}
      />
      <OwnerFilter
        className={classes.owner}
        owners={owners}
        owner={view.owner}
        onChange={(owner) => onChange({ owner })}
      />
      {withSort && (
        <Group gap={6} wrap="nowrap" className={classes.sort ?? ""}>
          <Select
            aria-label="Sort by"
            data={sortKeys.map((value) => ({ value, label: sortLabels[value] }))}
            value={sort}
            onChange={(key) =>
              onChange({ sort: key === "age" ? undefined : (key as SortKey), desc: undefined })
            }
            allowDeselect={false}
            flex={1}
          />
          <ActionIcon
            variant="default"
            size={36}
            aria-label={view.desc ? "Sorted backwards" : "Sorted forwards"}
            onClick={() => onChange({ desc: view.desc ? undefined : true })}
          >
            {view.desc ? (
              <IconSortDescending size={18} aria-hidden />
            ) : (
              <IconSortAscending size={18} aria-hidden />
            )}
          </ActionIcon>
        </Group>
      )}
      <Chip.Group
        multiple
        value={view.phase ?? []}
        onChange={(phase) => onChange({ phase: phase.length > 0 ? (phase as Phase[]) : undefined })}
      >
        <Group gap={6} className={classes.phases ?? ""} role="group" aria-label="Phase">
          {chips.map(([phase, n]) => (
            <Chip key={phase} value={phase} size="sm" variant="outline" radius="md">
              {phase} <span className="numbers">{n.toLocaleString()}</span>
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </div>
  );
}
