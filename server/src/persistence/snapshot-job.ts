/**
 * Drives a snapshot from a timer in slices, so that commands are served in between: a server without work goes from slice
 * to slice, one with clients gives them half of the time. It pauses while its target has enough to do. Changes meanwhile
 * add pre-images whether the target is full or not: `isBehind` says when that gets out of hand, and writers have to wait
 * until `caughtUp`; as have those who would change a large value that is not written yet.
 */

import type { Handle } from "../memory/arena-layout.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { SliceMeter } from "./slice-meter.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

const SLICE_US = 1000;
/** For those who were served between two slices. */
const BETWEEN_SLICES_MS = 1;
/** What took less between two slices was not the work of clients. */
const IDLE_US = 100;
/** A full target is asked again after this. */
const FULL_PAUSE_MS = 2;
/** A delay that is asked for by key is asked for again after this. */
const LONGEST_DELAY_MS = 50;
/** A target that has taken nothing for so long (a replica that does not read, a disk that hangs) keeps no writer waiting. */
const STUCK_US = 200_000;
/** Pre-images waiting beyond this: memory grows faster than the target writes. Writers go on when half of it is gone. */
const BEHIND_BYTES = 64 << 20;
const CAUGHT_UP_BYTES = BEHIND_BYTES / 2;

export interface SnapshotJobOptions {
  readonly snapshot: Snapshot;
  readonly target: SnapshotTarget;
  readonly clock: Clock;
  readonly meter: SliceMeter;
  /** How long each key is to take at least: `rdb-key-save-delay`, 0 but in tests. */
  readonly keyDelayUs: () => number;
  /** Those who waited because of `isBehind` or `holds` may go on, or ask again. */
  readonly caughtUp: () => void;
}

export class SnapshotJob {
  readonly #options: SnapshotJobOptions;
  #cancelTimer: CancelTimer | undefined;
  #isBehind = false;
  /** Somebody waits for a large value. */
  #isAwaited = false;
  #largeValuesWritten = 0;
  /** The next key is not to be written before this. */
  #delayedUntilUs = 0;
  /** Since when the target has been full; 0 while it is not. */
  #fullSinceUs = 0;
  /** When the last slice was over, if the next was to follow at once; else 0. */
  #sliceEndedAtUs = 0;

  constructor(options: SnapshotJobOptions) {
    this.#options = options;
  }

  start(): void {
    this.#sliceAfter(0);
  }

  abort(): void {
    this.#cancelTimer?.();
    this.#options.snapshot.abort();
    this.#options.target.abort();
    this.#setBehind(false);
    this.#letGoOn();
  }

  /** Whether changing the value of this record has to wait until it is written, which is done next then. */
  holds(record: Handle): boolean {
    if (this.#isStuck) return false;
    const isHeld = this.#options.snapshot.holds(record);
    this.#isAwaited ||= isHeld;
    return isHeld;
  }

  get keysWritten(): number {
    return this.#options.snapshot.keysWritten;
  }

  get keysAtCut(): number {
    return this.#options.snapshot.keysAtCut;
  }

  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** What the target has not taken yet, and pre-images aside. */
  get waitingBytes(): number {
    return this.#options.target.waitingBytes + this.#options.snapshot.waitingBytes;
  }

  #sliceAfter(pauseMs: number): void {
    const { clock } = this.#options;
    this.#sliceEndedAtUs = pauseMs === 0 ? clock.monotonicUs() : 0;
    this.#cancelTimer = clock.after(pauseMs, () => this.#slice());
  }

  #slice(): void {
    const { snapshot, target, clock } = this.#options;
    const startUs = clock.monotonicUs();
    if (this.#sliceEndedAtUs > 0 && startUs - this.#sliceEndedAtUs > IDLE_US) {
      this.#sliceAfter(BETWEEN_SLICES_MS);
      return;
    }
    this.#fullSinceUs = target.isFull ? this.#fullSinceUs || startUs : 0;
    if (this.#isStuck) this.#letGoOn();
    const delayMs = this.#delayMs(startUs);
    const isWalked = !target.isFull && delayMs === 0 && this.#walk(startUs);
    // Behind the end of the walk there are no pre-images.
    this.#setBehind(!isWalked && this.waitingBytes > (this.#isBehind ? CAUGHT_UP_BYTES : BEHIND_BYTES));
    if (isWalked || snapshot.largeValuesWritten !== this.#largeValuesWritten) this.#letGoOn();
    this.#largeValuesWritten = snapshot.largeValuesWritten;
    if (!isWalked) {
      this.#sliceAfter(target.isFull ? FULL_PAUSE_MS : this.#delayMs(startUs));
      return;
    }
    target.end();
  }

  #walk(startUs: number): boolean {
    const { snapshot, target, clock, meter } = this.#options;
    const delayUs = this.#options.keyDelayUs();
    const endUs = startUs + SLICE_US;
    const before = snapshot.keysWritten;
    const isWalked = snapshot.walk(
      () => target.isFull || clock.monotonicUs() >= endUs || (delayUs > 0 && snapshot.keysWritten > before),
    );
    this.#delayedUntilUs = startUs + (snapshot.keysWritten - before) * delayUs;
    meter.add(clock.monotonicUs() - startUs);
    return isWalked;
  }

  #delayMs(nowUs: number): number {
    if (this.#options.keyDelayUs() <= 0 || nowUs >= this.#delayedUntilUs) return 0;
    return Math.min(LONGEST_DELAY_MS, Math.ceil((this.#delayedUntilUs - nowUs) / 1000));
  }

  /** Then a large value is written whole before it changes, as far as memory has room. */
  get #isStuck(): boolean {
    return this.#fullSinceUs !== 0 && this.#options.clock.monotonicUs() - this.#fullSinceUs > STUCK_US;
  }

  #letGoOn(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#options.caughtUp();
  }

  #setBehind(isBehind: boolean): void {
    const isOver = this.#isBehind && !isBehind;
    this.#isBehind = isBehind;
    if (isOver) this.#options.caughtUp();
  }
}
