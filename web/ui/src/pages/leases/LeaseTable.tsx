import { ActionIcon, Checkbox, Text, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconTrash } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { CountdownBar } from "@/components/CountdownBar";
import { ExtendMenu } from "@/components/ExtendMenu";
import { LiveCost } from "@/components/LiveCost";
import { PhaseBadge } from "@/components/PhaseBadge";
import { cpu, memory } from "@/lib/format";
import { explanation, isOver, nameOf, namespaceOf, ownerOf, phaseOf, sizeOf, uidOf } from "@/lib/lease";
import { LeaseLink } from "./LeaseLink";
import classes from "./LeaseTable.module.css";
import { type ItemProps, itemProps, type ListProps } from "./list";
import type { SortKey, View } from "./view";

const rowHeight = 60;
const columns = 9;

interface Props extends ListProps {
  view: View;
  onSort: (change: { sort: SortKey | undefined; desc: true | undefined }) => void;
}

/** The leases as a table, of which only the rows in sight are in the document. */
export function LeaseTable({ view, onSort, ...list }: Props) {
  const { leases, marked, onMark, editable } = list;
  const body = useRef<HTMLTableSectionElement>(null);
  const [scrollMargin, setScrollMargin] = useState(0);
  useLayoutEffect(() => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    setScrollMargin(top + window.scrollY);
  }, []);
  const rows = useWindowVirtualizer({
    count: leases.length,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollMargin,
    getItemKey: (index) => uidOf(leases[index] ?? { spec: { image: "" } }),
  });
  const visible = rows.getVirtualItems();
  const above = (visible[0]?.start ?? scrollMargin) - scrollMargin;
  const below = rows.getTotalSize() - ((visible.at(-1)?.end ?? scrollMargin) - scrollMargin);

  const markable = leases.filter(editable).map(uidOf);
  const count = markable.filter((uid) => marked.has(uid)).length;
  const head = (key: SortKey, label: ReactNode, className?: string) => (
    <SortableHead sortKey={key} view={view} onSort={onSort} className={className}>
      {label}
    </SortableHead>
  );
  return (
    <div className={classes.frame}>
      <table className={classes.table} aria-rowcount={leases.length + 1}>
        <thead>
          <tr>
            <th className={classes.mark}>
              <Checkbox
                aria-label="Select all"
                checked={count > 0 && count === markable.length}
                indeterminate={count > 0 && count < markable.length}
                disabled={markable.length === 0}
                onChange={(event) => onMark(markable, event.currentTarget.checked)}
              />
            </th>
            {head("name", "Name", classes.name)}
            {head("image", "Image", classes.image)}
            {head("owner", "Owner", classes.owner)}
            {head("phase", "Phase", classes.phase)}
            {head("size", "CPU, memory", classes.size)}
            {head("left", "Time left", classes.left)}
            {head("cost", "Cost so far", classes.cost)}
            <th className={classes.actions}>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {above > 0 && <Gap height={above} />}
          {visible.map(({ key, index }) => {
            const lease = leases[index];
            return lease && <Row key={String(key)} index={index} {...itemProps(lease, list)} />;
          })}
          {below > 0 && <Gap height={below} />}
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are out of sight. */
function Gap({ height }: { height: number }) {
  return (
    <tr aria-hidden style={{ height }}>
      <td colSpan={columns} />
    </tr>
  );
}

interface HeadProps {
  sortKey: SortKey;
  view: View;
  onSort: Props["onSort"];
  className: string | undefined;
  children: ReactNode;
}

function SortableHead({ sortKey, view, onSort, className, children }: HeadProps) {
  const active = view.sort === sortKey;
  // Forwards, backwards, and back to the newest first.
  const next = !active
    ? { sort: sortKey, desc: undefined }
    : view.desc
      ? { sort: undefined, desc: undefined }
      : { sort: sortKey, desc: true as const };
  const Icon = view.desc ? IconChevronDown : IconChevronUp;
  return (
    <th className={className} aria-sort={active ? (view.desc ? "descending" : "ascending") : undefined}>
      <UnstyledButton className={classes.head} onClick={() => onSort(next)}>
        {children}
        {active && <Icon size={14} aria-hidden />}
      </UnstyledButton>
    </th>
  );
}

const Row = memo(function Row(props: ItemProps & { index: number }) {
  const { lease, leaseClass, marked, editable, manyNamespaces, onMark, onDelete, index } = props;
  const name = nameOf(lease);
  const size = sizeOf(lease);
  const phase = phaseOf(lease);
  const why = phase === "Running" ? undefined : explanation(lease);
  return (
    <tr aria-rowindex={index + 2} data-testid={`lease-${name}`} data-marked={marked || undefined}>
      <td className={classes.mark}>
        {editable && (
          <Checkbox
            aria-label={`Select ${name}`}
            checked={marked}
            onChange={(event) => onMark([uidOf(lease)], event.currentTarget.checked)}
          />
        )}
      </td>
      <td>
        <LeaseLink lease={lease} />
        {manyNamespaces && (
          <Text size="xs" c="dimmed" truncate>
            {namespaceOf(lease)}
          </Text>
        )}
      </td>
      <td>
        <Text size="sm" truncate title={lease.spec.image}>
          {lease.spec.image}
        </Text>
      </td>
      <td>
        <Text size="sm" truncate title={ownerOf(lease)}>
          {ownerOf(lease)}
        </Text>
      </td>
      <td>
        <PhaseBadge phase={phase} />
        {why && (
          <Text size="xs" c="dimmed" truncate title={why}>
            {why}
          </Text>
        )}
      </td>
      <td>
        <Text size="sm" className="numbers">
          {cpu(size.milliCPU)}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          {memory(size.memoryBytes)}
        </Text>
      </td>
      <td>
        <CountdownBar lease={lease} />
      </td>
      <td className={classes.cost}>
        <LiveCost lease={lease} />
      </td>
      <td className={classes.actions}>
        {editable && (
          <div className={classes.buttons}>
            {!isOver(lease) && <ExtendMenu lease={lease} leaseClass={leaseClass} />}
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Delete ${name}`}
              onClick={() => onDelete(lease)}
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </div>
        )}
      </td>
    </tr>
  );
});
