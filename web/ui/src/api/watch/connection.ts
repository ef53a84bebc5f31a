// Whether what is shown is live: the sum of the states of all streams that should stand.

export type ConnectionState =
  | { kind: "idle" }
  | { kind: "connecting" }
  | { kind: "live" }
  /** Tried again at the given moment, in milliseconds of Date.now. */
  | { kind: "waiting"; retryAt: number };

const idle: ConnectionState = { kind: "idle" };

const states = new Map<symbol, ConnectionState>();
const listeners = new Set<() => void>();
let sum: ConnectionState = idle;

/** The worst of the states: one stream that is away is enough for something to be stale. */
export function worst(all: Iterable<ConnectionState>): ConnectionState {
  let result: ConnectionState = idle;
  for (const state of all) {
    if (state.kind === "waiting") {
      if (result.kind !== "waiting" || state.retryAt < result.retryAt) result = state;
    } else if (result.kind !== "waiting" && (state.kind === "connecting" || result.kind === "idle")) {
      result = state;
    }
  }
  return result;
}

/** Sets the state of one stream; undefined if there is no such stream any more. */
export function setConnection(stream: symbol, state: ConnectionState | undefined): void {
  if (state) states.set(stream, state);
  else states.delete(stream);
  sum = worst(states.values());
  for (const listener of listeners) listener();
}

export function subscribeToConnection(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function connection(): ConnectionState {
  return sum;
}

const wakers = new Set<() => void>();

/** Calls wake when there is reason to try at once: the network is back, the machine woke up, or a person asks. */
export function onWake(wake: () => void): () => void {
  wakers.add(wake);
  return () => wakers.delete(wake);
}

/** Makes every stream that is away try at once. */
export function wakeAll(): void {
  for (const wake of wakers) wake();
}

const tick = 5_000;
/** A timer that comes later than this was asleep, and the connections may be dead without knowing. */
const asleep = 30_000;

/** Watches over network and sleep, for as long as the page lives. */
export function watchOverConnections(): void {
  let last = Date.now();
  window.setInterval(() => {
    const now = Date.now();
    if (now - last > asleep) wakeAll();
    last = now;
  }, tick);
  window.addEventListener("online", wakeAll);
}
