import { describe, expect, it } from "vitest";
import { longestPause, pauseAfter } from "./backoff";
import { worst } from "./connection";

describe("worst", () => {
  it("is live if all is", () => {
    expect(worst([])).toEqual({ kind: "idle" });
    expect(worst([{ kind: "live" }, { kind: "live" }])).toEqual({ kind: "live" });
  });

  it("is what is least live, and the first to be tried again", () => {
    expect(worst([{ kind: "live" }, { kind: "connecting" }, { kind: "live" }])).toEqual({
      kind: "connecting",
    });
    expect(
      worst([
        { kind: "waiting", retryAt: 9 },
        { kind: "connecting" },
        { kind: "waiting", retryAt: 5 },
        { kind: "live" },
      ]),
    ).toEqual({ kind: "waiting", retryAt: 5 });
  });
});

describe("pauseAfter", () => {
  it("doubles up to a bound", () => {
    expect([1, 2, 3, 4].map((failures) => pauseAfter(failures, 0))).toEqual([500, 1000, 2000, 4000]);
    expect(pauseAfter(100, 0)).toBe(longestPause);
    expect(pauseAfter(0, 0)).toBe(500);
  });

  it("is up to half as long again, by chance", () => {
    expect(pauseAfter(1, 1)).toBe(750);
    for (let failures = 1; failures < 10; failures++) {
      const pause = pauseAfter(failures);
      expect(pause).toBeGreaterThanOrEqual(pauseAfter(failures, 0));
      expect(pause).toBeLessThanOrEqual(longestPause * 1.5);
    }
  });
});
