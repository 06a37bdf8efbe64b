/**
 * A sorted-set value: a listpack of members and scores while it is small; beyond, records (score, member) that a hash table
 * finds by member and an ordered index by score. The root of the large form is a block of two handles, table and index.
 * A SortedSetValue is a view: `open` it on the root and encoding that a key's record holds, work, then store `root` and
 * `encoding` back. All ranges are ranges of ranks, counted from the lowest score; a cursor walks them either way.
 */

import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { type Dictionary, HASH_SPACE } from "../memory/dictionary.ts";
import {
  copyListpack,
  createListpack,
  LISTPACK_HEADER,
  listpackBytes,
  NOT_FOUND,
  nextPosition,
  previousPosition,
  readListpack,
  seekListpack,
} from "../memory/listpack.ts";
import { OrderedIndex } from "../memory/ordered-index.ts";
import { relocateNodes } from "../memory/ordered-index-walks.ts";
import {
  compareMembers,
  createScoredRecord,
  MEMBER_OFFSET,
  memberLength,
  scoreOf,
  setScore,
} from "../memory/scored-record.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { PackedSortedSet } from "./packed-sorted-set.ts";
import { LARGEST_FIRST_TABLE, sampleRecords } from "./table-memory.ts";
import { Encoding } from "./value-type.ts";

const ROOT_BYTES = 8;

/** What setting a score did. */
export const SetResult = { unchanged: 0, updated: 1, added: 2 } as const;

export class SortedSetValue {
  root = 0;
  encoding: number = Encoding.listpack;
  readonly #arena: Arena;
  readonly #members: Dictionary;
  readonly #limits: EncodingLimits;
  readonly #packed: PackedSortedSet;
  readonly #index: OrderedIndex;
  /** Place of the packed cursor, in the listpack. */
  #position = 0;

  constructor(arena: Arena, members: Dictionary, limits: EncodingLimits) {
    this.#arena = arena;
    this.#members = members;
    this.#limits = limits;
    this.#packed = new PackedSortedSet(arena);
    this.#index = new OrderedIndex(arena, compareMembers);
  }

  open(root: number, encoding: number): void {
    this.root = root;
    this.encoding = encoding;
  }

