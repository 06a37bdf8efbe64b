/**
 * Replicas whose full sync was given up, because too much changed meanwhile, wait before the next one: each time twice as long.
 * Otherwise a replica that is too slow for the load would keep its primary busy with snapshots for ever. They are known by
 * the address they tell, since their connections come and go.
 */

interface Delay {
  readonly delayMs: number;
  readonly untilMs: number;
}

const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
/** More names than replicas anybody has: beyond this the oldest is forgotten. */
const MOST_NAMES = 1000;

export class SyncDelays {
  readonly #delays = new Map<string, Delay>();

  /** Gives the milliseconds that it has to wait. */
  failed(name: string, nowMs: number): number {
    const earlier = this.#delays.get(name);
    const delayMs = earlier === undefined ? FIRST_MS : Math.min(LONGEST_MS, 2 * earlier.delayMs);
    this.#delays.delete(name);
    this.#delays.set(name, { delayMs, untilMs: nowMs + delayMs });
    const [oldest] = this.#delays.keys();
    if (this.#delays.size > MOST_NAMES && oldest !== undefined) this.#delays.delete(oldest);
    return delayMs;
  }

  succeeded(name: string): void {
    this.#delays.delete(name);
  }

  mustWait(name: string, nowMs: number): boolean {
    const delay = this.#delays.get(name);
    return delay !== undefined && nowMs < delay.untilMs;
  }
}
