// Something that goes on at one place, such as a log: resumed where it broke off, until it has ended.
import { pauseAfter } from "./backoff";
import { onWake } from "./connection";
import { type Ending, openStream } from "./stream";

export type FollowState =
  | { kind: "connecting" }
  | { kind: "live" }
  /** Tried again at the given moment, in milliseconds of Date.now. */
  | { kind: "waiting"; retryAt: number }
  /** There is no more to come. */
  | { kind: "ended"; why: string };

export interface FollowOptions {
  /** The path to open next: where to go on from is in it. */
  path: () => string;
  onLines: (lines: string[]) => void;
  onState: (state: FollowState) => void;
  /** Why nothing more will come, of an ending after which that is so. */
  whyOver: (ending: Ending) => string | undefined;
}

/** Follows at once; the function it returns ends it, without a further call. */
export function follow({ path, onLines, onState, whyOver }: FollowOptions): () => void {
  let failures = 0;
  let timer: number | undefined;
  let close: (() => void) | undefined;
  let over = false;

  const connect = () => {
    timer = undefined;
    onState({ kind: "connecting" });
    close = openStream(path(), {
      onOpen: () => onState({ kind: "live" }),
      onLines: (lines) => {
        failures = 0;
        onLines(lines);
      },
      onClose: (ending) => {
        close = undefined;
        const why = whyOver(ending);
        if (why !== undefined) {
          over = true;
          onState({ kind: "ended", why });
          return;
        }
        const pause = pauseAfter(++failures);
        onState({ kind: "waiting", retryAt: Date.now() + pause });
        timer = window.setTimeout(connect, pause);
      },
    });
  };
  const unwake = onWake(() => {
    if (over) return;
    window.clearTimeout(timer);
    close?.();
    connect();
  });
  connect();
  return () => {
    unwake();
    window.clearTimeout(timer);
    close?.();
  };
}
