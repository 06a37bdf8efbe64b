/**
 * Whether the disk syncs so quickly that the serving thread does it itself: asking another thread costs two changes of
 * thread, which on busy cores take longer than a quick disk (docs/decisions/0012-quick-syncs-on-the-thread.md). On busy cores
 * a quick sync can look slow too, because the thread had to wait for a core: so a few of the last syncs may, and only one that
 * took really long leaves it to the other thread at once, until enough quick ones there have followed.
 */

/** The last syncs, a bit each, set for a slow one; and how many of them may be. */
const REMEMBERED = 0xff;
const MOST_SLOW = 2;
/** So many times the limit is no wait for a core. */
const REALLY_LONG = 20;

export class SyncPace {
  readonly #quickUs: number;
  #slowOnes = REMEMBERED;

  /** Syncs of less than `quickUs` microseconds count as quick; 0: none does. */
  constructor(quickUs: number) {
    this.#quickUs = quickUs;
  }

  get isQuick(): boolean {
    return bitCount(this.#slowOnes) <= MOST_SLOW;
  }

  add(microseconds: number): void {
    if (microseconds >= this.#quickUs * REALLY_LONG) this.#slowOnes = REMEMBERED;
    else this.#slowOnes = ((this.#slowOnes << 1) & REMEMBERED) | (microseconds < this.#quickUs ? 0 : 1);
  }
}

function bitCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
