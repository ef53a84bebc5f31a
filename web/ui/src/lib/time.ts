// Moments as the API writes them (RFC 3339 with up to nine decimals), and what is left until them.

const pattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Nanoseconds since 1970, exactly; undefined if the text is no moment. */
export function parseNanos(text: string | undefined): bigint | undefined {
  const match = pattern.exec(text ?? "");
  if (!match) return undefined;
  const [, seconds, fraction = "", zone] = match;
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Milliseconds since 1970; undefined if there is no moment. */
export function parseTime(text: string | undefined): number | undefined {
  const nanos = parseNanos(text);
  return nanos === undefined ? undefined : Number(nanos / 1_000_000n);
}

/** How urgent it is: amber in the last fifth, red in the last minute, over at zero. */
export type Urgency = "calm" | "soon" | "now" | "over";

export interface Countdown {
  /** Milliseconds left, never below zero. */
  left: number;
  /** The part of the whole that is left, from 1 to 0. */
  fraction: number;
  urgency: Urgency;
}

const lastMinute = 60_000;
const lastPart = 0.2;

/** What is left at now until the end of something that began at start. All in milliseconds. */
export function countdown(start: number, end: number, now: number): Countdown {
  const left = Math.max(0, end - now);
  const whole = Math.max(1, end - start);
  const fraction = Math.min(1, left / whole);
  let urgency: Urgency = "calm";
  if (left === 0) urgency = "over";
  else if (left <= lastMinute) urgency = "now";
  else if (fraction <= lastPart) urgency = "soon";
  return { left, fraction, urgency };
}

/** "1:02:03", "12:34", "0:09": hours only where there are any. Rounded up, so that 0:00 means over. */
export function clockTime(ms: number): string {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.trunc(seconds / 3600), Math.trunc(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** How long something took or takes, in its two largest units: "1 h 5 min", "2 min 3 s", "0.4 s". */
export function longTime(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.trunc(whole / 86_400), "d"],
    [Math.trunc(whole / 3600) % 24, "h"],
    [Math.trunc(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

/** How long ago a moment was, in one unit: "12 s ago", "3 min ago", "2 d ago". */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.trunc(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.trunc(seconds / 3600)} h ago`;
  return `${Math.trunc(seconds / 86_400)} d ago`;
}
