/**
 * Keeping within maxmemory by deleting keys, with Redis' eight policies. As there, the best of a few sampled keys goes, and
 * good candidates of earlier samples are kept in a pool of 16, which comes close to exact LRU and LFU.
 *
 * All keys are drawn from the index with equal probability. Volatile ones are drawn by page and place in it, so keys with
 * long values are somewhat likelier. The pool holds handles: before one is used, it must still be a record and must not
 * have become a worse candidate than it was.
 */

import type { Arena } from "../memory/arena.ts";
import { type Handle, PAGE_SHIFT, VOLATILE_RECORD } from "../memory/arena-layout.ts";
import { forEachRecord, isRecord } from "../memory/arena-records.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "./database.ts";
import type { KeyspaceState } from "./keyspace-state.ts";
import { NO_EXPIRY } from "./record.ts";

export const EVICTION_POLICIES = [
  "noeviction",
  "allkeys-lru",
  "volatile-lru",
  "allkeys-lfu",
  "volatile-lfu",
  "allkeys-random",
  "volatile-random",
  "volatile-ttl",
] as const;
export type EvictionPolicy = (typeof EVICTION_POLICIES)[number];

/** `running`: still above the limit, go on soon; commands may run. `failed`: nothing left to evict. */
export type EvictionResult = "ok" | "running" | "failed";

export interface EvictionSettings {
  /** 0: no limit. */
  readonly limitBytes: number;
  readonly policy: EvictionPolicy;
  /** `maxmemory-samples` */
  readonly samples: number;
  /** `maxmemory-eviction-tenacity`, 0 to 100: how long one command may be held up by eviction. */
  readonly tenacity: number;
  readonly lfuLogFactor: number;
  readonly lfuDecayMinutes: number;
}

const POOL_SIZE = 16;
/** How long one call may evict: so much a step of tenacity up to 10, then 15 % more with each, and at 100 without end. */
const TENACITY_STEP_US = 50;
const LINEAR_TENACITY = 10;
const TENACITY_GROWTH = 1.15;
const MAX_TENACITY = 100;
const EVICTIONS_PER_CLOCK = 16;
/** Draws of a place in a volatile page before giving up on a sample: pages can be nearly empty. */
const PLACE_DRAWS = 64;
const MAX_FREQUENCY = 255;

export class Eviction {
  /** What counts against the limit besides keys, values and their indexes: the server's buffers, measured now and then. */
  otherBytes = 0;
  readonly #state: KeyspaceState;
  readonly #arena: Arena;
  readonly #databases: readonly Database[];
  readonly #clock: Clock;
  #limitBytes = 0;
  #policy: EvictionPolicy = "noeviction";
  /** What the policy goes by, if files keep that. A plain field: asked for each key that is saved. */
  tracks: "idle" | "frequency" | undefined;
  #samples = 5;
  #sliceUs = TENACITY_STEP_US * LINEAR_TENACITY;
  /** Ascending by score. */
  readonly #poolRecords = new Int32Array(POOL_SIZE);
  readonly #poolScores = new Float64Array(POOL_SIZE);
  #poolCount = 0;
  /** Since when memory is above the limit, and how long it was before. */
  #overSinceUs: number | undefined;
  #overUs = 0;

  constructor(state: KeyspaceState, databases: readonly Database[], clock: Clock) {
    this.#state = state;
    this.#arena = state.arena;
    this.#databases = databases;
    this.#clock = clock;
  }

  configure(settings: EvictionSettings): void {
    this.#limitBytes = settings.limitBytes;
    this.#policy = settings.policy;
    this.tracks = settings.policy.endsWith("-lru")
      ? "idle"
      : settings.policy.endsWith("-lfu")
        ? "frequency"
        : undefined;
    this.#samples = settings.samples;
    this.#sliceUs = sliceFor(settings.tenacity);
    this.#state.access.isLfu = settings.policy.endsWith("-lfu");
    this.#state.access.lfuLogFactor = settings.lfuLogFactor;
    this.#state.access.lfuDecayMinutes = settings.lfuDecayMinutes;
    this.#poolCount = 0;
  }

