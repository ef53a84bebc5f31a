import { type ComponentType, lazy } from "react";
import { pauseAfter } from "@/api/watch/backoff";

/** Tries to load a script before the page is given up. */
const attempts = 4;

/**
 * A component whose script is loaded when it is first shown. One that does not arrive is asked for again: it
 * takes no more than a network that changes for the browser to drop a request.
 */
export function lazyPart<Props>(load: () => Promise<ComponentType<Props>>) {
  return lazy(async () => {
    for (let failures = 1; ; failures++) {
      try {
        return { default: await load() };
      } catch (error) {
        if (failures === attempts) throw error;
        await new Promise((resolve) => window.setTimeout(resolve, pauseAfter(failures)));
      }
    }
  });
}
