/**
 * Walks the live entries of a stream between two ids, from either end. It stands on an entry after `next` said so: its id,
 * and where its fields and values lie. Good until the stream's blocks change.
 */

import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import { LISTPACK_HEADER, listpackBytes } from "../memory/listpack.ts";
import { LISTPACK_END, nextEntry, previousEntry, readEntry, readIntegerEntry } from "../memory/listpack-entry.ts";
import { StreamId } from "../memory/stream-id.ts";
import { EntryFlag, type StreamBlocks } from "./stream-blocks.ts";

const NOTHING = Buffer.alloc(0);

export class StreamCursor {
  /** Of the entry under the cursor. */
  readonly id = new StreamId();
  fieldCount = 0;
  block = 0;
  /** Position of the entry's flags in its block. */
  flagsAt = 0;
  readonly #arena: Arena;
  readonly #blocks: StreamBlocks;
  readonly #firstId = new StreamId();
  readonly #start = new StreamId();
  readonly #end = new StreamId();
  readonly #integer = new Int64();
  #ring = 0;
  #isReverse = false;
  #bytes: Buffer = NOTHING;
  #blockStart = 0;
  #flags = 0;
  /** Where the next entry starts, or, backwards, where the one that was passed last starts; −1: the block is to be opened. */
  #at = -1;
  #masterFields = 0;
  #masterFieldsAt = 0;
  #firstEntryAt = 0;
  #bodyAt = 0;
  #fieldAt = 0;

  constructor(arena: Arena, blocks: StreamBlocks) {
    this.#arena = arena;
    this.#blocks = blocks;
  }

  /** Entries from `start` to `end`, both included; in reverse the one nearest to `end` comes first. */
  seek(ring: number, start: StreamId, end: StreamId, isReverse = false): void {
    this.#ring = ring;
    this.#isReverse = isReverse;
    this.#start.copy(start);
    this.#end.copy(end);
    this.#at = -1;
    this.block = isReverse ? this.#blocks.findBlock(ring, end) : Math.max(0, this.#blocks.findBlock(ring, start));
  }

  /**
   * Puts the cursor on the live entry with this id; false if there is none. Of ids in ascending order each is looked for
   * from the one before on, as long as they are in one block; the stream must not change between two such calls.
   */
  findAscending(ring: number, id: StreamId): boolean {
    const isBehind = this.#at !== -1 && !this.#isReverse && this.#ring === ring && this.id.compare(id) < 0;
    if (isBehind && this.#blocks.findBlock(ring, id) === this.block) {
      this.#start.copy(id);
      this.#end.copy(id);
    } else this.seek(ring, id, id);
    return this.next();
  }

  /** Steps to the next live entry of the range; false if there is none. */
  next(): boolean {
    return this.#isReverse ? this.#stepBack() : this.#stepOn();
  }

