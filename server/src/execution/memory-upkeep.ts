/**
 * What memory needs besides commands: expiry, eviction where commands left memory above the limit, freeing what was
 * deleted, and compaction. All work in slices of less than a millisecond between other events of the loop, so nobody waits
 * for them. While there is work, freeing and eviction have their next slice a millisecond later, expiry takes the share of the
 * processor that its effort allows, and compaction the one of the active-defrag directives, by the fragmentation that there is.
 */

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";

export interface CompactionSettings {
  /** `activedefrag` */
  readonly isEnabled: boolean;
  /** Waste below this is left alone. */
  readonly ignoreBytes: number;
  /** Waste in percent of what is used from which on it is worked at, and with the greatest effort. */
  readonly lowerPercent: number;
  readonly upperPercent: number;
  /** Percent of the processor. */
  readonly leastEffort: number;
  readonly greatestEffort: number;
}

export interface MemoryUpkeepParts {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly settings: () => CompactionSettings;
  /** `active-expire-effort`, 1 to 10. */
  readonly expiryEffort: () => number;
  /** Whether keys are to expire by themselves, and whether memory is limited here. */
  readonly mayExpire: () => boolean;
  readonly mayEvict: () => boolean;
  /** False while data is loaded: half-made values are in nobody's hands. */
  readonly mayMove: () => boolean;
  /** Told how long each kind of work held the thread, for the latency monitor. */
  readonly spent: (event: UpkeepEvent, microseconds: number) => void;
}

export type UpkeepEvent = "expire-cycle" | "eviction-cycle" | "active-defrag-cycle";

const SLICE_MS = 0.5;
/** Between slices of freeing, expiry and eviction. */
const PAUSE_MS = 1;
/** Of the processor, as in Redis: a quarter, and two percent more for each step of effort above the first. */
const LEAST_EXPIRY_PERCENT = 25;
const PERCENT_PER_EFFORT = 2;
/** MEMORY PURGE: somebody waits for it. */
const PURGE_EFFORT = 33;
/** A pass that brought less than a chunk is not followed by another for this long, and each such time for twice as long. */
const FIRST_REST_MS = 2000;
const LONGEST_REST_MS = 10 * 60 * 1000;
const WORTHWHILE_BYTES = 32 * 1024 * 1024;

export class MemoryUpkeep {
  readonly #parts: MemoryUpkeepParts;
  #cancel: CancelTimer | undefined;
  /** The last slice left expired keys, or memory above the limit. */
  #hasKeysToDelete = false;
  /** Of the pass under way, percent of the processor; 0: there is none. */
  effort = 0;
  #startedAtMs = 0;
  #totalMs = 0;
  #wasteAtStart = 0;
  #restUntilMs = 0;
  #restMs = FIRST_REST_MS;

  constructor(parts: MemoryUpkeepParts) {
    this.#parts = parts;
  }

