import { describe, expect, it } from "vitest";
import { ago, clockTime, countdown, longTime, parseNanos, parseTime } from "./time";

describe("countdown", () => {
  const minute = 60_000;
  const hour = 60 * minute;

  it("turns amber in the last fifth, red in the last minute, and is over at the end", () => {
    const at = (left: number) => countdown(0, hour, hour - left).urgency;
    expect(at(hour)).toBe("calm");
    expect(at(12 * minute + 1)).toBe("calm");
    expect(at(12 * minute)).toBe("soon");
    expect(at(minute + 1)).toBe("soon");
    expect(at(minute)).toBe("now");
    expect(at(1)).toBe("now");
    expect(at(0)).toBe("over");
    expect(at(-5)).toBe("over");
  });

  it("is red from the start, if it is as short as that", () => {
    expect(countdown(0, 30_000, 0)).toEqual({ left: 30_000, fraction: 1, urgency: "now" });
  });

  it("is never amber, if its last fifth is no more than the last minute", () => {
    const at = (left: number) => countdown(0, 5 * minute, 5 * minute - left).urgency;
    expect(at(minute + 1)).toBe("calm");
    expect(at(minute)).toBe("now");
  });

  it("knows what is left, and no more than all of it", () => {
    expect(countdown(0, hour, hour / 4)).toMatchObject({ left: (3 * hour) / 4, fraction: 0.75 });
    // The server's clock may be a little ahead.
    expect(countdown(1000, 1000 + hour, 0)).toMatchObject({ fraction: 1 });
    expect(countdown(hour, hour, hour)).toEqual({ left: 0, fraction: 0, urgency: "over" });
  });
});

it.each([
  [0, "0:00"],
  [1, "0:01"], // 0:00 means over
  [9_000, "0:09"],
  [9_001, "0:10"],
  [754_000, "12:34"],
  [3_723_000, "1:02:03"],
  [360_000_000, "100:00:00"],
  [-1, "0:00"],
])("counts %d down as %s", (ms, text) => expect(clockTime(ms)).toBe(text));

it.each([
  [0, "0 s"],
  [440, "0.4 s"],
  [9_940, "9.9 s"],
  [9_960, "10 s"],
  [10_400, "10 s"],
  [59_600, "1 min"],
  [123_000, "2 min 3 s"],
  [3_600_000, "1 h"],
  [3_900_000, "1 h 5 min"],
  [3_605_000, "1 h"],
  [90_000_000, "1 d 1 h"],
])("says of %d that it is %s", (ms, text) => expect(longTime(ms)).toBe(text));

it.each([
  [0, "just now"],
  [4_000, "just now"],
  [5_000, "5 s ago"],
  [59_000, "59 s ago"],
  [60_000, "1 min ago"],
  [3_599_000, "59 min ago"],
  [3_600_000, "1 h ago"],
  [86_399_000, "23 h ago"],
  [86_400_000, "1 d ago"],
  [-5_000, "just now"],
])("says of %d before now that it was %s", (ms, text) => expect(ago(0, ms)).toBe(text));

describe("moments", () => {
  it("are exact to the nanosecond", () => {
    expect(parseNanos("1970-01-01T00:00:01.000000001Z")).toBe(1_000_000_001n);
    expect(parseNanos("1970-01-01T00:00:01.5Z")).toBe(1_500_000_000n);
    expect(parseTime("2026-01-01T12:00:00.774471462Z")).toBe(Date.UTC(2026, 0, 1, 12) + 774);
  });

  it("may be of another time zone", () => {
    expect(parseTime("2026-01-01T14:00:00+02:00")).toBe(Date.UTC(2026, 0, 1, 12));
    expect(parseNanos("1969-12-31T18:30:00.000000001-05:30")).toBe(1n);
  });

  it.each([
    "",
    "2026-01-01",
    "2026-01-01T12:00:00",
    "2026-13-01T12:00:00Z",
    "2026-01-01T12:00:00.0123456789Z",
    "now",
    undefined,
  ])("are none: %j", (text) => expect(parseTime(text)).toBeUndefined());
});
