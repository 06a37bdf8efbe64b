/**
 * The active expiry cycle. Records with an expiry time lie together in pages of their own, so a sweep over those pages (5 ns
 * a record) finds the expired ones without an index. A sweep works in slices of a time budget and looks at the clock
 * inside pages. While no key can have expired since the last sweep, there is none. Fields of hashes that have expired go
 * in the same cycle, from a list by their time.
 */

import type { Arena } from "../memory/arena.ts";
import { type Handle, PAGE_SHIFT, VOLATILE_RECORD } from "../memory/arena-layout.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "./database.ts";
import type { KeyspaceState } from "./keyspace-state.ts";

/** Of a slice, fields of hashes may take this part before it is the turn of keys. */
const FIELD_SHARE = 0.5;
const FIELDS_A_LOOK = 16;
/** Work between two looks at the clock: a record looked at counts 1, an expired one as much as it costs more. */
const CLOCK_INTERVAL = 512;
const EXPIRED_COST = 32;
/** Of the latest sweep in the running share of stale keys, as in Redis. */
const STALE_WEIGHT = 0.05;

export class ExpiryCycle {
  readonly #state: KeyspaceState;
  readonly #arena: Arena;
  readonly #clock: Clock;
  readonly #databases: readonly Database[];
  /** Place in the list of volatile pages; the sweep goes down from its end, so pages that close do not hide others. */
  #position = -1;
  /** Where the next slice goes on inside that page; 0 for its start. */
  #next: Handle = 0;
  /** The earliest time met in this sweep that is still to come. */
  #earliestLeftMs = Number.POSITIVE_INFINITY;

  /** Of this sweep: keys looked at, and how many of those had expired. */
  #looked = 0;
  #due = 0;
  #stalePercent = 0;
  #cappedRuns = 0;
  #spentUs = 0;

  constructor(state: KeyspaceState, databases: readonly Database[], clock: Clock) {
    this.#state = state;
    this.#databases = databases;
    this.#arena = state.arena;
    this.#clock = clock;
  }

  /**
   * Deletes expired keys and fields for at most about this long. True when the sweep is done; false when it should soon go
   * on. On a replica, and while data is loaded, nothing is done.
   */
  run(budgetMs: number): boolean {
    const state = this.#state;
    if (state.keepsExpired || state.ignoresExpiry) return true;
    const isSweepDue = this.#position >= 0 || state.earliestExpiryMs < state.nowMs;
    const areFieldsDue = this.#databases.some(({ fieldExpiries }) => fieldExpiries.earliestMs < state.nowMs);
    if (!isSweepDue && !areFieldsDue) return true;
    const startUs = this.#clock.monotonicUs();
    const areFieldsDone = !areFieldsDue || this.#expireFields(startUs + budgetMs * 1000 * FIELD_SHARE);
    const isDone = (!isSweepDue || this.#sweep(startUs + budgetMs * 1000)) && areFieldsDone;
    this.#spentUs += this.#clock.monotonicUs() - startUs;
    if (!isDone) this.#cappedRuns++;
    return isDone;
  }

  get statistics(): { readonly stalePercent: number; readonly cappedRuns: number; readonly spentMs: number } {
    return { stalePercent: this.#stalePercent, cappedRuns: this.#cappedRuns, spentMs: this.#spentUs / 1000 };
  }

  resetStatistics(): void {
    this.#stalePercent = 0;
    this.#cappedRuns = 0;
    this.#spentUs = 0;
  }

  /** Hashes are listed by their earliest field: there is nothing to look for. */
  #expireFields(endUs: number): boolean {
    for (const { fieldExpiries } of this.#databases) {
      while (fieldExpiries.expireNext(FIELDS_A_LOOK) > 0) {
        if (this.#clock.monotonicUs() >= endUs) return false;
      }
    }
    return true;
  }

  #sweep(endUs: number): boolean {
    if (this.#position < 0) this.#begin();
    while (this.#hasPage()) {
      if (!this.#sweepPage(endUs)) return false;
    }
    this.#finish();
    return true;
  }

  #begin(): void {
    this.#position = this.#arena.pageCountOf(VOLATILE_RECORD) - 1;
    this.#next = 0;
    this.#earliestLeftMs = Number.POSITIVE_INFINITY;
    // Keys that get an expiry time from now on report it here again.
    this.#state.earliestExpiryMs = Number.POSITIVE_INFINITY;
  }

  #finish(): void {
    if (this.#earliestLeftMs < this.#state.earliestExpiryMs) this.#state.earliestExpiryMs = this.#earliestLeftMs;
    const found = this.#looked === 0 ? 0 : (this.#due / this.#looked) * 100;
    this.#stalePercent += (found - this.#stalePercent) * STALE_WEIGHT;
    this.#looked = 0;
    this.#due = 0;
  }

  /** False when the time ran out inside the page. */
  #sweepPage(endUs: number): boolean {
    const arena = this.#arena;
    const state = this.#state;
    const page = arena.pageOfKind(VOLATILE_RECORD, this.#position);
    const stride = arena.pageStride(page);
    const start = page << PAGE_SHIFT;
    // Between slices the page may have become another one, even of another stride.
    const isSamePage = this.#next >>> PAGE_SHIFT === page && (this.#next - start) % stride === 0;
    let record = isSamePage ? this.#next : start;
    let work = 0;
    // The limit is read each time: deleting the page's last record can close it.
    for (; record < arena.pageLimit(page); record += stride) {
      work++;
      if (arena.isLive(record) && this.#isStale(record)) {
        state.owners.get(state.records.databaseIdOf(record))?.expireRecord(record);
        work += EXPIRED_COST;
      }
      if (work >= CLOCK_INTERVAL) {
        work = 0;
        if (this.#clock.monotonicUs() >= endUs) {
          this.#next = record + stride;
          return false;
        }
      }
    }
    this.#next = 0;
    this.#position--;
    return true;
  }

  /** Whether there is a page left to sweep. Between slices the list may have become shorter. */
  #hasPage(): boolean {
    this.#position = Math.min(this.#position, this.#arena.pageCountOf(VOLATILE_RECORD) - 1);
    return this.#position >= 0;
  }

  #isStale(record: Handle): boolean {
    this.#looked++;
    const isDue = this.#isDue(record);
    if (isDue) this.#due++;
    return isDue;
  }

  #isDue(record: Handle): boolean {
    const expireAtMs = this.#state.records.expireAtOf(record);
    if (expireAtMs < this.#state.nowMs && !this.#state.isForeign(record)) return true;
    if (expireAtMs < this.#earliestLeftMs) this.#earliestLeftMs = expireAtMs;
    return false;
  }
}
