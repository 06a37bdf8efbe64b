/**
 * Replicas that were parted with, because they lacked too much, wait before the next snapshot: each time twice as long, until
 * nothing of the kind has happened for a while. Otherwise one that is too slow for the load, to take its snapshot or to follow
 * after it, would keep its primary busy with snapshots for ever. They are known by the address they tell, since their
 * connections come and go.
 */

interface Delay {
  readonly delayMs: number;
  readonly untilMs: number;
}

const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
/** From the end of a delay on: whoever got on so long without another is as good as new. */
const FORGOTTEN_MS = LONGEST_MS;
/** More names than replicas anybody has: beyond this the oldest is forgotten. */
const MOST_NAMES = 1000;

export class SyncDelays {
  readonly #delays = new Map<string, Delay>();

  /** Gives the milliseconds that it has to wait. */
  failed(name: string, nowMs: number): number {
    const earlier = this.#delays.get(name);
    const isFirst = earlier === undefined || nowMs > earlier.untilMs + FORGOTTEN_MS;
    const delayMs = isFirst ? FIRST_MS : Math.min(LONGEST_MS, 2 * earlier.delayMs);
    this.#delays.delete(name);
    this.#delays.set(name, { delayMs, untilMs: nowMs + delayMs });
    const [oldest] = this.#delays.keys();
    if (this.#delays.size > MOST_NAMES && oldest !== undefined) this.#delays.delete(oldest);
    return delayMs;
  }

  mustWait(name: string, nowMs: number): boolean {
    const delay = this.#delays.get(name);
    return delay !== undefined && nowMs < delay.untilMs;
  }
}
