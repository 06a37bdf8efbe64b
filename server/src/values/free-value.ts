/**
 * The queue of large values that are out of the keyspace but not yet freed. Of each value a first slice goes at once, the
 * rest when a timer drains the queue, so that deleting ten million members stalls nobody. Their memory counts as used
 * until it is free.
 */

/** Frees a part of a value; true when nothing of it is left. */
export type FreeSlice = (type: number, encoding: number, root: number) => boolean;

const FIRST_QUEUE = 16;

export class PendingFrees {
  readonly #freeSlice: FreeSlice;
  /** Triples of type, encoding, root. */
  #waiting = new Int32Array(FIRST_QUEUE * 3);
  #count = 0;

  constructor(freeSlice: FreeSlice) {
    this.#freeSlice = freeSlice;
  }

  /** Values that wait. */
  get count(): number {
    return this.#count;
  }

  /** Frees a value: all of it, or its first slice now and the rest by `drain`. */
  free(type: number, encoding: number, root: number): void {
    if (this.#freeSlice(type, encoding, root)) return;
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
    const waiting = this.#waiting;
    while (this.#count > 0 && hasTime()) {
      const at = (this.#count - 1) * 3;
      const root = waiting[at + 2] as number;
      if (this.#freeSlice(waiting[at] as number, waiting[at + 1] as number, root)) this.#count--;
    }
    return this.#count === 0;
  }
}