  /** Looks for work; to be called some times a second. */
  tick(): void {
    const { keyspace, settings, mayMove, clock } = this.#parts;
    this.#deleteKeys();
    if (this.effort === 0 && mayMove() && clock.nowMs() >= this.#restUntilMs) {
      const effort = effortFor(settings(), this.#wasteBytes(), keyspace.arena.usedBytes);
      if (effort > 0) this.#startPass(effort);
    }
    if (this.#hasWork()) this.#schedule();
  }

  /** MEMORY PURGE: a pass whatever the settings say, from now on, in slices. */
  purge(): void {
    if (!this.#parts.mayMove()) return;
    if (this.effort > 0) this.effort = PURGE_EFFORT;
    else this.#startPass(PURGE_EFFORT);
    if (this.#hasWork()) this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** How long compaction has been under way in all, and this time. */
  get totalMs(): number {
    return this.#totalMs + this.currentMs;
  }

  get currentMs(): number {
    return this.effort === 0 ? 0 : this.#parts.clock.nowMs() - this.#startedAtMs;
  }

  #deleteKeys(): void {
    const { keyspace, mayExpire, mayEvict, expiryEffort } = this.#parts;
    const sliceMs = expirySliceMs(expiryEffort());
    const isExpiryDone = !mayExpire() || this.#measured("expire-cycle", () => keyspace.expiry.run(sliceMs));
    if (mayEvict()) this.#measured("eviction-cycle", () => keyspace.eviction.run(SLICE_MS));
    this.#hasKeysToDelete = !isExpiryDone || (mayEvict() && keyspace.eviction.canGoOn);
  }

  #startPass(effort: number): void {
    const { keyspace, clock } = this.#parts;
    this.#wasteAtStart = this.#wasteBytes();
    this.#startedAtMs = clock.nowMs();
    if (keyspace.compaction.start()) this.effort = effort;
    else this.#rest();
  }

  #endPass(): void {
    this.#totalMs += this.currentMs;
    this.effort = 0;
    this.#rest();
  }

  #rest(): void {
    const isWorthwhile = this.#wasteAtStart - this.#wasteBytes() >= WORTHWHILE_BYTES;
    this.#restMs = isWorthwhile ? FIRST_REST_MS : Math.min(this.#restMs * 2, LONGEST_REST_MS);
    this.#restUntilMs = this.#parts.clock.nowMs() + this.#restMs;
  }

  #wasteBytes(): number {
    const { arena } = this.#parts.keyspace;
    return arena.mappedBytes - arena.usedBytes;
  }

  #hasWork(): boolean {
    const { keyspace, mayMove } = this.#parts;
    return (
      this.#hasKeysToDelete ||
      keyspace.waitingFrees > 0 ||
      (this.effort > 0 && mayMove() && !keyspace.compaction.isWaiting)
    );
  }

  #schedule(): void {
    if (this.#cancel !== undefined) return;
    this.#cancel = this.#parts.clock.after(this.#pauseMs(), () => this.#slice());
  }

  #pauseMs(): number {
    if (this.#parts.keyspace.waitingFrees > 0 || this.#hasKeysToDelete) return PAUSE_MS;
    return Math.max(1, Math.round(SLICE_MS * (100 / this.effort - 1)));
  }

  #slice(): void {
    const { keyspace, mayMove, clock } = this.#parts;
    this.#cancel = undefined;
    keyspace.setNow(clock.nowMs());
    if (this.#hasKeysToDelete) this.#deleteKeys();
    if (keyspace.waitingFrees > 0) keyspace.reclaim(SLICE_MS);
    else if (this.effort > 0 && mayMove()) {
      const isDone = this.#measured("active-defrag-cycle", () => keyspace.compaction.run(SLICE_MS));
      if (isDone) this.#endPass();
    }
    if (this.#hasWork()) this.#schedule();
  }

  #measured<Result>(event: UpkeepEvent, work: () => Result): Result {
    const { clock, spent } = this.#parts;
    const startedUs = clock.monotonicUs();
    const result = work();
    spent(event, clock.monotonicUs() - startedUs);
    return result;
  }
}

/** How long expiry may go on at a time, for its share of the processor. */
export function expirySliceMs(effort: number): number {
  const percent = LEAST_EXPIRY_PERCENT + PERCENT_PER_EFFORT * (effort - 1);
  return (PAUSE_MS * percent) / (100 - percent);
}

/** Percent of the processor for this waste; 0: let it be. */
export function effortFor(settings: CompactionSettings, wasteBytes: number, usedBytes: number): number {
  const percent = (wasteBytes / Math.max(1, usedBytes)) * 100;
  const { lowerPercent, upperPercent, leastEffort, greatestEffort } = settings;
  if (!settings.isEnabled || wasteBytes < settings.ignoreBytes || percent < lowerPercent) return 0;
  const share =
    upperPercent <= lowerPercent ? 1 : Math.min(1, (percent - lowerPercent) / (upperPercent - lowerPercent));
  return Math.max(1, Math.round(leastEffort + share * (greatestEffort - leastEffort)));
}
