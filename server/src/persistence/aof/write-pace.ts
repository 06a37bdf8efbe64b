/**
 * Whether the disk takes writes so quickly that the serving thread makes them itself. They mostly go to memory of the system;
 * but a system that has too much of that to bring to the disk, or a disk that hangs, makes whoever writes wait. So after a
 * write that took long, another thread makes them for many times as long: the serving thread stands still for a small part
 * of the time at most (docs/decisions/0021-acknowledged-is-written.md).
 */

const TIMES_AS_LONG = 20;
const LONGEST_CAUTION_MS = 60_000;

export class WritePace {
  readonly #quickUs: number;
  #cautiousUntilMs = 0;

  /** Writes of less than `quickUs` microseconds count as quick; 0: none does. */
  constructor(quickUs: number) {
    this.#quickUs = quickUs;
    if (quickUs === 0) this.#cautiousUntilMs = Number.POSITIVE_INFINITY;
  }

  isQuick(nowMs: number): boolean {
    return nowMs >= this.#cautiousUntilMs;
  }

  /** Of a write that either thread has made and that ended now. */
  add(microseconds: number, nowMs: number): void {
    if (microseconds < this.#quickUs) return;
    const cautionMs = Math.min(LONGEST_CAUTION_MS, (microseconds / 1000) * TIMES_AS_LONG);
    this.#cautiousUntilMs = Math.max(this.#cautiousUntilMs, nowMs + cautionMs);
  }
}
