/**
 * Drives a snapshot from a timer in slices, so that commands are served in between, and pauses while its target has
 * enough to do. Changes meanwhile add pre-images whether the target is full or not: `isBehind` says when that gets out of
 * hand, and whoever reads from clients should wait.
 */

import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

const SLICE_US = 1000;
const BETWEEN_SLICES_MS = 0;
/** A full target is asked again after this. */
const FULL_PAUSE_MS = 2;
/** Pre-images waiting beyond this: memory grows faster than the target writes. */
const BEHIND_BYTES = 64 << 20;

export interface SnapshotJobOptions {
  readonly snapshot: Snapshot;
  readonly target: SnapshotTarget;
  readonly clock: Clock;
}

export class SnapshotJob {
  readonly #options: SnapshotJobOptions;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: SnapshotJobOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTimer = this.#options.clock.after(BETWEEN_SLICES_MS, () => this.#slice());
  }

  abort(): void {
    this.#cancelTimer?.();
    this.#options.snapshot.abort();
    this.#options.target.abort();
  }

  get keysWritten(): number {
    return this.#options.snapshot.keysWritten;
  }

  get keysAtCut(): number {
    return this.#options.snapshot.keysAtCut;
  }

  get isBehind(): boolean {
    return this.#options.target.waitingBytes > BEHIND_BYTES;
  }

  #slice(): void {
    const { snapshot, target, clock } = this.#options;
    const endUs = clock.monotonicUs() + SLICE_US;
    const isWalked = !target.isFull && snapshot.walk(() => target.isFull || clock.monotonicUs() >= endUs);
    if (!isWalked) {
      const pauseMs = target.isFull ? FULL_PAUSE_MS : BETWEEN_SLICES_MS;
      this.#cancelTimer = clock.after(pauseMs, () => this.#slice());
      return;
    }
    target.end();
  }
}
