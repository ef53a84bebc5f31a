// Lengths of time as the API writes them: Gateway API's Duration (GEP-2257), such as "1h30m".

const units = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
type Unit = keyof typeof units;

const pattern = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

/** What parseDuration accepts, for error messages. */
export const durationFormat = "such as 30m, 1h30m or 90s";

/** Returns milliseconds, or undefined if the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!pattern.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    total += Number(digits) * units[unit as Unit];
  }
  return total;
}

/** Writes milliseconds in the shortest form, such as "1h30m". */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.trunc(ms));
  let text = "";
  for (const [unit, length] of Object.entries(units)) {
    const count = Math.trunc(rest / length);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * length;
  }
  return text || "0s";
}
