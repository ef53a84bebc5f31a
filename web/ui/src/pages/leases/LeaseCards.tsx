import { ActionIcon, Checkbox, Group, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useLayoutEffect, useRef, useState } from "react";
import { CountdownBar } from "@/components/CountdownBar";
import { ExtendMenu } from "@/components/ExtendMenu";
import { LiveCost } from "@/components/LiveCost";
import { PhaseBadge } from "@/components/PhaseBadge";
import { cpu, memory } from "@/lib/format";
import { explanation, isOver, nameOf, namespaceOf, ownerOf, phaseOf, sizeOf, uidOf } from "@/lib/lease";
import classes from "./LeaseCards.module.css";
import { LeaseLink } from "./LeaseLink";
import { type ItemProps, itemProps, type ListProps } from "./list";

/** About how high a card is, until it has been measured. */
const estimatedHeight = 168;

/** The leases as cards, for a narrow screen; only those in sight are in the document. */
export function LeaseCards(list: ListProps) {
  const { leases } = list;
  const top = useRef<HTMLUListElement>(null);
  const [scrollMargin, setScrollMargin] = useState(0);
  useLayoutEffect(() => {
    setScrollMargin((top.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
  }, []);
  const cards = useWindowVirtualizer({
    count: leases.length,
    estimateSize: () => estimatedHeight,
    overscan: 6,
    gap: 10,
    scrollMargin,
    getItemKey: (index) => uidOf(leases[index] ?? { spec: { image: "" } }),
  });
  return (
    <ul ref={top} className={classes.cards} style={{ height: cards.getTotalSize() }}>
      {cards.getVirtualItems().map(({ key, index, start }) => {
        const lease = leases[index];
        return (
          lease && (
            <li
              key={String(key)}
              ref={cards.measureElement}
              data-index={index}
              className={classes.place}
              style={{ transform: `translateY(${start - scrollMargin}px)` }}
            >
              <Card {...itemProps(lease, list)} />
            </li>
          )
        );
      })}
    </ul>
  );
}

const Card = memo(function Card(props: ItemProps) {
  const { lease, leaseClass, marked, editable, manyNamespaces, onMark, onDelete } = props;
  const name = nameOf(lease);
  const size = sizeOf(lease);
  const phase = phaseOf(lease);
  const why = phase === "Running" ? undefined : explanation(lease);
  const over = isOver(lease);
  const remove = editable && (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Delete ${name}`}
      onClick={() => onDelete(lease)}
    >
      <IconTrash size={18} aria-hidden />
    </ActionIcon>
  );
  const facts = [
    lease.spec.image,
    ownerOf(lease),
    ...(manyNamespaces && namespaceOf(lease) !== ownerOf(lease) ? [`in ${namespaceOf(lease)}`] : []),
  ];
  return (
    <article className={classes.card} data-testid={`lease-${name}`} data-marked={marked || undefined}>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Group gap="sm" wrap="nowrap" miw={0}>
          {editable && (
            <Checkbox
              aria-label={`Select ${name}`}
              checked={marked}
              onChange={(event) => onMark([uidOf(lease)], event.currentTarget.checked)}
            />
          )}
          <LeaseLink lease={lease} />
        </Group>
        <PhaseBadge phase={phase} />
      </Group>
      <Text size="xs" c="dimmed" truncate>
        {facts.join(" · ")}
      </Text>
      {why && (
        <Text size="xs" lineClamp={2}>
          {why}
        </Text>
      )}
      <Group justify="space-between" wrap="nowrap" gap="lg">
        <Text size="sm" className="numbers">
          {cpu(size.milliCPU)}, {memory(size.memoryBytes)}
        </Text>
        <Group gap="xs" wrap="nowrap">
          <LiveCost lease={lease} />
          {over && remove}
        </Group>
      </Group>
      {!over && <CountdownBar lease={lease} />}
      {!over && editable && (
        <Group justify="space-between">
          <ExtendMenu lease={lease} leaseClass={leaseClass} size="xs" />
          {remove}
        </Group>
      )}
    </article>
  );
});
