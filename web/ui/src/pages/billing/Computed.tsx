import { Text } from "@mantine/core";
import type { BillingRecord, Pricing } from "@/api/types";
import { cpu, exactMoney, moment } from "@/lib/format";
import { decimalString, parseAmount } from "@/lib/money";
import { bytes, milliCPU } from "@/lib/quantity";
import { parseTime } from "@/lib/time";
import classes from "./Computed.module.css";
import { compute, inGiB, type Line } from "./view";

/** How the amount of a bill was computed, from the bill's own inputs. */
export function Computed({ record }: { record: BillingRecord }) {
  const { spec } = record;
  const { pricing, currency } = spec;
  const { lines, perLease, total, recorded } = compute(record);
  return (
    <div className={classes.computed}>
      <Text size="sm">
        Class {spec.className}: {price(pricing.perCPUHour, currency)} for a core and{" "}
        {price(pricing.perGiBHour, currency)} for a GiB, an hour
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
              <th scope="col">Size × price of an hour</th>
              <th scope="col">Cost</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a bill never changes, and two runs may begin at once
              <Row key={index} line={line} pricing={pricing} currency={currency} />
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

function price(text: string, currency: string): string {
  return exactMoney(parseAmount(text) ?? 0n, currency);
}

/** A nanosecond is to a second what a nano-unit is to a unit: decimalString writes both. */
function Row({ line, pricing, currency }: { line: Line; pricing: Pricing; currency: string }) {
  const { segment, nanos, amount } = line;
  const [from, until] = [parseTime(segment.startedAt), parseTime(segment.finishedAt)];
  return (
    <tr>
      <td className={classes.spare}>{from !== undefined && moment(from)}</td>
      <td className={classes.spare}>{until !== undefined && moment(until)}</td>
      <td>{decimalString(nanos)}</td>
      <td>
        <div>
          {cpu(milliCPU(segment.cpu))} × {price(pricing.perCPUHour, currency)}
        </div>
        <div>
          {inGiB(bytes(segment.memory))} GiB × {price(pricing.perGiBHour, currency)}
        </div>
      </td>
      <td>{exactMoney(amount, currency)}</td>
    </tr>
  );
}
