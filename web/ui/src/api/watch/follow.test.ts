import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { wakeAll } from "./connection";
import { type FollowState, follow } from "./follow";
import { openStream, type StreamHandlers } from "./stream";

vi.mock("./stream", () => ({ openStream: vi.fn() }));

interface Stream {
  path: string;
  handlers: StreamHandlers;
  close: ReturnType<typeof vi.fn>;
}

let streams: Stream[];
let states: FollowState[];
let lines: string[];
let stop: () => void;

function last(): Stream {
  const stream = streams.at(-1);
  if (!stream) throw new Error("no stream was opened");
  return stream;
}

const end = (code = 1006) => last().handlers.onClose({ opened: true, code, reason: "done" });
const kinds = () => states.map(({ kind }) => kind);

/** How long it waits before it tries again. */
function pause(): number {
  const state = states.at(-1);
  return state?.kind === "waiting" ? state.retryAt - Date.now() : 0;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", {
    setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
    clearTimeout: (timer: number) => clearTimeout(timer),
  });
  [streams, states, lines] = [[], [], []];
  vi.mocked(openStream).mockImplementation((path, handlers) => {
    const close = vi.fn();
    streams.push({ path, handlers, close });
    return close;
  });
  stop = follow({
    path: () => `/log?from=${lines.length}`,
    onLines: (more) => lines.push(...more),
    onState: (state) => states.push(state),
    whyOver: ({ code, reason }) => (code === 1000 ? reason : undefined),
  });
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("follow", () => {
  it("goes on where it broke off", () => {
    last().handlers.onOpen?.();
    last().handlers.onLines(["a", "b"]);
    end();
    expect(kinds()).toEqual(["connecting", "live", "waiting"]);
    vi.advanceTimersByTime(750);
    expect(streams.map(({ path }) => path)).toEqual(["/log?from=0", "/log?from=2"]);
    expect(kinds()).toEqual(["connecting", "live", "waiting", "connecting"]);
  });

  it("ends for good where that is why it ended", () => {
    end(1000);
    expect(states.at(-1)).toEqual({ kind: "ended", why: "done" });
    wakeAll();
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(1);
  });

  it("tries less and less often, until there is something again", () => {
    const pauses: number[] = [];
    for (let failure = 0; failure < 4; failure++) {
      last().handlers.onOpen?.();
      end();
      pauses.push(pause());
      vi.advanceTimersByTime(pause());
    }
    for (const [failure, waited] of pauses.entries())
      expect(waited).toBeGreaterThanOrEqual(500 * 2 ** failure);
    last().handlers.onLines(["a"]);
    end();
    expect(pause()).toBeLessThanOrEqual(750);
  });

  it("tries at once when there is reason to, once", () => {
    end();
    wakeAll();
    expect(streams).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(2);
    wakeAll();
    expect(streams[1]?.close).toHaveBeenCalledTimes(1);
    expect(streams).toHaveLength(3);
  });

  it("is silent once it is stopped", () => {
    stop();
    expect(last().close).toHaveBeenCalledTimes(1);
    wakeAll();
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(1);
    expect(kinds()).toEqual(["connecting"]);
  });

  it("is silent if it is stopped before it tries again", () => {
    end();
    stop();
    vi.advanceTimersByTime(60_000);
    expect(streams).toHaveLength(1);
  });
});
