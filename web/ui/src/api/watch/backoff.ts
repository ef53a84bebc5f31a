/** The longest wait between two tries. */
export const longestPause = 15_000;

const firstPause = 500;

/**
 * How long to wait before a try, in milliseconds, after so many failures in a row: doubling, and by chance
 * up to half as long again, so that the pages of a server that came back don't all come at once.
 */
export function pauseAfter(failures: number, random = Math.random()): number {
  const pause = Math.min(longestPause, firstPause * 2 ** Math.max(0, failures - 1));
  return Math.round(pause * (1 + random / 2));
}
