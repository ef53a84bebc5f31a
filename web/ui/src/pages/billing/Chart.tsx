import { Text } from "@mantine/core";
import { serverNow } from "@/api/http";
import type { BillingRecord } from "@/api/types";
import { count, dayAndMonth, money } from "@/lib/format";
import classes from "./Chart.module.css";
import { billedAt, type Group, type Grouping, group, type Step, stepOf } from "./view";

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

const monthFormat = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });

function label({ name }: Group, step: Step): string {
  return step === "month" ? monthFormat.format(Number(name)) : dayAndMonth(Number(name));
}

/** Sums as bars: upright by day, or by month where there are too many days; lying by owner. */
export function Chart({ records, by, currency, from }: Props) {
  const now = serverNow();
  const first = from ?? records.reduce((least, record) => Math.min(least, billedAt(record)), now);
  const step = stepOf(first, now);
  const groups = group(records, by === "owner" ? by : step, now, first);
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
  const [oldest, latest] = [groups[0], groups.at(-1)];
  return (
    <figure className={classes.figure}>
      <Text size="xs" c="dimmed" className="numbers" aria-hidden>
        {money(most, currency)}
      </Text>
      <ol className={classes.days} aria-label={`${currency} by ${step}`}>
        {groups.map((each) => (
          <li key={each.key} className={classes.day} title={`${label(each, step)}: ${words(each)}`}>
            <span className="visually-hidden">
              {label(each, step)}: {words(each)}
            </span>
            <div className={classes.upright} style={{ transform: `scaleY(${share(each)})` }} aria-hidden />
          </li>
        ))}
      </ol>
      <figcaption className={classes.ends} aria-hidden>
        <Text size="xs" c="dimmed" className="numbers">
          {oldest && groups.length > 1 && label(oldest, step)}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          {latest && label(latest, step)}
        </Text>
      </figcaption>
    </figure>
  );
}