  get isLfu(): boolean {
    return this.#state.access.isLfu;
  }

  get isLimited(): boolean {
    return this.#limitBytes > 0;
  }

  get isOverLimit(): boolean {
    return this.isLimited && this.#arena.usedBytes + this.otherBytes > this.#limitBytes;
  }

  idleSeconds(record: Handle): number {
    return this.#state.access.idleSeconds(this.#state.records.accessOf(record));
  }

  frequency(record: Handle): number {
    return this.#state.access.frequency(this.#state.records.accessOf(record));
  }

  /** The access word of a key that a file says this of; −1: nothing, it counts as new. */
  accessOfLoaded(idleSeconds: number, frequency: number): number {
    const { access } = this.#state;
    if (this.isLfu) return frequency < 0 ? access.initial() : access.withFrequency(frequency);
    return idleSeconds < 0 ? access.initial() : access.withIdleSeconds(idleSeconds);
  }

  /** For RESTORE and loading. Nothing happens while frequencies are tracked instead. */
  setIdleSeconds(record: Handle, idleSeconds: number): void {
    if (!this.isLfu) this.#state.records.setAccess(record, this.#state.access.withIdleSeconds(idleSeconds));
  }

  /** For RESTORE and loading. Nothing happens unless frequencies are tracked. */
  setFrequency(record: Handle, frequency: number): void {
    if (this.isLfu) this.#state.records.setAccess(record, this.#state.access.withFrequency(frequency));
  }

  /** Whether the last call of `run` stopped for want of time only. */
  canGoOn = false;

