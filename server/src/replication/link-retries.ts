/** How long a replica waits from the loss of its link, or from a full sync that failed, to the next attempt. */

/** A lost link; twice as long each time. */
const FIRST_MS = 25;
const LONGEST_MS = 1000;
/** A snapshot that could not be received or loaded: the next one costs the primary as much as that did. */
const FIRST_SYNC_MS = 2000;
const LONGEST_SYNC_MS = 120_000;

export class LinkRetries {
  #linkMs = FIRST_MS;
  #syncMs = FIRST_SYNC_MS;

  /** Gives the milliseconds to wait. */
  linkLost(): number {
    const delayMs = this.#linkMs;
    this.#linkMs = Math.min(2 * delayMs, LONGEST_MS);
    return delayMs;
  }

  /** The same for a full sync. */
  syncFailed(): number {
    const delayMs = this.#syncMs;
    this.#syncMs = Math.min(2 * delayMs, LONGEST_SYNC_MS);
    return delayMs;
  }

  /** The link is up, and the data is the primary's. */
  succeeded(): void {
    this.#linkMs = FIRST_MS;
    this.#syncMs = FIRST_SYNC_MS;
  }
}
