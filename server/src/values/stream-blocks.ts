/**
 * The entries of a stream: a ring of blocks, each a listpack in Redis' own layout for streams. It begins with a master
 * entry (live entries, deleted entries, number of fields, the fields, 0) made from the block's first entry; then entries:
 * flags, difference of the id's two parts to the block's first id, fields and values (only values where the fields are
 * the master entry's), and how many packed entries that was, to walk backwards by. A deleted entry is only flagged; a block
 * without live entries goes as a whole.
 *
 * A place in the ring is the block's handle and its first id, so that the search for an id reads no block. Blocks behind
 * which another one was begun are cut to their size. The ring's root (word 0: live entries in all) may move when a block is
 * added. When a new block begins is Redis' own rule, so that both remove the same blocks when a stream is trimmed.
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import { LISTPACK_HEADER, listpackBytes, replaceInListpack, writeHeader } from "../memory/listpack.ts";
import { EncodedEntry, LISTPACK_END, nextEntry, readEntry, readIntegerEntry } from "../memory/listpack-entry.ts";
import { ID_WORDS, type StreamId } from "../memory/stream-id.ts";
import { BLOCKS, BlockRing } from "./block-ring.ts";
import type { EncodingLimits } from "./encoding-limits.ts";

export const EntryFlag = { deleted: 1, sameFields: 2 } as const;

/** Words of a place behind the block's handle. */
const FIRST_ID = 1;
const PLACE_WORDS = FIRST_ID + ID_WORDS;
/** A block never becomes larger than this, whatever the configuration says; nor does an entry. */
export const MAX_BLOCK_BYTES = 1 << 30;
const FULL_BLOCK_BYTES = 4096;
const FIRST_BLOCK_BYTES = 256;
/** An entry's fixed parts and the end byte, and what a packed string has around its bytes, at most. */
const ENTRY_OVERHEAD = 64;
const STRING_OVERHEAD = 10;
const SMALL_INTEGERS = 128;

/** Fields and values as places in a buffer: those of a request. */
export interface FieldSource {
  readonly buffer: Buffer;
  readonly offset: Int32Array;
  readonly length: Int32Array;
}

export class StreamBlocks {
  readonly ring: BlockRing;
  readonly #arena: Arena;
  readonly #limits: EncodingLimits;
  readonly #entry = new EncodedEntry();
  readonly #integer = new Int64();
  readonly #span = new ByteSpan();

  constructor(arena: Arena, limits: EncodingLimits) {
    this.#arena = arena;
    this.#limits = limits;
    this.ring = new BlockRing(arena, PLACE_WORDS);
  }

  /** Live entries of all blocks. */
  count(ring: number): number {
    return this.ring.get(ring, 0);
  }

  blockCount(ring: number): number {
    return this.ring.get(ring, BLOCKS);
  }

  handleOf(ring: number, block: number): number {
    return this.ring.get(ring, this.ring.place(ring, block));
  }

  /** The id that the differences in this block count from. */
  readFirstId(ring: number, block: number, id: StreamId): StreamId {
    return id.readWords(this.ring.words(ring), this.ring.wordOf(ring, block) + FIRST_ID);
  }

