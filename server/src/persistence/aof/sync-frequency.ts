/** How often a file was synced of late, in whole seconds. */

const PERIOD_MS = 1000;

export class SyncFrequency {
  #syncs = 0;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  count(): void {
    this.#syncs++;
  }

  /** Syncs a second since it last gave a number; undefined if that is less than a second ago. */
  read(nowMs: number): number | undefined {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs >= 0 && passedMs < PERIOD_MS) return undefined;
    const syncs = this.#syncs;
    this.#syncs = 0;
    this.#sinceMs = nowMs;
    return passedMs > 0 ? (syncs * PERIOD_MS) / passedMs : 0;
  }
}
