/**
 * Time as the dispatcher needs it. Within a turn, when the requests of many clients run with nothing in between, the end of
 * one batch is the start of the next, and wall time is asked for anew only after a while.
 */

import type { Clock } from "../platform/clock.ts";

/** For so long the wall time of a turn counts as now. */
const STANDS_US = 500;

export class TurnClock {
  readonly #clock: Clock;
  #isInTurn = false;
  /** The last reading of the monotonic clock, and the one that the wall time belongs to. */
  #lastUs = 0;
  #nowIsOfUs = 0;
  /** Wall time, milliseconds since 1970. */
  nowMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  beginTurn(): void {
    this.#read();
    this.#isInTurn = true;
  }

  endTurn(): void {
    this.#isInTurn = false;
  }

  /** The time at which a batch starts, in microseconds. */
  startUs(): number {
    return this.#isInTurn ? this.#lastUs : this.#clock.monotonicUs();
  }

  /** True if it is so long since the wall time was read that it has been read anew. */
  renew(startUs: number): boolean {
    if (this.#isInTurn && startUs - this.#nowIsOfUs <= STANDS_US) return false;
    this.#nowIsOfUs = startUs;
    this.nowMs = this.#clock.nowMs();
    return true;
  }

  /** The time at which a batch ends, in microseconds. */
  endUs(): number {
    this.#lastUs = this.#clock.monotonicUs();
    return this.#lastUs;
  }

  get isInTurn(): boolean {
    return this.#isInTurn;
  }

  #read(): void {
    this.#lastUs = this.#clock.monotonicUs();
    this.#nowIsOfUs = this.#lastUs;
    this.nowMs = this.#clock.nowMs();
  }
}