  /** The last block whose first id is not behind this one; −1 if there is none. */
  findBlock(ring: number, id: StreamId): number {
    const words = this.ring.words(ring);
    let low = 0;
    let high = this.blockCount(ring);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (id.compareWords(words, this.ring.wordOf(ring, middle) + FIRST_ID) >= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Adds an entry, whose id must be larger than all others, with pairs of field and value from argument `first` on. */
  append(ring: number, id: StreamId, source: FieldSource, first: number, fields: number): number {
    const { length } = source;
    const end = first + fields * 2;
    let payload = 0;
    for (let k = first; k < end; k++) payload += length[k] as number;
    const room = payload + STRING_OVERHEAD * fields * 3 + ENTRY_OVERHEAD;
    let last = this.blockCount(ring) - 1;
    const isNew = last < 0 || this.#isFull(ring, last, payload);
    if (isNew) {
      if (last >= 0) this.#seal(ring, last);
      ring = this.#addBlock(ring, ++last, id, room + payload);
      this.#writeMasterEntry(this.handleOf(ring, last), source, first, fields);
    } else {
      this.ring.set(
        ring,
        this.ring.place(ring, last),
        this.#addToInteger(this.handleOf(ring, last), LISTPACK_HEADER, 1),
      );
      this.#makeRoom(ring, last, room);
    }
    const words = this.ring.words(ring);
    const place = this.ring.wordOf(ring, last);
    this.#writeEntry(words[place] as number, words, place + FIRST_ID, id, source, first, fields, isNew);
    this.ring.set(ring, 0, this.count(ring) + 1);
    return ring;
  }

  /** Appends a block as a file holds it, which was found valid, with so many live entries. */
  appendBlock(ring: number, id: StreamId, bytes: Buffer, offset: number, length: number, entries: number): number {
    const block = this.blockCount(ring);
    const handle = this.#arena.allocate(length);
    bytes.copy(this.#bytes(handle), this.#start(handle), offset, offset + length);
    ring = this.ring.insert(ring, block);
    this.#setPlace(ring, block, handle, id);
    this.ring.set(ring, 0, this.count(ring) + entries);
    return ring;
  }

  /** Flags the entry with its flags at this position of the block; the block goes if no live one is left: true then. */
  deleteEntry(ring: number, block: number, flagsAt: number): boolean {
    const handle = this.handleOf(ring, block);
    this.ring.set(ring, 0, this.count(ring) - 1);
    if (this.liveEntries(handle) === 1) {
      this.removeBlock(ring, block);
      return true;
    }
    this.flagDeleted(handle, flagsAt);
    this.countDeleted(ring, block, 1);
    return false;
  }

  /** The first step of a deletion: flags are small integers, nothing moves. */
  flagDeleted(handle: number, flagsAt: number): void {
    const at = this.#start(handle) + flagsAt;
    const bytes = this.#bytes(handle);
    bytes[at] = (bytes[at] as number) | EntryFlag.deleted;
  }

  /** The second step: so many live entries of the block are deleted ones now. The block may move, and positions in it. */
  countDeleted(ring: number, block: number, entries: number): void {
    const handle = this.#addToInteger(this.handleOf(ring, block), LISTPACK_HEADER, -entries);
    const second = nextEntry(this.#bytes(handle), this.#start(handle) + LISTPACK_HEADER) - this.#start(handle);
    this.ring.set(ring, this.ring.place(ring, block), this.#addToInteger(handle, second, entries));
  }

  /** Takes a whole block away; the count of entries is the caller's to correct. */
  removeBlock(ring: number, block: number): void {
    this.#arena.free(this.handleOf(ring, block));
    this.ring.remove(ring, block);
  }

  liveEntries(handle: number): number {
    return this.#integerAt(this.#bytes(handle), this.#start(handle) + LISTPACK_HEADER);
  }

  /** Points the span at a block as a listpack. */
  readPacked(ring: number, block: number, span: ByteSpan): void {
    const handle = this.handleOf(ring, block);
    span.set(this.#bytes(handle), this.#start(handle), listpackBytes(this.#arena, handle));
  }

  /** A ring with copies of all blocks. */
  copy(ring: number): number {
    let copy = this.ring.create();
    const blocks = this.blockCount(ring);
    const count = this.count(ring);
    for (let block = 0; block < blocks; block++) {
      const handle = this.handleOf(ring, block);
      const size = listpackBytes(this.#arena, handle);
      const target = this.#arena.allocate(size);
      const start = this.#start(handle);
      this.#bytes(handle).copy(this.#bytes(target), this.#start(target), start, start + size);
      copy = this.ring.insert(copy, block);
      const from = this.ring.place(ring, block);
      const to = this.ring.place(copy, block);
      this.ring.set(copy, to, target);
      for (let k = FIRST_ID; k < PLACE_WORDS; k++) this.ring.set(copy, to + k, this.ring.get(ring, from + k));
    }
    this.ring.set(copy, 0, count);
    return copy;
  }

  /** Frees blocks from the end, at most this many in this call; true when the ring is freed too. */
  freeSome(ring: number, blocks: number): boolean {
    let left = this.blockCount(ring);
    for (; blocks > 0 && left > 0; blocks--) this.#arena.free(this.handleOf(ring, --left));
    this.ring.set(ring, BLOCKS, left);
    if (left > 0) return false;
    this.#arena.free(ring);
    return true;
  }

  /** Bytes of ring and blocks. The last block has room to spare; of the others `samples` (0: all) are looked at. */
  memoryBytes(ring: number, samples: number): number {
    const others = this.blockCount(ring) - 1;
    if (others < 0) return this.#arena.capacityOf(ring);
    const step = samples === 0 ? 1 : Math.max(1, Math.floor(others / samples));
    let seen = 0;
    let bytes = 0;
    for (let block = 0; block < others; block += step, seen++) {
      bytes += this.#arena.capacityOf(this.handleOf(ring, block));
    }
    const estimate = seen === 0 ? 0 : Math.round((bytes / seen) * others);
    return this.#arena.capacityOf(ring) + this.#arena.capacityOf(this.handleOf(ring, others)) + estimate;
  }

  #isFull(ring: number, block: number, payload: number): boolean {
    const { streamNodeMaxBytes, streamNodeMaxEntries } = this.#limits;
    const handle = this.handleOf(ring, block);
    const limit = streamNodeMaxBytes === 0 ? MAX_BLOCK_BYTES : Math.min(streamNodeMaxBytes, MAX_BLOCK_BYTES);
    if (listpackBytes(this.#arena, handle) + payload >= limit) return true;
    if (streamNodeMaxEntries === 0) return false;
    const bytes = this.#bytes(handle);
    const at = this.#start(handle) + LISTPACK_HEADER;
    return this.#integerAt(bytes, at) + this.#integerAt(bytes, nextEntry(bytes, at)) >= streamNodeMaxEntries;
  }

  #seal(ring: number, block: number): void {
    const place = this.ring.place(ring, block);
    const handle = this.ring.get(ring, place);
    const size = listpackBytes(this.#arena, handle);
    this.ring.set(ring, place, this.#arena.reallocate(handle, size, size));
  }

  /** A stream's first block starts small, later ones with the memory of a full one and an entry more. */
  #addBlock(ring: number, block: number, id: StreamId, needed: number): number {
    const usual = block === 0 ? FIRST_BLOCK_BYTES : FULL_BLOCK_BYTES + (FULL_BLOCK_BYTES >>> 3);
    const handle = this.#arena.allocate(Math.max(usual, needed + LISTPACK_HEADER));
    ring = this.ring.insert(ring, block);
    this.#setPlace(ring, block, handle, id);
    return ring;
  }

  #setPlace(ring: number, block: number, handle: number, id: StreamId): void {
    const words = this.ring.words(ring);
    const at = this.ring.wordOf(ring, block);
    words[at] = handle;
    id.writeWords(words, at + FIRST_ID);
  }

  /** Makes the block's memory hold so many bytes more. */
  #makeRoom(ring: number, block: number, bytes: number): void {
    const place = this.ring.place(ring, block);
    const handle = this.ring.get(ring, place);
    const used = listpackBytes(this.#arena, handle);
    const capacity = this.#arena.capacityOf(handle);
    if (used + bytes <= capacity) return;
    const grown = this.#arena.reallocate(handle, used, Math.max(used + bytes, Math.min(capacity * 2, used + 65536)));
    this.ring.set(ring, place, grown);
  }

  #writeMasterEntry(handle: number, source: FieldSource, first: number, fields: number): void {
    const bytes = this.#bytes(handle);
    const start = this.#start(handle);
    let at = start + LISTPACK_HEADER;
    at = this.#writeInteger(bytes, at, 0, 1);
    at = this.#writeInteger(bytes, at, 0, 0);
    at = this.#writeInteger(bytes, at, 0, fields);
    for (let k = 0; k < fields; k++) at = this.#writeArgument(bytes, at, source, first + k * 2);
    at = this.#writeInteger(bytes, at, 0, 0);
    bytes[at] = LISTPACK_END;
    writeHeader(bytes, start, at + 1 - start, fields + 4);
  }

  #writeEntry(
    handle: number,
    words: Int32Array,
    firstId: number,
    id: StreamId,
    source: FieldSource,
    first: number,
    fields: number,
    isFirst: boolean,
  ): void {
    const bytes = this.#bytes(handle);
    const start = this.#start(handle);
    const same = isFirst || this.#hasMasterFields(bytes, start, source, first, fields);
    let at = start + listpackBytes(this.#arena, handle) - 1;
    at = this.#writeInteger(bytes, at, 0, same ? EntryFlag.sameFields : 0);
    at = this.#writeDifference(bytes, at, id.msHigh, id.msLow, words[firstId] as number, words[firstId + 1] as number);
    const seqHigh = words[firstId + 2] as number;
    at = this.#writeDifference(bytes, at, id.seqHigh, id.seqLow, seqHigh, words[firstId + 3] as number);
    if (!same) at = this.#writeInteger(bytes, at, 0, fields);
    for (let k = same ? 1 : 0; k < fields * 2; k += same ? 2 : 1)
      at = this.#writeArgument(bytes, at, source, first + k);
    const packed = same ? fields + 3 : fields * 2 + 4;
    at = this.#writeInteger(bytes, at, 0, packed);
    bytes[at] = LISTPACK_END;
    writeHeader(bytes, start, at + 1 - start, shownCount(bytes, start) + packed + 1);
  }

  /** Whether an entry has the fields of the master entry, in their order. */
  #hasMasterFields(bytes: Buffer, start: number, source: FieldSource, first: number, fields: number): boolean {
    const { buffer, offset, length } = source;
    let at = nextEntry(bytes, nextEntry(bytes, start + LISTPACK_HEADER));
    if (this.#integerAt(bytes, at) !== fields) return false;
    const span = this.#span;
    for (let k = 0; k < fields; k++) {
      at = nextEntry(bytes, at);
      readEntry(bytes, at, span);
      if (!span.equals(buffer, offset[first + k * 2] as number, length[first + k * 2] as number)) return false;
    }
    return true;
  }

  #writeArgument(bytes: Buffer, at: number, source: FieldSource, index: number): number {
    this.#entry.encode(source.buffer, source.offset[index] as number, source.length[index] as number);
    return this.#entry.write(bytes, at);
  }

  #writeDifference(bytes: Buffer, at: number, high: number, low: number, fromHigh: number, fromLow: number): number {
    const borrow = low >>> 0 < fromLow >>> 0 ? 1 : 0;
    return this.#writeInteger(bytes, at, (high - fromHigh - borrow) | 0, (low - fromLow) | 0);
  }

  #writeInteger(bytes: Buffer, at: number, high: number, low: number): number {
    if (high === 0 && low >= 0 && low < SMALL_INTEGERS) {
      bytes[at] = low;
      bytes[at + 1] = 1;
      return at + 2;
    }
    this.#entry.encodeInt64(high, low);
    return this.#entry.write(bytes, at);
  }

  #integerAt(bytes: Buffer, at: number): number {
    const first = bytes[at] as number;
    if (first < SMALL_INTEGERS) return first;
    readIntegerEntry(bytes, at, this.#integer);
    return this.#integer.toNumber();
  }

  /** Adds to an integer of the block; gives the handle, which changes only if the block had to grow. */
  #addToInteger(handle: number, position: number, by: number): number {
    const bytes = this.#bytes(handle);
    const at = this.#start(handle) + position;
    const value = this.#integerAt(bytes, at) + by;
    if ((bytes[at] as number) < SMALL_INTEGERS && value < SMALL_INTEGERS) {
      bytes[at] = value;
      return handle;
    }
    this.#integer.setNumber(value);
    this.#entry.encodeInt64(this.#integer.high, this.#integer.low);
    return replaceInListpack(this.#arena, handle, position, this.#entry);
  }

  #bytes(handle: number): Buffer {
    return this.#arena.bytes[handle >>> 23] as Buffer;
  }

  #start(handle: number): number {
    return (handle & 0x7fffff) << 3;
  }
}

/** The packed entries that a header tells; what it cannot tell stays so. */
function shownCount(bytes: Buffer, start: number): number {
  return (bytes[start + 4] as number) | ((bytes[start + 5] as number) << 8);
}
