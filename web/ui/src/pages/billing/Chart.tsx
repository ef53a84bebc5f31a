import { Text } from "@mantine/core";
import { serverNow } from "@/api/http";
import type { BillingRecord } from "@/api/types";
import { count, dayAndMonth, money } from "@/lib/format";
import classes from "./Chart.module.css";
import { type Group, type Grouping, group } from "./view";

interface Props {
  /** All of one currency. */
  records: readonly BillingRecord[];
  by: Grouping;
  currency: string;
  /** When the period begins; by default with the first bill. */
  from: number | undefined;
}

/** Owners beyond these are one. */
const mostOwners = 8;

/** Sums as bars: upright by day, lying by owner. */
export function Chart({ records, by, currency, from }: Props) {
  const groups = group(records, by, serverNow(), from);
  let most = 1n;
  for (const { amount } of groups) if (amount > most) most = amount;
  const share = ({ amount }: Group) => Number((amount * 1000n) / most) / 1000;
  const words = (each: Group) => `${money(each.amount, currency)} for ${count(each.count, "lease")}`;
  if (by === "owner") {
    const others = groups.slice(mostOwners);
    return (
      <ul className={classes.rows} aria-label={`${currency} by owner`}>
        {groups.slice(0, mostOwners).map((each) => (
          <li key={each.key} className={classes.row}>
            <Text size="sm" truncate title={each.key}>
              {each.key}
            </Text>
            <div className={classes.lane} aria-hidden>
              <div className={classes.lying} style={{ transform: `scaleX(${share(each)})` }} />
            </div>
            <Text size="sm" className="numbers" ta="right" title={words(each)}>
              {money(each.amount, currency)}
            </Text>
          </li>
        ))}
        {others.length > 0 && (
          <Text component="li" size="xs" c="dimmed" className="numbers">
            and {count(others.length, "other")},{" "}
            {money(
              others.reduce((sum, { amount }) => sum + amount, 0n),
              currency,
            )}
          </Text>
        )}
      </ul>
    );
  }
  const [first, last] = [groups[0], groups.at(-1)];
  return (
    <figure className={classes.figure}>
      <Text size="xs" c="dimmed" className="numbers" aria-hidden>
        {money(most, currency)}
      </Text>
      <ol className={classes.days} aria-label={`${currency} by day`}>
        {groups.map((each) => (
          <li
            key={each.key}
            className={classes.day}
            title={`${dayAndMonth(Number(each.name))}: ${words(each)}`}
          >
            <span className="visually-hidden">
              {dayAndMonth(Number(each.name))}: {words(each)}
            </span>
            <div className={classes.upright} style={{ transform: `scaleY(${share(each)})` }} aria-hidden />
          </li>
        ))}
      </ol>
      <figcaption className={classes.ends} aria-hidden>
        <Text size="xs" c="dimmed" className="numbers">
          {first && groups.length > 1 && dayAndMonth(Number(first.name))}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          {last && dayAndMonth(Number(last.name))}
        </Text>
      </figcaption>
    </figure>
  );
}
