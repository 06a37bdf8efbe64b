// Time as an argument. Everything in runtime/ that waits or looks at the clock does it through this port, so tests run
// on a clock they move themselves (manual-clock.ts).

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs a function once, later. Returns what cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** A number in [0, 1). */
export type Random = () => number;

/** Beyond this Node's timers fire at once; early is harmless to those who look at the world when they wake. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after the delay, or at once when the signal aborts: callers look at the signal themselves. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = () => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener("abort", finish);
  });
}
