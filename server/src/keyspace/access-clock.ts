/**
 * How recently or how often a key was used, in the 24 bits of its record. LRU: seconds, modulo 2^24 (194 days). LFU: minutes
 * of the last decay (16 bits) and a logarithmic counter (8 bits), as Redis keeps them; which one it is follows from the
 * eviction policy.
 */

import type { Random } from "../platform/random.ts";

const LRU_MASK = 0xffffff;
const MINUTES_MASK = 0xffff;
const MAX_COUNTER = 255;
/** New keys start here, so that they are not evicted before they had a chance to be used. */
const INITIAL_COUNTER = 5;
const UINT32_RANGE = 2 ** 32;

export class AccessClock {
  isLfu = false;
  lfuLogFactor = 10;
  lfuDecayMinutes = 1;
  readonly #random: Random;
  #seconds = 0;
  #minutes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get seconds(): number {
    return this.#seconds;
  }

  setNow(nowMs: number): void {
    this.#seconds = Math.floor(nowMs / 1000) & LRU_MASK;
    this.#minutes = Math.floor(nowMs / 60_000) & MINUTES_MASK;
  }

  /** For a new key. */
  initial(): number {
    return this.isLfu ? (this.#minutes << 8) | INITIAL_COUNTER : this.#seconds;
  }

  /** For a key that is used now and had `access` until now. */
  used(access: number): number {
    return this.isLfu ? this.#counted(access) : this.#seconds;
  }

  idleSeconds(access: number): number {
    return (this.#seconds - access) & LRU_MASK;
  }

  /** The counter with its decay up to now. */
  frequency(access: number): number {
    const elapsed = (this.#minutes - (access >>> 8)) & MINUTES_MASK;
    const periods = this.lfuDecayMinutes > 0 ? Math.floor(elapsed / this.lfuDecayMinutes) : 0;
    return Math.max(0, (access & MAX_COUNTER) - periods);
  }

  withIdleSeconds(idleSeconds: number): number {
    return (this.#seconds - idleSeconds) & LRU_MASK;
  }

  withFrequency(frequency: number): number {
    return (this.#minutes << 8) | Math.min(frequency, MAX_COUNTER);
  }

  #counted(access: number): number {
    let counter = this.frequency(access);
    if (counter < MAX_COUNTER) {
      const base = Math.max(0, counter - INITIAL_COUNTER);
      if (this.#random.uint32() < UINT32_RANGE / (base * this.lfuLogFactor + 1)) counter++;
    }
    return (this.#minutes << 8) | counter;
  }
}
