/**
 * A view on a stream: its entries (stream-blocks.ts), its consumer groups (stream-groups.ts), and what is known about its
 * ids. The root is a block of words: ring, table of groups (0: none), then ids: the last one given, the largest deleted
 * one, the first one there is; then the count of entries ever added. An empty stream is a value like any other.
 */

import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import type { Int64 } from "../memory/int64.ts";
import { ID_WORDS, StreamId } from "../memory/stream-id.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { type FieldSource, StreamBlocks } from "./stream-blocks.ts";
import { StreamCursor } from "./stream-cursor.ts";
import { StreamGroups, UNKNOWN_COUNT } from "./stream-groups.ts";
import { Encoding } from "./value-type.ts";

const RING = 0;
const GROUPS = 1;
const LAST_ID = 2;
const MAX_DELETED = LAST_ID + ID_WORDS;
const FIRST_ID = MAX_DELETED + ID_WORDS;
const ADDED = FIRST_ID + ID_WORDS;
const ROOT_BYTES = (ADDED + 2) * 4;
/** Blocks or leaves freed for one step of other types, which is about 600 elements. */
const BLOCKS_PER_STEP = 8;
/** Positions of compaction in the ring are below this. */
const GROUPS_SPACE = 2 ** 31;

export interface TrimRequest {
  /** Keep this many entries, or undefined: keep those from `minId` on. */
  readonly maxLength: number | undefined;
  readonly minId: StreamId;
  /** Only whole blocks. */
  readonly isApproximate: boolean;
  /** Remove at most so many entries; 0: no limit. */
  readonly limit: number;
}

export class StreamValue {
  root = 0;
  readonly encoding: number = Encoding.stream;
  readonly blocks: StreamBlocks;
  readonly groups: StreamGroups;
  readonly cursor: StreamCursor;
  readonly #arena: Arena;
  readonly #id = new StreamId();
  readonly #bound = new StreamId();
  readonly #zero = new StreamId();
  readonly #largest = new StreamId().setLargest();

  constructor(arena: Arena, limits: EncodingLimits) {
    this.#arena = arena;
    this.blocks = new StreamBlocks(arena, limits);
    this.groups = new StreamGroups(arena);
    this.cursor = new StreamCursor(arena, this.blocks);
  }

  open(root: number, _encoding: number): void {
    this.root = root;
  }

  create(): void {
    this.root = this.#arena.allocate(ROOT_BYTES);
    const at = this.#word(0);
    this.#words().fill(0, at, at + ROOT_BYTES / 4);
    this.#set(RING, this.blocks.ring.create());
  }

  /** Live entries. */
  get count(): number {
    return this.blocks.count(this.ring);
  }

  get ring(): number {
    return this.#get(RING);
  }

  set ring(ring: number) {
    this.#set(RING, ring);
  }

