/**
 * Up to which offset of the primary's stream a replica has it on its own disk. What is applied goes to the append-only file at
 * positions of its own; pairs of both are noted when the replica speaks, and the newest whose position is durable counts.
 */

export interface AppendedPositions {
  readonly position: number;
  readonly durable: number;
}

interface Pair {
  readonly position: number;
  readonly offset: number;
}

/** More than this wait only while the disk stands still: then the older ones are given up. */
const MOST_PAIRS = 1000;

export class DurableOffset {
  #pairs: Pair[] = [];
  #reached = 0;

  /** Notes where the stream has come to now, and gives up to where it is durable; undefined without an append-only file. */
  upTo(appended: AppendedPositions | undefined, offset: number): number | undefined {
    if (appended === undefined) {
      this.#pairs = [];
      this.#reached = 0;
      return undefined;
    }
    // After a full sync the stream has another history, which may have come less far.
    if (offset < this.#reached) this.#reached = 0;
    this.#pairs = this.#pairs.filter((pair) => pair.offset <= offset).slice(-MOST_PAIRS);
    this.#pairs.push({ position: appended.position, offset });
    while (this.#pairs.length > 0 && (this.#pairs[0] as Pair).position <= appended.durable) {
      this.#reached = Math.max(this.#reached, (this.#pairs.shift() as Pair).offset);
    }
    return this.#reached;
  }
}
