/**
 * Time as a port. Wall time dates what users see (TTL, log lines, save times); monotonic time measures durations and
 * never jumps. Timers are part of the port, so that a simulation can run days of elections and expiry in a moment.
 *
 * A timer never keeps the process alive by itself: the listener does that.
 */

// The global of this name is an accessor of Node's, which compiled code calls each time.
import { performance } from "node:perf_hooks";

export type CancelTimer = () => void;

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Microseconds since 1970, as exact as the system gives them. */
  nowUs(): number;
  /** Microseconds since an arbitrary moment; only differences mean something. */
  monotonicUs(): number;
  /** A delay of 0: as soon as what has come from the network and the disk by then has been served. */
  after(delayMs: number, run: () => void): CancelTimer;
  every(intervalMs: number, run: () => void): CancelTimer;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowUs: () => Math.floor((performance.timeOrigin + performance.now()) * 1000),
  monotonicUs: () => performance.now() * 1000,
  after(delayMs, run) {
    // A timer would wait for a whole millisecond.
    if (delayMs === 0) return soon(run);
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Keeps the process alive for this one turn: an immediate that does not would wait for the next event. */
function soon(run: () => void): CancelTimer {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}
