import { useEffect, useState, useSyncExternalStore } from "react";
import { serverNow } from "@/api/http";

// One timer for all that counts down. Twice a second, so that no second is skipped when one comes late.
const interval = 500;

const listeners = new Set<() => void>();
let timer: number | undefined;
let now = serverNow();

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = serverNow();
    timer = window.setInterval(() => {
      now = serverNow();
      for (const each of listeners) each();
    }, interval);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.clearInterval(timer);
  };
}

/** The server's time in milliseconds since 1970; the component renders again as it goes on. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** Whole seconds until a moment of the browser's own clock, counted down while it is ahead. */
export function useSecondsUntil(at: number | undefined): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (at === undefined) return;
    setNow(Date.now());
    const timer = window.setInterval(() => setNow(Date.now()), interval);
    return () => window.clearInterval(timer);
  }, [at]);
  return at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
}
