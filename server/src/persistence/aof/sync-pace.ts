/**
 * Whether the disk syncs so quickly that the serving thread does it itself: asking another thread costs two changes of
 * thread, which on busy cores take longer than a quick disk (docs/decisions/0012-quick-syncs-on-the-thread.md). One slow sync
 * is enough to leave it to the other thread, and some quick ones there to come back.
 */

/** Weight of the last sync in the average. */
const SHARE_OF_LAST = 1 / 8;

export class SyncPace {
  readonly #quickUs: number;
  #averageUs = Number.POSITIVE_INFINITY;

  /** Syncs of less than `quickUs` microseconds count as quick; 0: none does. */
  constructor(quickUs: number) {
    this.#quickUs = quickUs;
  }

  get isQuick(): boolean {
    return this.#averageUs < this.#quickUs;
  }

  add(microseconds: number): void {
    if (this.#averageUs === Number.POSITIVE_INFINITY) this.#averageUs = microseconds;
    else this.#averageUs += (microseconds - this.#averageUs) * SHARE_OF_LAST;
  }
}
