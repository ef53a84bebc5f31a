// How numbers are shown to people, in the browser's language.
import { GiB, MiB } from "./quantity";

const moneyFormats = new Map<string, Intl.NumberFormat>();

/** With at least so many decimals, and at most so many. */
function moneyFormat(currency: string, least: number, most: number): Intl.NumberFormat {
  const key = `${currency} ${least} ${most}`;
  let format = moneyFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(undefined, {
      style: "currency",
      currency,
      minimumFractionDigits: least,
      maximumFractionDigits: most,
    });
    moneyFormats.set(key, format);
  }
  return format;
}

/**
 * An amount in nano-units of a currency: "$1.25", "$0.0113". A small amount has four decimals, so that a
 * cheap lease doesn't seem to be free.
 */
export function money(nano: bigint, currency: string): string {
  const decimals = nano > 0n && nano < 1_000_000_000n ? 4 : 2;
  return moneyFormat(currency, decimals, decimals).format(Number(nano) / 1e9);
}

/** An amount with all its decimals, for bills: "$0.011251338". */
export function exactMoney(nano: bigint, currency: string): string {
  // A decimal string is formatted exactly where a number would be rounded.
  const text = `${nano / 1_000_000_000n}.${(nano % 1_000_000_000n).toString().padStart(9, "0")}`;
  return moneyFormat(currency, 2, 9).format(text as unknown as number);
}

/** Thousandths of a core: "0.5 CPU", "2 CPU". */
export function cpu(milli: number): string {
  return `${Number((milli / 1000).toFixed(3))} CPU`;
}

/** Bytes in binary units: "512 MiB", "1.5 GiB". */
export function memory(bytes: number): string {
  if (bytes >= GiB) return `${Number((bytes / GiB).toFixed(2))} GiB`;
  if (bytes >= MiB) return `${Number((bytes / MiB).toFixed(bytes < 10 * MiB ? 1 : 0))} MiB`;
  return `${Math.round(bytes / 1024)} KiB`;
}

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A moment in the browser's time zone. */
export function moment(ms: number): string {
  return timeFormat.format(ms);
}

/** The day of a moment in the browser's time zone: "Nov 27". */
export function dayAndMonth(ms: number): string {
  return dayFormat.format(ms);
}

/** "1 lease", "3 leases". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}