  /** Goes on where commands have left memory above the limit, for about this long. */
  run(budgetMs: number): void {
    const endUs = this.#clock.monotonicUs() + budgetMs * 1000;
    do this.canGoOn = this.freeMemoryIfNeeded() === "running";
    while (this.canGoOn && this.#clock.monotonicUs() < endUs);
  }

  /** Evicts until memory is below the limit, nothing can be evicted, or the time of one call is over. */
  freeMemoryIfNeeded(): EvictionResult {
    const result = this.#freeMemory();
    if (result !== "ok") this.#overSinceUs ??= this.#clock.monotonicUs();
    else if (this.#overSinceUs !== undefined) this.#endOver();
    return result;
  }

  /** For how long memory stayed above the limit: in all, and up to now. */
  overLimitTimes(): { readonly totalMs: number; readonly currentMs: number } {
    if (this.#overSinceUs !== undefined && !this.isOverLimit) this.#endOver();
    const currentUs = this.#overSinceUs === undefined ? 0 : this.#clock.monotonicUs() - this.#overSinceUs;
    return { totalMs: (this.#overUs + currentUs) / 1000, currentMs: currentUs / 1000 };
  }

  resetStatistics(): void {
    this.#overUs = 0;
    this.#overSinceUs = undefined;
  }

  #endOver(): void {
    this.#overUs += this.#clock.monotonicUs() - (this.#overSinceUs ?? 0);
    this.#overSinceUs = undefined;
  }

  #freeMemory(): EvictionResult {
    if (!this.isOverLimit) return "ok";
    const endUs = this.#clock.monotonicUs() + this.#sliceUs;
    const isOver = (): boolean => this.#clock.monotonicUs() >= endUs;
    let evicted = 0;
    while (this.isOverLimit) {
      // What is already deleted first: the memory of a large value counts until all of it is free.
      const isFreed = this.#state.reclaim(() => this.isOverLimit && !isOver());
      if (!this.isOverLimit) return "ok";
      if (!isFreed) return "running";
      if (evicted > 0 && evicted % EVICTIONS_PER_CLOCK === 0 && isOver()) return "running";
      const victim = this.#policy === "noeviction" ? 0 : this.#victim();
      if (victim === 0) return "failed";
      this.#ownerOf(victim)?.evictRecord(victim);
      evicted++;
    }
    return "ok";
  }

  #victim(): Handle {
    if (this.#policy === "allkeys-random" || this.#policy === "volatile-random") return this.#draw();
    for (let round = 0; round < POOL_SIZE; round++) {
      for (let sample = 0; sample < this.#samples; sample++) {
        const record = this.#draw();
        if (record === 0) break;
        this.#offer(record, this.#score(record));
      }
      const best = this.#takeBest();
      if (best !== 0) return best;
    }
    return this.#draw();
  }

  /** The higher, the sooner the key should go. */
  #score(record: Handle): number {
    if (this.#policy === "volatile-ttl") return -this.#state.records.expireAtOf(record);
    return this.isLfu ? MAX_FREQUENCY - this.frequency(record) : this.idleSeconds(record);
  }

  #offer(record: Handle, score: number): void {
    if (this.#poolRecords.subarray(0, this.#poolCount).includes(record)) return;
    if (this.#poolCount === POOL_SIZE) {
      if (score <= (this.#poolScores[0] as number)) return;
      this.#poolRecords.copyWithin(0, 1);
      this.#poolScores.copyWithin(0, 1);
      this.#poolCount--;
    }
    let at = this.#poolCount++;
    for (; at > 0 && (this.#poolScores[at - 1] as number) > score; at--) {
      this.#poolRecords[at] = this.#poolRecords[at - 1] as number;
      this.#poolScores[at] = this.#poolScores[at - 1] as number;
    }
    this.#poolRecords[at] = record;
    this.#poolScores[at] = score;
  }

  #takeBest(): Handle {
    while (this.#poolCount > 0) {
      this.#poolCount--;
      const record = this.#poolRecords[this.#poolCount] as number;
      if (this.#isCandidate(record) && this.#score(record) >= (this.#poolScores[this.#poolCount] as number)) {
        return record;
      }
    }
    return 0;
  }

  #isCandidate(record: Handle): boolean {
    if (!isRecord(this.#arena, record) || this.#ownerOf(record) === undefined) return false;
    return !this.#isVolatileOnly() || this.#state.records.expireAtOf(record) !== NO_EXPIRY;
  }

  #isVolatileOnly(): boolean {
    return this.#policy.startsWith("volatile-");
  }

  /** A key that may be evicted, by chance; 0 if there is none. */
  #draw(): Handle {
    return this.#isVolatileOnly() ? this.#drawVolatile() : this.#drawAny();
  }

  #drawAny(): Handle {
    let total = 0;
    for (const database of this.#databases) total += database.count;
    let place = this.#state.random.below(total);
    for (const database of this.#databases) {
      if (place < database.count) return database.randomRecord();
      place -= database.count;
    }
    return 0;
  }

  #drawVolatile(): Handle {
    const arena = this.#arena;
    const pages = arena.pageCountOf(VOLATILE_RECORD);
    for (let draw = 0; draw < PLACE_DRAWS && pages > 0; draw++) {
      const page = arena.pageOfKind(VOLATILE_RECORD, this.#state.random.below(pages));
      const start = page << PAGE_SHIFT;
      const stride = arena.pageStride(page);
      const places = Math.ceil((arena.pageLimit(page) - start) / stride);
      const record = start + this.#state.random.below(places) * stride;
      if (places > 0 && arena.isLive(record) && this.#ownerOf(record) !== undefined) return record;
    }
    return this.#anyVolatile();
  }

  /** For volatile pages that are nearly empty: the first key found. */
  #anyVolatile(): Handle {
    for (const database of this.#databases) {
      if (database.expiry.count === 0) continue;
      let found = 0;
      forEachRecord(this.#arena, VOLATILE_RECORD, (record) => {
        if (found === 0 && this.#ownerOf(record) !== undefined) found = record;
      });
      return found;
    }
    return 0;
  }

  /** Of a record that clients can see. */
  #ownerOf(record: Handle): Database | undefined {
    const owner = this.#state.owners.get(this.#state.records.databaseIdOf(record));
    return owner === undefined || owner.index < 0 ? undefined : owner;
  }
}

function sliceFor(tenacity: number): number {
  if (tenacity >= MAX_TENACITY) return Number.POSITIVE_INFINITY;
  const above = Math.max(0, tenacity - LINEAR_TENACITY);
  return TENACITY_STEP_US * Math.min(tenacity, LINEAR_TENACITY) * TENACITY_GROWTH ** above;
}
