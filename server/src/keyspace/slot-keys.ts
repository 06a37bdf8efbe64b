/**
 * Which keys each cluster slot has, as hashes by which the database finds them: made in one pass when first asked for (a slot
 * is to be moved), since to keep it always would cost every new key time and memory. From then on new keys are added, until so
 * many have come that it is better made anew when next asked for. Keys that go stay listed: who does not find one passes on.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";

/** So many new keys, and as many as were listed at first, are added. */
const MOST_ADDED = 100_000;

export class SlotKeys {
  /** The hashes of slot s: from `#starts[s]` to the place before `#ends[s]`. */
  readonly #hashes: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #added = new Map<number, number[]>();
  #addedCount = 0;

  /** `forEachKey` visits all keys there are, `total` of them; `countIn` tells how many of these are in a slot. */
  constructor(
    total: number,
    countIn: (slot: number) => number,
    forEachKey: (visit: (slot: number, hash: number) => void) => void,
  ) {
    this.#hashes = new Int32Array(total);
    this.#starts = new Int32Array(SLOT_COUNT);
    for (let slot = 1; slot < SLOT_COUNT; slot++) {
      this.#starts[slot] = (this.#starts[slot - 1] as number) + countIn(slot - 1);
    }
    this.#ends = this.#starts.slice();
    forEachKey((slot, hash) => {
      const end = this.#ends[slot] as number;
      this.#hashes[end] = hash;
      this.#ends[slot] = end + 1;
    });
  }

  get isOutdated(): boolean {
    return this.#addedCount > MOST_ADDED + this.#hashes.length;
  }

  add(slot: number, hash: number): void {
    this.#addedCount++;
    const added = this.#added.get(slot);
    if (added === undefined) this.#added.set(slot, [hash]);
    else added.push(hash);
  }

  /**
   * Visits hashes of keys of a slot, some of which may have gone, until `wantsMore` says no. A visit tells whether there is a
   * key with this hash; one that has none is not visited again if it comes before all that have.
   */
  visit(slot: number, hasKey: (hash: number) => boolean, wantsMore: () => boolean): void {
    let isFirst = true;
    for (let at = this.#starts[slot] as number; at < (this.#ends[slot] as number) && wantsMore(); at++) {
      if (hasKey(this.#hashes[at] as number)) isFirst = false;
      else if (isFirst) this.#starts[slot] = at + 1;
    }
    const added = this.#added.get(slot);
    if (added === undefined) return;
    while (added.length > 0 && wantsMore() && !hasKey(added.at(-1) as number)) added.pop();
    for (let at = added.length - 1; at >= 0 && wantsMore(); at--) hasKey(added[at] as number);
    if (added.length === 0) this.#added.delete(slot);
  }
}
