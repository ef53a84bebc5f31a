import { Text } from "@mantine/core";
import type { BillingRecord } from "@/api/types";
import { cpu, exactMoney, memory, moment } from "@/lib/format";
import { decimalString, parseAmount } from "@/lib/money";
import { bytes, milliCPU } from "@/lib/quantity";
import { parseTime } from "@/lib/time";
import classes from "./Computed.module.css";
import { compute, type Line } from "./view";

/** How the amount of a bill was computed, from the bill's own inputs. */
export function Computed({ record }: { record: BillingRecord }) {
  const { spec } = record;
  const { pricing, currency } = spec;
  const { lines, perLease, total, recorded } = compute(record);
  const price = (text: string) => exactMoney(parseAmount(text) ?? 0n, currency);
  return (
    <div className={classes.computed}>
      <Text size="sm">
        Class {spec.className}: {price(pricing.perCPUHour)} for a core and {price(pricing.perGiBHour)} for a
        GiB, an hour
        {perLease > 0n && <>, and {exactMoney(perLease, currency)} once</>}.
        {lines.length === 0 && " The container never ran, so that nothing is charged."}
      </Text>
      {lines.length > 0 && (
        <table className={`numbers ${classes.table}`}>
          <thead>
            <tr>
              <th scope="col" className={classes.spare}>
                Ran from
              </th>
              <th scope="col" className={classes.spare}>
                Until
              </th>
              <th scope="col">Seconds</th>
              <th scope="col">Size</th>
              <th scope="col">Cost</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <Row key={line.segment.startedAt} line={line} currency={currency} />
            ))}
            {perLease > 0n && (
              <tr>
                <td className={classes.spare} colSpan={2} />
                <td colSpan={2}>Once for the lease</td>
                <td>{exactMoney(perLease, currency)}</td>
              </tr>
            )}
          </tbody>
          <tfoot>
            <tr>
              <td className={classes.spare} colSpan={2} />
              <th scope="row" colSpan={2}>
                Sum, rounded once
              </th>
              <td>{exactMoney(total, currency)}</td>
            </tr>
          </tfoot>
        </table>
      )}
      {total === recorded ? (
        <Text size="xs" c="dimmed">
          That is what was billed. A run's cost is seconds ÷ 3600 × (cores × price + GiB × price), and the sum
          is rounded to nine decimals.
        </Text>
      ) : (
        <Text size="sm" c="var(--now)" role="alert">
          Billed was {exactMoney(recorded, currency)}, which is not that sum. The bill stands; tell an
          administrator.
        </Text>
      )}
      {spec.estimated && (
        <Text size="xs" c="dimmed">
          Nobody saw the container end. Billed is until it was last seen to run, and not more.
        </Text>
      )}
    </div>
  );
}

/** A nanosecond is to a second what a nano-unit is to a unit: decimalString writes both. */
function Row({ line, currency }: { line: Line; currency: string }) {
  const { segment, nanos, amount } = line;
  const [from, until] = [parseTime(segment.startedAt), parseTime(segment.finishedAt)];
  return (
    <tr>
      <td className={classes.spare}>{from !== undefined && moment(from)}</td>
      <td className={classes.spare}>{until !== undefined && moment(until)}</td>
      <td>{decimalString(nanos)}</td>
      <td>
        {cpu(milliCPU(segment.cpu))}, {memory(bytes(segment.memory))}
      </td>
      <td>{exactMoney(amount, currency)}</td>
    </tr>
  );
}
