/**
 * Frees collection values. Small ones go at once; of large ones the first slice goes at once and the rest waits in a
 * queue that a timer drains a slice at a time, so that deleting ten million members stalls nobody. The memory of waiting
 * values still counts as used.
 */

import type { Collections } from "./collections.ts";

/** Dictionary segments (about 600 members each) or list blocks that are freed at once: some 50 µs. */
const SLICE = 2;
const FIRST_QUEUE = 16;

/** Values that are out of the keyspace but not yet freed. */
export class PendingFrees {
  readonly #collections: Collections;
  /** Triples of type, encoding, root. */
  #waiting = new Int32Array(FIRST_QUEUE * 3);
  #count = 0;

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  /** Values that wait. */
  get count(): number {
    return this.#count;
  }

  /** Frees a value: all of it, or its first slice now and the rest by `drain`. */
  free(type: number, encoding: number, root: number): void {
    if (this.#collections.open(type, root, encoding).freeSome(SLICE)) return;
    if (this.#count * 3 === this.#waiting.length) {
      const wider = new Int32Array(this.#waiting.length * 2);
      wider.set(this.#waiting);
      this.#waiting = wider;
    }
    this.#waiting.set([type, encoding, root], this.#count * 3);
    this.#count++;
  }

  /** Frees slices while the budget says so; true when nothing waits any more. */
  drain(hasTime: () => boolean): boolean {
    while (this.#count > 0 && hasTime()) {
      const at = (this.#count - 1) * 3;
      const [type, encoding, root] = this.#waiting.subarray(at, at + 3) as unknown as [number, number, number];
      if (this.#collections.open(type, root, encoding).freeSome(SLICE)) this.#count--;
    }
    return this.#count === 0;
  }
}
