/**
 * Replies that wait for the end of the turn: those of all connections that were served in it lie one behind the other in the
 * one reply writer, and leave together once every request that had arrived has run. So sockets are read in one go and
 * written in one go, which costs less than the two in turn (a fifth at pipelines of 100). Without a batch of sockets a single
 * request is answered at once: for it, waiting costs more than it saves then.
 *
 * Whoever sends anything else to a client, or closes it, flushes first: order is kept. That may be in the middle of a
 * command, so what the writer holds beyond the last entry stays where it is.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { ROW, type SocketBatch } from "./socket-batch.ts";

/** Whose replies they are. */
export interface ReplyOwner {
  /** Where its bytes may be sent without asking it, because nothing waits before them; -1 if there is no such place. */
  readonly directDescriptor: number;
  /** The number of the last flush that it was part of; the queue's. */
  flush: number;
  /** Writes the bytes; true if they are gone, false if the memory must not be used again. */
  writeReplies(bytes: Buffer): boolean;
}

const FIRST_ENTRIES = 64;
/** Large replies do not wait: writing them costs more than their calls, and is cheapest while they are in the cache. */
const LARGE_BYTES = 8 << 10;
/** Nor does more than this in all: the buffer would have to grow each turn anew. */
const LARGEST_WAIT_BYTES = 256 << 10;

export interface ReplyQueueOptions {
  readonly reply: ReplyWriter;
  /** Calls back once the turn of the event loop is over. */
  readonly schedule: (flush: () => void) => void;
  /** Called at the end of a turn, before its replies leave: what they have to wait for may be had now. */
  readonly beforeFlush: () => void;
  /** Sends the replies of many in one call, where there is one. */
  readonly batch: Pick<SocketBatch, "send"> | undefined;
  readonly traffic: { outputBytes: number; writes: number };
}

export class ReplyQueue {
  readonly #options: ReplyQueueOptions;
  readonly #reply: ReplyWriter;
  /** Of the entries; what is behind them is left over from others. */
  readonly #owners: (ReplyOwner | undefined)[] = [];
  /** Where the bytes of each owner end. */
  #ends = new Int32Array(FIRST_ENTRIES);
  /** What the batch is to send. */
  #rows = new Int32Array(FIRST_ENTRIES * ROW);
  #count = 0;
  /** Where the first entry begins: behind replies that a flush in the middle of a command has written. */
  #start = 0;
  #flushes = 0;
  #isScheduled = false;
  #isMemoryGiven = false;
  readonly #flushAtEnd = (): void => {
    this.#isScheduled = false;
    this.#options.beforeFlush();
    this.flush();
  };

  constructor(options: ReplyQueueOptions) {
    this.#options = options;
    this.#reply = options.reply;
  }

  /** Everything that was written since the last entry is this owner's. */
  add(owner: ReplyOwner): void {
    const end = this.#reply.position;
    const bytes = end - this.#lastEnd();
    if (bytes === 0) return;
    if (this.#count === this.#ends.length) this.#widen();
    this.#owners[this.#count] = owner;
    this.#ends[this.#count++] = end;
    if (bytes > LARGE_BYTES || end - this.#start > LARGEST_WAIT_BYTES) {
      this.flush();
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(this.#flushAtEnd);
  }

  /** What was written since the last entry, and so is to be somebody's. */
  get unclaimedBytes(): number {
    return this.#reply.position - this.#lastEnd();
  }

  /** Throws that away. */
  dropUnclaimed(): void {
    this.#reply.position = this.#lastEnd();
  }

  /** As `add`, for one who gains nothing by waiting: written at once if nobody waits already. */
  addUrgent(owner: ReplyOwner): void {
    if (this.#count > 0 || this.#start > 0 || this.#options.batch !== undefined) {
      this.add(owner);
      return;
    }
    const end = this.#reply.position;
    if (end === 0) return;
    this.#write(owner, 0, end);
    this.#startOver();
  }

  /** Whether replies of this owner wait. */
  holds(owner: ReplyOwner): boolean {
    return this.#owners.includes(owner);
  }

  /** Writes the replies of all entries now. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const end = this.#lastEnd();
    this.#count = 0;
    if (this.#options.batch === undefined) this.#writeEach(count);
    else this.#sendTogether(this.#options.batch, count);
    // Not by its length: giving up the memory and growing it anew for each entry costs a tenth of a microsecond a request.
    this.#owners.fill(undefined, 0, count);
    this.#start = end;
    if (this.#reply.position === end) this.#startOver();
  }

  #writeEach(count: number): void {
    let start = this.#start;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i] as number;
      this.#write(this.#owners[i] as ReplyOwner, start, end);
      start = end;
    }
  }

  /** One call for all; what the kernel does not take of it, and whoever can't be sent to directly, writes by itself. */
  #sendTogether(batch: Pick<SocketBatch, "send">, count: number): void {
    if (!this.#fillRows(count)) {
      this.#writeEach(count);
      return;
    }
    batch.send(this.#reply.buffer, this.#rows, count);
    this.#options.traffic.writes += count;
    let start = this.#start;
    for (let i = 0; i < count; i++) {
      const end = this.#ends[i] as number;
      const sent = this.#rows[i * ROW] as number;
      this.#options.traffic.outputBytes += sent;
      if (start + sent < end) this.#write(this.#owners[i] as ReplyOwner, start + sent, end);
      start = end;
    }
  }

  /** False if somebody is there twice: what is left of the first part would have to go before the second. */
  #fillRows(count: number): boolean {
    const rows = this.#rows;
    const flush = ++this.#flushes;
    let start = this.#start;
    for (let i = 0, row = 0; i < count; i++, row += ROW) {
      const owner = this.#owners[i] as ReplyOwner;
      if (owner.flush === flush) return false;
      owner.flush = flush;
      const end = this.#ends[i] as number;
      rows[row] = owner.directDescriptor;
      rows[row + 1] = start;
      rows[row + 2] = end;
      start = end;
    }
    return true;
  }

  #write(owner: ReplyOwner, start: number, end: number): void {
    if (!owner.writeReplies(this.#reply.buffer.subarray(start, end))) this.#isMemoryGiven = true;
  }

  #widen(): void {
    const wider = new Int32Array(this.#count * 2);
    wider.set(this.#ends);
    this.#ends = wider;
    this.#rows = new Int32Array(this.#count * 2 * ROW);
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
