import { expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration";

it.each([
  ["30m", 1_800_000],
  ["1h30m", 5_400_000],
  ["90s", 90_000],
  ["1h0m0s1ms", 3_600_001],
  ["0s", 0],
  ["1h1h1m1m", 7_320_000],
  ["99999h", 359_996_400_000],
])("reads %s", (text, ms) => expect(parseDuration(text)).toBe(ms));

// What Gateway API's Duration does not take, the server doesn't.
it.each(["", "30", "1.5h", "-1m", "1d", "1h 30m", "m", "5us", "5m\n", "100000h", "1h1m1s1ms1s", "1H"])(
  "takes %j for none",
  (text) => expect(parseDuration(text)).toBeUndefined(),
);

it.each([
  [0, "0s"],
  [5_400_000, "1h30m"],
  [90_000, "1m30s"],
  [1, "1ms"],
  [1_500.9, "1s500ms"],
  [86_400_000, "24h"],
  [-5, "0s"],
])("writes %d as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

it("writes what it reads", () => {
  for (const ms of [1, 999, 1000, 61_001, 3_600_000, 5_025_250])
    expect(parseDuration(formatDuration(ms))).toBe(ms);
});
