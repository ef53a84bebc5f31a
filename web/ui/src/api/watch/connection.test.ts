import { afterEach, describe, expect, it, vi } from "vitest";
import { longestPause, pauseAfter } from "./backoff";
import {
  connection,
  onWake,
  setConnection,
  subscribeToConnection,
  wakeAll,
  watchOverConnections,
  worst,
} from "./connection";

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
        { kind: "waiting", retryAt: 7 },
        { kind: "live" },
        { kind: "connecting" },
      ]),
    ).toEqual({ kind: "waiting", retryAt: 5 });
  });
});

describe("the connection", () => {
  it("is the sum of all streams, told to whoever listens", () => {
    const seen: string[] = [];
    const stop = subscribeToConnection(() => seen.push(connection().kind));
    const [one, other] = [Symbol("one"), Symbol("other")];
    setConnection(one, { kind: "connecting" });
    setConnection(one, { kind: "live" });
    setConnection(other, { kind: "waiting", retryAt: 1 });
    setConnection(other, undefined);
    stop();
    setConnection(one, undefined);
    expect(seen).toEqual(["connecting", "live", "waiting", "live"]);
    expect(connection()).toEqual({ kind: "idle" });
  });
});

describe("waking", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("reaches everybody who has not left", () => {
    const [stays, leaves] = [vi.fn(), vi.fn()];
    const stop = onWake(stays);
    onWake(leaves)();
    wakeAll();
    stop();
    wakeAll();
    expect(stays).toHaveBeenCalledTimes(1);
    expect(leaves).not.toHaveBeenCalled();
  });

  it("comes with the network, and after the machine was asleep", () => {
    vi.useFakeTimers();
    const browser = new EventTarget();
    vi.stubGlobal("window", {
      setInterval: (run: () => void, ms: number) => setInterval(run, ms),
      addEventListener: browser.addEventListener.bind(browser),
    });
    const wake = vi.fn();
    const stop = onWake(wake);
    watchOverConnections();
    vi.advanceTimersByTime(600_000);
    expect(wake).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(10_000);
    expect(wake).toHaveBeenCalledTimes(1);
    browser.dispatchEvent(new Event("online"));
    expect(wake).toHaveBeenCalledTimes(2);
    stop();
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
