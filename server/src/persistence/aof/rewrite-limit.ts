/** After some rewrites that failed in a row the automatic ones come ever more seldom, as in Redis: one minute, two, four, up to an hour. */

import type { Clock } from "../../platform/clock.ts";

const TOLERATED_FAILURES = 3;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** Between attempts before that. */
const SHORT_PAUSE_MS = 5000;

export class RewriteLimit {
  readonly #clock: Clock;
  #nextAtMs = 0;
  failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get mayTry(): boolean {
    return this.#clock.nowMs() >= this.#nextAtMs;
  }

  failed(): void {
    this.failures++;
    const beyond = this.failures - TOLERATED_FAILURES;
    const pauseMs = beyond < 0 ? SHORT_PAUSE_MS : Math.min(FIRST_PAUSE_MS * 2 ** beyond, LONGEST_PAUSE_MS);
    this.#nextAtMs = this.#clock.nowMs() + pauseMs;
  }

  succeeded(): void {
    this.failures = 0;
    this.#nextAtMs = 0;
  }
}
