/**
 * A clock that moves only when a test says so. `advance` runs the timers that fall due, in order of their time, each
 * seeing the moment it was set for; a timer set by a timer within the span runs too.
 */

import type { CancelTimer, Clock } from "./clock.ts";

interface Timer {
  dueMs: number;
  readonly order: number;
  readonly intervalMs: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  nowUs(): number {
    return this.#nowMs * 1000;
  }

  monotonicUs(): number {
    return this.#nowMs * 1000;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    return this.#add(delayMs, 0, run);
  }

  every(intervalMs: number, run: () => void): CancelTimer {
    return this.#add(intervalMs, Math.max(1, intervalMs), run);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  advance(spanMs: number): void {
    const endMs = this.#nowMs + spanMs;
    for (let next = this.#nextDue(endMs); next !== undefined; next = this.#nextDue(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.intervalMs === 0) this.#timers.delete(next);
      else next.dueMs += next.intervalMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  #add(delayMs: number, intervalMs: number, run: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, intervalMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  #nextDue(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