  readLastId(id: StreamId): StreamId {
    return id.readWords(this.#words(), this.#word(LAST_ID));
  }

  setLastId(id: StreamId): void {
    id.writeWords(this.#words(), this.#word(LAST_ID));
  }

  readMaxDeleted(id: StreamId): StreamId {
    return id.readWords(this.#words(), this.#word(MAX_DELETED));
  }

  setMaxDeleted(id: StreamId): void {
    id.writeWords(this.#words(), this.#word(MAX_DELETED));
  }

  readFirstId(id: StreamId): StreamId {
    return id.readWords(this.#words(), this.#word(FIRST_ID));
  }

  setFirstId(id: StreamId): void {
    id.writeWords(this.#words(), this.#word(FIRST_ID));
  }

  readAdded(integer: Int64): Int64 {
    integer.high = this.#get(ADDED);
    integer.low = this.#get(ADDED + 1);
    return integer;
  }

  setAdded(high: number, low: number): void {
    this.#set(ADDED, high);
    this.#set(ADDED + 1, low);
  }

  /** Adds an entry under an id larger than the last one. */
  append(id: StreamId, source: FieldSource, first: number, fields: number): void {
    const ring = this.blocks.append(this.ring, id, source, first, fields);
    this.ring = ring;
    const words = this.#words();
    const at = this.#word(0);
    id.writeWords(words, at + LAST_ID);
    if (this.blocks.count(ring) === 1) id.writeWords(words, at + FIRST_ID);
    const low = ((words[at + ADDED + 1] as number) + 1) | 0;
    words[at + ADDED + 1] = low;
    if (low === 0) words[at + ADDED] = ((words[at + ADDED] as number) + 1) | 0;
  }

  /** Puts the cursor before the live entries between two ids; `cursor.next` steps. */
  seek(start: StreamId, end: StreamId, isReverse = false): void {
    this.cursor.seek(this.ring, start, end, isReverse);
  }

  /** Puts the cursor on a live entry; false if there is none with this id. */
  find(id: StreamId): boolean {
    this.cursor.seek(this.ring, id, id);
    return this.cursor.next();
  }

  /** The same for one of several ids in ascending order, between which the stream's entries do not change; `isFirst` of them. */
  findAscending(id: StreamId, isFirst: boolean): boolean {
    return isFirst ? this.find(id) : this.cursor.findAscending(this.ring, id);
  }

  /** The id of the last live entry; false if there is none. */
  readLastEntry(id: StreamId): boolean {
    this.cursor.seek(this.ring, this.#zero, this.#largest, true);
    if (!this.cursor.next()) return false;
    id.copy(this.cursor.id);
    return true;
  }

  readFirstEntry(id: StreamId): boolean {
    this.cursor.seek(this.ring, this.#zero, this.#largest);
    if (!this.cursor.next()) return false;
    id.copy(this.cursor.id);
    return true;
  }

  /** Deletes an entry; false if there is none with this id. */
  delete(id: StreamId): boolean {
    if (!this.find(id)) return false;
    this.blocks.deleteEntry(this.ring, this.cursor.block, this.cursor.flagsAt);
    if (this.readMaxDeleted(this.#id).compare(id) < 0) this.setMaxDeleted(id);
    if (this.readFirstId(this.#id).compare(id) === 0) this.noteFirstEntry();
    return true;
  }

  /** Notes which entry is the first one. */
  noteFirstEntry(): void {
    if (!this.readFirstEntry(this.#id)) this.#id.setZero();
    this.setFirstId(this.#id);
  }

  /** Removes entries from the front; gives how many. */
  trim(request: TrimRequest): number {
    const { maxLength, limit, minId } = request;
    const ring = this.ring;
    const before = this.count;
    while (this.blocks.blockCount(ring) > 0) {
      const count = this.count;
      if (maxLength !== undefined && count <= maxLength) break;
      const entries = this.blocks.liveEntries(this.blocks.handleOf(ring, 0));
      if (limit > 0 && before - count + entries > limit) break;
      let isWhole: boolean;
      if (maxLength !== undefined) isWhole = count - entries >= maxLength;
      else {
        this.cursor.readLastIdOf(ring, 0, this.#bound);
        isWhole = this.#bound.compare(minId) < 0;
      }
      if (!isWhole) {
        if (!request.isApproximate) this.#trimInBlock(maxLength, minId);
        break;
      }
      this.blocks.removeBlock(ring, 0);
      this.blocks.ring.set(ring, 0, count - entries);
    }
    const deleted = before - this.count;
    if (deleted > 0) this.noteFirstEntry();
    return deleted;
  }

  /** Deletes entries of the first block, which stays. */
  #trimInBlock(maxLength: number | undefined, minId: StreamId): void {
    const { blocks, cursor, ring } = this;
    const handle = blocks.handleOf(ring, 0);
    let deleted = 0;
    cursor.openBlock(ring, 0);
    while (cursor.nextInBlock()) {
      if (maxLength !== undefined ? this.count - deleted <= maxLength : cursor.id.compare(minId) >= 0) break;
      if (cursor.isDeleted) continue;
      blocks.flagDeleted(handle, cursor.flagsAt);
      deleted++;
    }
    if (deleted === 0) return;
    blocks.ring.set(ring, 0, this.count - deleted);
    // By id all live entries can go while a deleted one behind them keeps the block: it stays, as in Redis.
    blocks.countDeleted(ring, 0, deleted);
  }

  get groupCount(): number {
    const table = this.#get(GROUPS);
    return table === 0 ? 0 : this.groups.names.count(table);
  }

  groupAt(index: number): number {
    return this.groups.names.at(this.#get(GROUPS), index);
  }

  /** The group with this name, or 0. */
  findGroup(name: ByteSpan): number {
    const table = this.#get(GROUPS);
    return table === 0 ? 0 : this.groups.names.find(table, name.buffer, name.offset, name.length);
  }

  /** Makes a group under a name that is not there. */
  createGroup(name: ByteSpan, lastId: StreamId): number {
    const group = this.groups.createGroup(name, lastId);
    this.#enterGroup(group);
    return group;
  }

  /** Takes a group out of the stream. Gives the root of a stream without a ring that has nothing but it, to be freed. */
  detachGroup(group: number): number {
    const { names } = this.groups;
    names.remove(this.#get(GROUPS), group);
    const table = names.add(names.create(), group);
    const husk = this.#arena.allocate(ROOT_BYTES);
    const words = this.#arena.words[husk >>> 23] as Int32Array;
    const at = (husk & 0x7fffff) << 1;
    words.fill(0, at, at + ROOT_BYTES / 4);
    words[at + GROUPS] = table;
    return husk;
  }

  /** Whether an entry from this id on may have been deleted, so that counting entries by it is not exact. */
  hasTombstonesFrom(id: StreamId): boolean {
    const deleted = this.readMaxDeleted(this.#bound);
    if (this.count === 0 || deleted.isZero || this.readFirstId(this.#id).compare(deleted) > 0) return false;
    return id.compare(deleted) <= 0;
  }

  /** How many entries were added up to this id, where that can be known; else UNKNOWN_COUNT. Any id that is not behind it. */
  entriesUpTo(id: StreamId, result: Int64): boolean {
    this.readAdded(result);
    if (result.high === 0 && result.low === 0) return true;
    const order = id.compare(this.readLastId(this.#bound));
    if (this.count === 0 && order <= 0) return true;
    if (order === 0) return true;
    if (order > 0) return unknown(result);
    const first = this.readFirstId(this.#id);
    const deleted = this.readMaxDeleted(this.#bound);
    if (!deleted.isZero && deleted.compare(first) >= 0) return unknown(result);
    const fromFirst = id.compare(first);
    if (fromFirst > 0) return unknown(result);
    subtract(result, fromFirst === 0 ? this.count - 1 : this.count);
    return true;
  }

  /** Makes the view's stream a copy of another view's. */
  copyFrom(source: StreamValue, name: ByteSpan): void {
    this.root = this.#arena.allocate(ROOT_BYTES);
    const from = source.#word(0);
    this.#words().set(source.#words().subarray(from, from + ROOT_BYTES / 4), this.#word(0));
    this.#set(GROUPS, 0);
    this.#set(RING, this.blocks.copy(source.ring));
    for (let k = 0; k < source.groupCount; k++) this.#enterGroup(this.groups.copyGroup(source.groupAt(k), name));
  }

  /** Frees about so many steps' worth; true when nothing is left. */
  freeSome(steps: number): boolean {
    const leaves = Math.max(1, steps * BLOCKS_PER_STEP);
    if (this.ring !== 0) {
      if (!this.blocks.freeSome(this.ring, leaves)) return false;
      this.ring = 0;
    }
    const { names } = this.groups;
    const table = this.#get(GROUPS);
    if (table !== 0) {
      while (names.count(table) > 0) {
        // A small group takes two calls; of a large one this is a slice.
        if (!this.groups.freeGroup(names.at(table, names.count(table) - 1), leaves)) {
          if (!this.groups.freeGroup(names.at(table, names.count(table) - 1), leaves)) return false;
        }
        names.removeLast(table);
      }
      this.#arena.free(table);
    }
    this.#arena.free(this.root);
    return true;
  }

  /** See Relocatable: some blocks a call, then some parts of the groups' trees. */
  relocate(position: number): number {
    if (position === 0) {
      this.root = this.#arena.relocate(this.root);
      this.ring = this.#arena.relocate(this.ring);
    }
    const table = this.#get(GROUPS);
    if (position < GROUPS_SPACE) {
      const block = this.blocks.ring.relocate(this.ring, position);
      if (block !== 0 || table === 0) return block;
      this.#set(GROUPS, this.#arena.relocate(table));
      return GROUPS_SPACE;
    }
    if (table === 0) return 0;
    const next = this.groups.relocate(table, position - GROUPS_SPACE);
    return next === 0 ? 0 : GROUPS_SPACE + next;
  }

  /** Size classes of all nodes added up; those of many blocks by a sample of this many (0: all). */
  memoryBytes(samples: number): number {
    let bytes = this.#arena.capacityOf(this.root) + this.blocks.memoryBytes(this.ring, samples);
    const table = this.#get(GROUPS);
    if (table !== 0) bytes += this.#arena.capacityOf(table);
    for (let k = 0; k < this.groupCount; k++) bytes += this.groups.memoryBytes(this.groupAt(k));
    return bytes;
  }

  #enterGroup(group: number): void {
    const { names } = this.groups;
    const table = this.#get(GROUPS);
    this.#set(GROUPS, names.add(table === 0 ? names.create() : table, group));
  }

  #words(): Int32Array {
    return this.#arena.words[this.root >>> 23] as Int32Array;
  }

  #word(word: number): number {
    return ((this.root & 0x7fffff) << 1) + word;
  }

  #get(word: number): number {
    return (this.#arena.words[this.root >>> 23] as Int32Array)[((this.root & 0x7fffff) << 1) + word] as number;
  }

  #set(word: number, value: number): void {
    (this.#arena.words[this.root >>> 23] as Int32Array)[((this.root & 0x7fffff) << 1) + word] = value;
  }
}

function unknown(result: Int64): boolean {
  result.high = UNKNOWN_COUNT;
  result.low = UNKNOWN_COUNT;
  return false;
}

function subtract(value: Int64, by: number): void {
  const borrow = value.low >>> 0 < by ? 1 : 0;
  value.low = (value.low - by) | 0;
  value.high = (value.high - borrow) | 0;
}