  /** Opens the view on a new empty sorted set for about so many members of at most this length. */
  create(expected: number, longestMember: number): void {
    const limits = this.#limits;
    if (expected <= limits.zsetMaxListpackEntries && longestMember <= limits.zsetMaxListpackValue) {
      this.root = createListpack(this.#arena);
      this.encoding = Encoding.listpack;
    } else this.createTable(expected);
  }

  /** Opens the view on a new empty set in the large form, for about so many members. */
  createTable(expected: number): void {
    const table = this.#members.create(Math.min(expected, LARGEST_FIRST_TABLE));
    const index = this.#index.create();
    this.root = this.#arena.allocate(ROOT_BYTES);
    this.encoding = Encoding.skiplist;
    const words = this.#arena.words[this.root >>> 23] as Int32Array;
    words[(this.root & 0x7fffff) << 1] = table;
    words[((this.root & 0x7fffff) << 1) + 1] = index;
  }

  /** Opens the view on a copy of listpack bytes from a file, which were checked. */
  load(bytes: Buffer, offset: number, length: number): void {
    this.root = copyListpack(this.#arena, bytes, offset, length);
    this.encoding = Encoding.listpack;
  }

  /** Converts ahead if members are about to be added that a listpack cannot hold. */
  prepareFor(members: number, longestMember: number): void {
    const limits = this.#limits;
    if (members > limits.zsetMaxListpackEntries || longestMember > limits.zsetMaxListpackValue) this.#convertToLarge();
  }

  get count(): number {
    return this.#isPacked() ? this.#packed.count(this.root) : this.#index.count(this.#indexRoot());
  }

  #isPacked(): boolean {
    return this.encoding === Encoding.listpack;
  }

  #table(): number {
    return (this.#arena.words[this.root >>> 23] as Int32Array)[(this.root & 0x7fffff) << 1] as number;
  }

  #indexRoot(): number {
    return (this.#arena.words[this.root >>> 23] as Int32Array)[((this.root & 0x7fffff) << 1) + 1] as number;
  }

  /** The member's score, NaN if it is no member (scores never are NaN). */
  score(bytes: Buffer, offset: number, length: number): number {
    if (!this.#isPacked()) {
      const record = this.#find(bytes, offset, length);
      return record === 0 ? Number.NaN : scoreOf(this.#arena, record);
    }
    const position = this.#packed.find(this.root, bytes, offset, length);
    return position === NOT_FOUND ? Number.NaN : this.#packed.scoreAt(this.root, position);
  }

  /** Gives the member this score; one of `SetResult`. The bytes must not lie in this set's own memory. */
  set(score: number, bytes: Buffer, offset: number, length: number): number {
    if (this.#isPacked()) {
      const position = this.#packed.find(this.root, bytes, offset, length);
      if (position !== NOT_FOUND) {
        if (this.#packed.scoreAt(this.root, position) === score) return SetResult.unchanged;
        this.root = this.#packed.remove(this.root, position, 1);
        this.root = this.#packed.insert(this.root, score, bytes, offset, length);
        return SetResult.updated;
      }
      this.prepareFor(this.count + 1, length);
      if (this.#isPacked()) {
        this.root = this.#packed.insert(this.root, score, bytes, offset, length);
        return SetResult.added;
      }
    }
    const members = this.#members;
    const hash = members.hash(bytes, offset, length);
    const found = members.find(this.#table(), hash, bytes, offset, length);
    if (found !== 0) {
      const before = scoreOf(this.#arena, found);
      if (before === score) return SetResult.unchanged;
      this.#index.move(this.#indexRoot(), before, found, score);
      setScore(this.#arena, found, score);
      return SetResult.updated;
    }
    const record = createScoredRecord(this.#arena, score, bytes, offset, length);
    members.insertMissed(this.#table(), hash, record);
    this.#index.insert(this.#indexRoot(), score, record);
    return SetResult.added;
  }

  /** False if it was no member. */
  remove(bytes: Buffer, offset: number, length: number): boolean {
    if (this.#isPacked()) {
      const position = this.#packed.find(this.root, bytes, offset, length);
      if (position === NOT_FOUND) return false;
      this.root = this.#packed.remove(this.root, position, 1);
      return true;
    }
    const record = this.#find(bytes, offset, length);
    if (record === 0) return false;
    this.#members.removeFound(this.#table());
    this.#index.delete(this.#indexRoot(), scoreOf(this.#arena, record), record);
    this.#arena.free(record);
    return true;
  }

  /** Removes the members with these ranks; there must be so many. */
  removeRange(rank: number, members: number): void {
    if (members <= 0) return;
    if (this.#isPacked()) {
      this.root = this.#packed.remove(this.root, seekListpack(this.#arena, this.root, rank * 2), members);
      return;
    }
    const arena = this.#arena;
    for (; members > 0; members--) {
      this.#index.seek(this.#indexRoot(), rank);
      const record = this.#index.record;
      const bytes = arena.bytes[record >>> 23] as Buffer;
      const hash = this.#members.hash(bytes, memberStart(record), memberLength(arena, record));
      if (this.#members.seek(this.#table(), hash, record)) this.#members.removeFound(this.#table());
      this.#index.delete(this.#indexRoot(), scoreOf(arena, record), record);
      arena.free(record);
    }
  }

  /** Number of members before this one, −1 if it is no member; the cursor is then on it. */
  rank(bytes: Buffer, offset: number, length: number): number {
    if (this.#isPacked()) {
      this.#position = this.#packed.find(this.root, bytes, offset, length);
      return this.#position === NOT_FOUND ? -1 : this.#packed.rankOf(this.root, this.#position);
    }
    const record = this.#find(bytes, offset, length);
    return record === 0 ? -1 : this.#index.rank(this.#indexRoot(), scoreOf(this.#arena, record), record);
  }

  /** Number of members with a score below the given one, or up to it. */
  rankOfScore(score: number, inclusive: boolean): number {
    return this.#isPacked()
      ? this.#packed.rankOfScore(this.root, score, inclusive)
      : this.#index.rankOfScore(this.#indexRoot(), score, inclusive);
  }

  /** Number of members that sort before the bytes, or up to them: where all scores are equal. */
  rankOfMember(bytes: Buffer, offset: number, length: number, inclusive: boolean): number {
    return this.#isPacked()
      ? this.#packed.rankOfMember(this.root, bytes, offset, length, inclusive)
      : this.#index.rankOfMember(this.#indexRoot(), bytes, offset, length, inclusive);
  }

  /** Puts the cursor on the member with this rank, which must exist. */
  seek(rank: number): void {
    if (this.#isPacked()) this.#position = seekListpack(this.#arena, this.root, rank * 2);
    else this.#index.seek(this.#indexRoot(), rank);
  }

  next(): void {
    if (this.#isPacked()) this.#position = this.#packed.nextMember(this.root, this.#position);
    else this.#index.next();
  }

  previous(): void {
    if (!this.#isPacked()) this.#index.previous();
    else if (this.#position > LISTPACK_HEADER) {
      const score = previousPosition(this.#arena, this.root, this.#position);
      this.#position = previousPosition(this.#arena, this.root, score);
    }
  }

  /** Points the span at the member under the cursor, good until the next edit. */
  readMember(span: ByteSpan): void {
    if (this.#isPacked()) readListpack(this.#arena, this.root, this.#position, span);
    else this.#readRecord(this.#index.record, span);
  }

  /**
   * As readMember and next (or previous) for up to this many members at once, as the records of them; gives how many, 0 for
   * a listpack, which has no records.
   */
  readRecords(target: Int32Array, wanted: number, isReverse: boolean): number {
    return this.#isPacked() ? 0 : this.#index.readRun(target, wanted, isReverse);
  }

  get scoreAtCursor(): number {
    return this.#isPacked()
      ? this.#packed.scoreAt(this.root, this.#position)
      : scoreOf(this.#arena, this.#index.record);
  }

  /** Puts the cursor on a member, each with the same probability. The set must not be empty. */
  seekRandom(random: Random): void {
    this.seek(random.below(this.count));
  }

  /** Visits some members from the cursor on; a listpack at once. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, span: ByteSpan, visit: (member: ByteSpan, score: number) => void): number {
    if (!this.#isPacked()) {
      return this.#members.scan(this.#table(), cursor, count, (record) => {
        this.#readRecord(record, span);
        visit(span, scoreOf(this.#arena, record));
      });
    }
    let left = this.count;
    if (left > 0) this.seek(0);
    for (; left > 0; left--) {
      this.readMember(span);
      visit(span, this.scoreAtCursor);
      this.next();
    }
    return 0;
  }

  /** Points the span at the listpack as a whole: what an RDB file holds. Not for the large form. */
  readPacked(span: ByteSpan): void {
    const bytes = this.#arena.bytes[this.root >>> 23] as Buffer;
    span.set(bytes, (this.root & 0x7fffff) << 3, listpackBytes(this.#arena, this.root));
  }

  /** Frees about so many segments of the table, or leaves of the index; true when nothing is left. */
  freeSome(steps: number): boolean {
    const arena = this.#arena;
    if (this.#isPacked()) {
      arena.free(this.root);
      return true;
    }
    const words = arena.words[this.root >>> 23] as Int32Array;
    const at = (this.root & 0x7fffff) << 1;
    const release = (record: number): void => arena.free(record);
    for (; steps > 0 && words[at] !== 0; steps--) {
      if (this.#members.freeStep(words[at] as number, release)) words[at] = 0;
    }
    // A segment holds about ten leaves' worth of members.
    if (words[at] !== 0 || !this.#index.freeSome(words[at + 1] as number, Math.max(1, steps * 10))) return false;
    arena.free(this.root);
    return true;
  }

  /** See Relocatable: positions of the table come first, then, above them, ranks in the index. */
  relocate(position: number): number {
    const arena = this.#arena;
    if (position === 0) this.root = arena.relocate(this.root);
    if (this.#isPacked()) return 0;
    if (position >= HASH_SPACE) {
      const rank = relocateNodes(arena, this.#indexRoot(), position - HASH_SPACE);
      return rank === 0 ? 0 : HASH_SPACE + rank;
    }
    if (position === 0) {
      const words = arena.words[this.root >>> 23] as Int32Array;
      const at = (this.root & 0x7fffff) << 1;
      words[at] = arena.relocate(words[at] as number);
      words[at + 1] = arena.relocate(words[at + 1] as number);
    }
    const next = this.#members.relocate(this.#table(), position, (record) => this.#relocateRecord(record));
    return next === 0 ? HASH_SPACE : next;
  }

  /** Bytes of the arena that the set takes, estimated from a sample of this many records where it is large. */
  memoryBytes(samples: number): number {
    if (this.#isPacked()) return this.#arena.capacityOf(this.root);
    const records = sampleRecords(this.#arena, this.#members, this.#table(), samples);
    return ROOT_BYTES + this.#members.sizeBytes(this.#table()) + records + this.#index.memoryBytes(this.#indexRoot());
  }

  /** Converts the large form to a listpack if it is within the limits: for a result that was built large. */
  pack(): void {
    const { count } = this;
    const span = this.#packed.span;
    if (this.#isPacked() || count > this.#limits.zsetMaxListpackEntries) return;
    this.seek(0);
    for (let left = count; left > 0; left--, this.next()) {
      this.readMember(span);
      if (span.length > this.#limits.zsetMaxListpackValue) return;
    }
    let listpack = createListpack(this.#arena);
    this.seek(0);
    for (let left = count; left > 0; left--, this.next()) {
      this.readMember(span);
      listpack = this.#packed.append(listpack, this.scoreAtCursor, span);
    }
    while (!this.freeSome(1));
    this.open(listpack, Encoding.listpack);
  }

  /** The index finds the entry by the bytes of the old place, so they must still be there. */
  #relocateRecord(record: number): number {
    const arena = this.#arena;
    if (!arena.isLeaving(record)) return record;
    const moved = arena.duplicate(record);
    this.#index.replaceRecord(this.#indexRoot(), scoreOf(arena, record), record, moved);
    arena.free(record);
    return moved;
  }

  #find(bytes: Buffer, offset: number, length: number): number {
    return this.#members.find(this.#table(), this.#members.hash(bytes, offset, length), bytes, offset, length);
  }

  #readRecord(record: number, span: ByteSpan): void {
    span.set(this.#arena.bytes[record >>> 23] as Buffer, memberStart(record), memberLength(this.#arena, record));
  }

  #convertToLarge(): void {
    if (!this.#isPacked()) return;
    const arena = this.#arena;
    const listpack = this.root;
    const count = this.count;
    const members = this.#members;
    this.createTable(count + 1);
    const span = this.#packed.span;
    for (let k = 0, at = LISTPACK_HEADER; k < count; k++) {
      const score = this.#packed.scoreAt(listpack, at);
      readListpack(arena, listpack, at, span);
      const record = createScoredRecord(arena, score, span.buffer, span.offset, span.length);
      members.insert(this.#table(), members.hash(span.buffer, span.offset, span.length), record);
      this.#index.insert(this.#indexRoot(), score, record);
      at = nextPosition(arena, listpack, nextPosition(arena, listpack, at));
    }
    arena.free(listpack);
  }
}

function memberStart(record: number): number {
  return ((record & 0x7fffff) << 3) + MEMBER_OFFSET;
}
