/**
 * Replies that wait for the end of the turn: those of all connections that were served in it lie one behind the other in the
 * one reply writer, and leave together once every request that had arrived has run. So sockets are read in one go and
 * written in one go, which costs less than the two in turn (a fifth at pipelines of 100). A single request is answered at
 * once: for it, waiting costs more than it saves.
 *
 * Whoever sends anything else to a client, or closes it, flushes first: order is kept. That may be in the middle of a
 * command, so what the writer holds beyond the last entry stays where it is.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";

/** Whose replies they are. */
export interface ReplyOwner {
  /** Writes the bytes; true if they are gone, false if the memory must not be used again. */
  writeReplies(bytes: Buffer): boolean;
}

const FIRST_ENTRIES = 64;
/** Large replies do not wait: writing them costs more than their calls, and is cheapest while they are in the cache. */
const LARGE_BYTES = 8 << 10;
/** Nor does more than this in all: the buffer would have to grow each turn anew. */
const LARGEST_WAIT_BYTES = 256 << 10;

export class ReplyQueue {
  readonly #reply: ReplyWriter;
  readonly #schedule: (flush: () => void) => void;
  readonly #owners: ReplyOwner[] = [];
  #ends = new Int32Array(FIRST_ENTRIES);
  #count = 0;
  /** Where the first entry begins: behind replies that a flush in the middle of a command has written. */
  #start = 0;
  #isScheduled = false;
  #isMemoryGiven = false;
  readonly #flushAtEnd = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  /** `schedule` calls back once the turn of the event loop is over. */
  constructor(reply: ReplyWriter, schedule: (flush: () => void) => void) {
    this.#reply = reply;
    this.#schedule = schedule;
  }

  /** Everything that was written since the last entry is this owner's. */
  add(owner: ReplyOwner): void {
    const end = this.#reply.position;
    const bytes = end - this.#lastEnd();
    if (bytes === 0) return;
    if (this.#count === this.#ends.length) {
      const wider = new Int32Array(this.#count * 2);
      wider.set(this.#ends);
      this.#ends = wider;
    }
    this.#owners[this.#count] = owner;
    this.#ends[this.#count++] = end;
    if (bytes > LARGE_BYTES || end - this.#start > LARGEST_WAIT_BYTES) {
      this.flush();
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#flushAtEnd);
  }

  /** As `add`, for one who gains nothing by waiting: written at once if nobody waits already. */
  addUrgent(owner: ReplyOwner): void {
    if (this.#count > 0 || this.#start > 0) {
      this.add(owner);
      return;
    }
    const end = this.#reply.position;
    if (end === 0) return;
    if (!owner.writeReplies(this.#reply.buffer.subarray(0, end))) this.#isMemoryGiven = true;
    this.#startOver();
  }

  /** Writes the replies of all entries now. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const { buffer } = this.#reply;
    const end = this.#lastEnd();
    let start = this.#start;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      const next = this.#ends[i] as number;
      const isGone = (this.#owners[i] as ReplyOwner).writeReplies(buffer.subarray(start, next));
      if (!isGone) this.#isMemoryGiven = true;
      start = next;
    }
    this.#owners.length = 0;
    this.#start = end;
    if (this.#reply.position === end) this.#startOver();
  }

  #lastEnd(): number {
    return this.#count === 0 ? this.#start : (this.#ends[this.#count - 1] as number);
  }

  #startOver(): void {
    if (this.#isMemoryGiven) this.#reply.detach();
    else this.#reply.clear();
    this.#start = 0;
    this.#isMemoryGiven = false;
  }
}
