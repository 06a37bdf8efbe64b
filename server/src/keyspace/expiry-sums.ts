/** How many keys of a database have an expiry time, and how long they live on average. */

import type { KeyspaceState } from "./keyspace-state.ts";

/** Expiry times further away count as this far in the average: their sum stays an exact integer. */
const MAX_SUMMED_TTL_MS = 100_000_000_000;

export class ExpirySums {
  readonly #state: KeyspaceState;
  #count = 0;
  /** Of the distances from the start of the server. */
  #sumMs = 0;

  constructor(state: KeyspaceState) {
    this.#state = state;
  }

  get count(): number {
    return this.#count;
  }

  get averageTtlMs(): number {
    if (this.#count === 0) return 0;
    return Math.max(0, this.#sumMs / this.#count + this.#state.startMs - this.#state.nowMs);
  }

  enter(expireAtMs: number): void {
    this.#count++;
    this.#sumMs += this.#distance(expireAtMs);
    if (expireAtMs < this.#state.earliestExpiryMs) this.#state.earliestExpiryMs = expireAtMs;
  }

  leave(expireAtMs: number): void {
    this.#count--;
    this.#sumMs -= this.#distance(expireAtMs);
  }

  clear(): void {
    this.#count = 0;
    this.#sumMs = 0;
  }

  swap(other: ExpirySums): void {
    [this.#count, other.#count] = [other.#count, this.#count];
    [this.#sumMs, other.#sumMs] = [other.#sumMs, this.#sumMs];
  }

  #distance(expireAtMs: number): number {
    return Math.min(expireAtMs - this.#state.startMs, MAX_SUMMED_TTL_MS);
  }
}
