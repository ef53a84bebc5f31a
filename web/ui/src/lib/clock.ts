import { useSyncExternalStore } from "react";
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
