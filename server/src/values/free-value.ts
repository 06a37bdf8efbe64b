/**
 * The queue of large values that are out of the keyspace but not yet freed. Of each value a first slice goes at once, the
 * rest when a timer drains the queue, so that deleting ten million members stalls nobody. Their memory counts as used
 * until it is free.
 */

/** Opens a view on a value; the view frees about so many segments or blocks and says whether nothing is left. */
export interface ValueOpener {
  open(type: number, root: number, encoding: number): { freeSome(steps: number): boolean };
}

/** Dictionary segments (about 600 members each) or list blocks that are freed at once: some 50 µs. */
const SLICE = 2;

const FIRST_QUEUE = 16;

export class PendingFrees {
  readonly #opener: ValueOpener;
  /** Triples of type, encoding, root. */
  #waiting = new Int32Array(FIRST_QUEUE * 3);
  #count = 0;

  /** The views must not be those that commands have open: values are freed in the middle of commands. */
  constructor(opener: ValueOpener) {
    this.#opener = opener;
  }

  /** Values that wait. */
  get count(): number {
    return this.#count;
  }

  /** Values that had to wait and are gone. */
  freed = 0;

  /** Frees a value: all of it, or its first slice now and the rest by `drain`. */
  free(type: number, encoding: number, root: number): void {
    if (!this.#opener.open(type, root, encoding).freeSome(SLICE)) this.freeLater(type, encoding, root);
  }

  /** Leaves all of it to `drain`. */
  freeLater(type: number, encoding: number, root: number): void {
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
      const view = this.#opener.open(waiting[at] as number, waiting[at + 2] as number, waiting[at + 1] as number);
      if (!view.freeSome(SLICE)) continue;
      this.#count--;
      this.freed++;
    }
    return this.#count === 0;
  }
}