  /** Points the spans at each pair of field and value in turn: `fieldCount` calls. */
  readPair(field: ByteSpan, value: ByteSpan): void {
    const bytes = this.#bytes;
    if ((this.#flags & EntryFlag.sameFields) !== 0) {
      readEntry(bytes, this.#fieldAt, field);
      this.#fieldAt = nextEntry(bytes, this.#fieldAt);
    } else {
      readEntry(bytes, this.#bodyAt, field);
      this.#bodyAt = nextEntry(bytes, this.#bodyAt);
    }
    readEntry(bytes, this.#bodyAt, value);
    this.#bodyAt = nextEntry(bytes, this.#bodyAt);
  }

  /** Every entry of one block, deleted ones too, in order; `isDeleted` tells which. For trimming and checks. */
  openBlock(ring: number, block: number): void {
    this.#ring = ring;
    this.block = block;
    this.#open();
    this.#at = this.#firstEntryAt;
  }

  nextInBlock(): boolean {
    if (this.#bytes[this.#at] === LISTPACK_END) return false;
    this.#parse(this.#at);
    this.#at = this.#entryEnd();
    return true;
  }

  get isDeleted(): boolean {
    return (this.#flags & EntryFlag.deleted) !== 0;
  }

  /** The id of a block's last entry, deleted or not. */
  readLastIdOf(ring: number, block: number, id: StreamId): void {
    this.#ring = ring;
    this.block = block;
    this.#open();
    this.#parse(this.#entryBefore(this.#blockEnd()));
    id.copy(this.id);
  }

  #stepOn(): boolean {
    const blocks = this.#blocks.blockCount(this.#ring);
    for (; this.block < blocks; this.block++, this.#at = -1) {
      if (this.#at === -1) {
        this.#open();
        this.#at = this.#firstEntryAt;
      }
      while (this.#bytes[this.#at] !== LISTPACK_END) {
        this.#parse(this.#at);
        this.#at = this.#entryEnd();
        if (this.id.compare(this.#end) > 0) return false;
        if (!this.isDeleted && this.id.compare(this.#start) >= 0) return true;
      }
    }
    return false;
  }

  #stepBack(): boolean {
    for (; this.block >= 0; this.block--, this.#at = -1) {
      if (this.#at === -1) {
        this.#open();
        this.#at = this.#blockEnd();
      }
      while (this.#at !== this.#firstEntryAt) {
        this.#at = this.#entryBefore(this.#at);
        this.#parse(this.#at);
        if (this.id.compare(this.#start) < 0) return false;
        if (!this.isDeleted && this.id.compare(this.#end) <= 0) return true;
      }
    }
    return false;
  }

  #open(): void {
    const handle = this.#blocks.handleOf(this.#ring, this.block);
    const bytes = this.#arena.bytes[handle >>> 23] as Buffer;
    this.#bytes = bytes;
    this.#blockStart = (handle & 0x7fffff) << 3;
    this.#blocks.readFirstId(this.#ring, this.block, this.#firstId);
    let at = nextEntry(bytes, nextEntry(bytes, this.#blockStart + LISTPACK_HEADER));
    this.#masterFields = this.#integerAt(at);
    at = nextEntry(bytes, at);
    this.#masterFieldsAt = at;
    for (let k = this.#masterFields; k > 0; k--) at = nextEntry(bytes, at);
    this.#firstEntryAt = nextEntry(bytes, at);
  }

  #blockEnd(): number {
    return this.#blockStart + listpackBytes(this.#arena, this.#blocks.handleOf(this.#ring, this.block)) - 1;
  }

  /** The start of the entry that ends at a position. */
  #entryBefore(end: number): number {
    const bytes = this.#bytes;
    let at = previousEntry(bytes, end);
    for (let k = this.#integerAt(at); k > 0; k--) at = previousEntry(bytes, at);
    return at;
  }

  #parse(at: number): void {
    const bytes = this.#bytes;
    this.flagsAt = at - this.#blockStart;
    this.#flags = this.#integerAt(at);
    const integer = this.#integer;
    at = nextEntry(bytes, at);
    readIntegerEntry(bytes, at, integer);
    const { high, low } = integer;
    at = nextEntry(bytes, at);
    readIntegerEntry(bytes, at, integer);
    this.id.copy(this.#firstId).add(high, low, integer.high, integer.low);
    at = nextEntry(bytes, at);
    if ((this.#flags & EntryFlag.sameFields) !== 0) {
      this.fieldCount = this.#masterFields;
      this.#fieldAt = this.#masterFieldsAt;
    } else {
      this.fieldCount = this.#integerAt(at);
      at = nextEntry(bytes, at);
    }
    this.#bodyAt = at;
  }

  /** The position behind the entry that was just parsed. */
  #entryEnd(): number {
    const bytes = this.#bytes;
    let at = this.#bodyAt;
    const left = (this.#flags & EntryFlag.sameFields) !== 0 ? this.fieldCount : this.fieldCount * 2;
    for (let k = left; k > 0; k--) at = nextEntry(bytes, at);
    return nextEntry(bytes, at);
  }

  #integerAt(at: number): number {
    const first = this.#bytes[at] as number;
    if (first < 128) return first;
    readIntegerEntry(this.#bytes, at, this.#integer);
    return this.#integer.toNumber();
  }
}
