import { Text, UnstyledButton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { useId, useState } from "react";
import type { BillingRecord } from "@/api/types";
import { exactMoney, moment, money } from "@/lib/format";
import { parseAmount } from "@/lib/money";
import { longTime } from "@/lib/time";
import classes from "./Bill.module.css";
import { Computed } from "./Computed";
import { ownerOfRecord, ranFor, startedAt } from "./view";

/** What the columns are; on a phone the values speak for themselves. */
export function BillsHead() {
  return (
    <div className={classes.names} aria-hidden>
      <span />
      <span>Lease</span>
      <span>Owner</span>
      <span>Started</span>
      <span>Ran for</span>
      <span>Ended</span>
      <span className={classes.amount}>Amount</span>
    </div>
  );
}

/** One bill; opened, it shows how its amount was computed. */
export function Bill({ record }: { record: BillingRecord }) {
  const [open, setOpen] = useState(false);
  const details = useId();
  const { spec } = record;
  const amount = parseAmount(spec.amount) ?? 0n;
  const started = startedAt(record);
  return (
    <li className={classes.bill} data-testid={`bill-${spec.lease.name}`}>
      <UnstyledButton
        className={classes.head}
        aria-expanded={open}
        aria-controls={details}
        onClick={() => setOpen(!open)}
      >
        <IconChevronRight size={16} className={classes.arrow} data-open={open || undefined} aria-hidden />
        <span className={classes.lease}>
          <Text component="span" size="sm" fw={600} truncate display="block">
            {spec.lease.name}
          </Text>
          <Text component="span" size="xs" c="dimmed" truncate display="block">
            {spec.image}
          </Text>
        </span>
        <Text component="span" size="sm" truncate className={classes.owner ?? ""}>
          {ownerOfRecord(record)}
        </Text>
        <Text component="span" size="sm" c="dimmed" className={`numbers ${classes.when}`}>
          {started !== undefined && <span className={classes.label}>Started </span>}
          {started === undefined ? "never started" : moment(started)}
        </Text>
        <Text component="span" size="sm" className={`numbers ${classes.time}`}>
          <span className={classes.label}>Ran for </span>
          {longTime(ranFor(record))}
        </Text>
        <Text component="span" size="sm" c="dimmed" className={classes.reason ?? ""}>
          {spec.finishReason}
        </Text>
        <Text
          component="span"
          size="sm"
          fw={600}
          className={`numbers ${classes.amount}`}
          title={exactMoney(amount, spec.currency)}
        >
          {money(amount, spec.currency)}
        </Text>
      </UnstyledButton>
      <div id={details} hidden={!open}>
        {open && <Computed record={record} />}
      </div>
    </li>
  );
}
