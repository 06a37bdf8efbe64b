/**
 * How long to wait between passes that see the same obstacle: longer and longer up to half a minute, and short again as
 * soon as something else is in the way. Changes of pods wake a cluster up anyway, so this bounds only the asking of
 * servers that keep not answering.
 */

const LONGEST_SECONDS = 30;
const GROWTH = 1.5;

interface Waiting {
  readonly reason: string;
  readonly passes: number;
}

export class Patience {
  readonly #waiting = new Map<string, Waiting>();

  /** Seconds until the next pass of `key`, which waits for `reason` and would like to be back after `seconds`. */
  secondsFor(key: string, reason: string, seconds: number): number {
    const before = this.#waiting.get(key);
    const passes = before?.reason === reason ? before.passes + 1 : 0;
    this.#waiting.set(key, { reason, passes });
    return Math.min(LONGEST_SECONDS, seconds * GROWTH ** Math.min(passes, 20));
  }

  forget(key: string): void {
    this.#waiting.delete(key);
  }
}
