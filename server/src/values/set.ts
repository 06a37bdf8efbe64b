/**
 * A set value: an intset while all members are integers, a listpack while it is small, a hash table beyond. A SetValue is
 * a view: `open` it on the root and encoding that a key's record holds, work, then store `root` and `encoding` back.
 * Sets only ever convert towards the table. Members are handed out as spans that are good until the next edit.
 */

import type { Arena } from "../memory/arena.ts";
import { copyBytes } from "../memory/arena-bytes.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import type { Dictionary } from "../memory/dictionary.ts";
import { Int64 } from "../memory/int64.ts";
import {
  copyIntset,
  createIntset,
  findInIntset,
  insertInIntset,
  intsetBytes,
  intsetCount,
  readIntset,
  removeFromIntset,
} from "../memory/intset.ts";
import {
  appendToListpack,
  copyListpack,
  createListpack,
  deleteFromListpack,
  findInListpack,
  LISTPACK_HEADER,
  listpackBytes,
  listpackCount,
  listpackEnd,
  NOT_FOUND,
  nextPosition,
  readListpack,
  seekListpack,
} from "../memory/listpack.ts";
import { EncodedEntry } from "../memory/listpack-entry.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { LARGEST_FIRST_TABLE, sampleRecords } from "./table-memory.ts";
import { Encoding } from "./value-type.ts";

const MEMBER_OFFSET = 4;

export class SetValue {
  root = 0;
  encoding: number = Encoding.intset;
  readonly #arena: Arena;
  readonly #members: Dictionary;
  readonly #limits: EncodingLimits;
  readonly #entry = new EncodedEntry();
  readonly #integer = new Int64();
  readonly #span = new ByteSpan();
  /** The record that `random` has shown last. */
  #drawn = 0;

  constructor(arena: Arena, members: Dictionary, limits: EncodingLimits) {
    this.#arena = arena;
    this.#members = members;
    this.#limits = limits;
  }

  open(root: number, encoding: number): void {
    this.root = root;
    this.encoding = encoding;
  }

  /** Opens the view on a new empty set, fit for this first member and about so many in all. */
  create(bytes: Buffer, offset: number, length: number, expected: number): void {
    if (expected <= this.#limits.setMaxIntsetEntries && this.#integer.parse(bytes, offset, length)) {
      this.root = createIntset(this.#arena);
      this.encoding = Encoding.intset;
    } else if (expected <= this.#limits.setMaxListpackEntries) {
      this.root = createListpack(this.#arena);
      this.encoding = Encoding.listpack;
    } else this.createTable(expected);
  }

  /** Opens the view on a new empty hash table for about so many members. */
  createTable(expected: number): void {
    this.root = this.#members.create(Math.min(expected, LARGEST_FIRST_TABLE));
    this.encoding = Encoding.hashtable;
  }

  /** Opens the view on a copy of intset or listpack bytes from a file, which were checked. */
  load(encoding: number, bytes: Buffer, offset: number, length: number): void {
    this.encoding = encoding;
    const copy = encoding === Encoding.intset ? copyIntset : copyListpack;
    this.root = copy(this.#arena, bytes, offset, length);
  }

  /** Converts ahead if so many members are about to be added that the packed forms cannot hold them. */
  prepareFor(members: number): void {
    const isTooMany =
      (this.encoding === Encoding.listpack && members > this.#limits.setMaxListpackEntries) ||
      (this.encoding === Encoding.intset && members > this.#limits.setMaxIntsetEntries);
    if (isTooMany) this.#convertToTable();
  }

  get count(): number {
    if (this.encoding === Encoding.hashtable) return this.#members.count(this.root);
    return this.encoding === Encoding.intset
      ? intsetCount(this.#arena, this.root)
      : listpackCount(this.#arena, this.root);
  }

  has(bytes: Buffer, offset: number, length: number): boolean {
    if (this.encoding === Encoding.hashtable) {
      const members = this.#members;
      return members.find(this.root, members.hash(bytes, offset, length), bytes, offset, length) !== 0;
    }
    if (this.encoding === Encoding.intset) {
      const integer = this.#integer;
      return integer.parse(bytes, offset, length) && findInIntset(this.#arena, this.root, integer) >= 0;
    }
    return this.#findPacked(bytes, offset, length) !== NOT_FOUND;
  }

  /** False if it was a member already. */
  add(bytes: Buffer, offset: number, length: number): boolean {
    if (this.encoding === Encoding.hashtable) return this.#addToTable(bytes, offset, length);
    if (this.encoding === Encoding.listpack) return this.#addPacked(bytes, offset, length);
    const integer = this.#integer;
    if (!integer.parse(bytes, offset, length)) {
      this.#leaveIntset(length);
      return this.add(bytes, offset, length);
    }
    const index = findInIntset(this.#arena, this.root, integer);
    if (index >= 0) return false;
    this.root = insertInIntset(this.#arena, this.root, -1 - index, integer);
    if (intsetCount(this.#arena, this.root) > this.#limits.setMaxIntsetEntries) this.#convertToTable();
    return true;
  }

  /** False if it was no member. */
  remove(bytes: Buffer, offset: number, length: number): boolean {
    if (this.encoding === Encoding.hashtable) {
      const members = this.#members;
      const record = members.remove(this.root, members.hash(bytes, offset, length), bytes, offset, length);
      if (record === 0) return false;
      this.#arena.free(record);
      return true;
    }
    if (this.encoding === Encoding.intset) {
      if (!this.#integer.parse(bytes, offset, length)) return false;
      const index = findInIntset(this.#arena, this.root, this.#integer);
      if (index < 0) return false;
      this.root = removeFromIntset(this.#arena, this.root, index);
      return true;
    }
    const position = this.#findPacked(bytes, offset, length);
    if (position === NOT_FOUND) return false;
    this.root = deleteFromListpack(this.#arena, this.root, position, 1);
    return true;
  }

  /** Visits every member with one reused span. The visitor must not edit the set. */
  forEach(visit: (member: ByteSpan) => void): void {
    const span = this.#span;
    const arena = this.#arena;
    const root = this.root;
    if (this.encoding === Encoding.hashtable) {
      this.#members.forEach(root, (record) => {
        this.#readRecord(record, span);
        visit(span);
      });
    } else if (this.encoding === Encoding.intset) {
      const count = intsetCount(arena, root);
      for (let k = 0; k < count; k++) {
        this.#readInteger(k, span);
        visit(span);
      }
    } else {
      const end = listpackEnd(arena, root);
      for (let at = LISTPACK_HEADER; at !== end; at = nextPosition(arena, root, at)) {
        readListpack(arena, root, at, span);
        visit(span);
      }
    }
  }

  /** Visits some members from the cursor on; packed forms at once. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (member: ByteSpan) => void): number {
    if (this.encoding !== Encoding.hashtable) {
      this.forEach(visit);
      return 0;
    }
    const span = this.#span;
    return this.#members.scan(this.root, cursor, count, (record) => {
      this.#readRecord(record, span);
      visit(span);
    });
  }

  /** Points the span at a member, each with the same probability. The set must not be empty. */
  random(random: Random, span: ByteSpan): void {
    if (this.encoding === Encoding.hashtable) {
      this.#drawn = this.#members.random(this.root, random);
      this.#readRecord(this.#drawn, span);
    } else if (this.encoding === Encoding.intset) this.#readInteger(random.below(this.count), span);
    else readListpack(this.#arena, this.root, seekListpack(this.#arena, this.root, random.below(this.count)), span);
  }

  /** Removes the member that `random` has just shown; nothing else may have been asked of the set, or of another, between. */
  removeDrawn(span: ByteSpan): void {
    if (this.encoding !== Encoding.hashtable) {
      this.remove(span.buffer, span.offset, span.length);
      return;
    }
    this.#members.removeFound(this.root);
    this.#arena.free(this.#drawn);
  }

  /** Points the span at the packed form as a whole: what an RDB file holds. Not for the hash table. */
  readPacked(span: ByteSpan): void {
    const length =
      this.encoding === Encoding.intset ? intsetBytes(this.#arena, this.root) : listpackBytes(this.#arena, this.root);
    span.set(this.#arena.bytes[this.root >>> 23] as Buffer, (this.root & 0x7fffff) << 3, length);
  }

  /** Frees about so many segments of a table, or the packed form; true when nothing is left. */
  freeSome(segments: number): boolean {
    if (this.encoding !== Encoding.hashtable) {
      this.#arena.free(this.root);
      return true;
    }
    const release = (record: number): void => this.#arena.free(record);
    for (; segments > 0; segments--) if (this.#members.freeStep(this.root, release)) return true;
    return false;
  }

  /** See Relocatable: one segment of the table a call. */
  relocate(position: number): number {
    const arena = this.#arena;
    if (position === 0) this.root = arena.relocate(this.root);
    if (this.encoding !== Encoding.hashtable) return 0;
    return this.#members.relocate(this.root, position, (record) => arena.relocate(record));
  }

  /** Bytes of the arena that the set takes; the records of a large table by a sample of this many. */
  memoryBytes(samples: number): number {
    if (this.encoding !== Encoding.hashtable) return this.#arena.capacityOf(this.root);
    return this.#members.sizeBytes(this.root) + sampleRecords(this.#arena, this.#members, this.root, samples);
  }

  #readRecord(record: number, span: ByteSpan): void {
    const granule = record & 0x7fffff;
    const length = (this.#arena.words[record >>> 23] as Int32Array)[granule << 1] as number;
    span.set(this.#arena.bytes[record >>> 23] as Buffer, (granule << 3) + MEMBER_OFFSET, length);
  }

  #readInteger(index: number, span: ByteSpan): void {
    readIntset(this.#arena, this.root, index, this.#integer);
    span.setInteger(this.#integer.high, this.#integer.low);
  }

  #findPacked(bytes: Buffer, offset: number, length: number): number {
    this.#entry.encode(bytes, offset, length);
    return findInListpack(this.#arena, this.root, LISTPACK_HEADER, this.#entry, 0);
  }

  #addPacked(bytes: Buffer, offset: number, length: number): boolean {
    if (this.#findPacked(bytes, offset, length) !== NOT_FOUND) return false;
    const limits = this.#limits;
    if (length <= limits.setMaxListpackValue && listpackCount(this.#arena, this.root) < limits.setMaxListpackEntries) {
      this.root = appendToListpack(this.#arena, this.root, this.#entry);
      return true;
    }
    this.#convertToTable();
    return this.#addToTable(bytes, offset, length);
  }

  #addToTable(bytes: Buffer, offset: number, length: number): boolean {
    const members = this.#members;
    const hash = members.hash(bytes, offset, length);
    if (members.find(this.root, hash, bytes, offset, length) !== 0) return false;
    const record = this.#arena.allocate(MEMBER_OFFSET + length);
    const granule = record & 0x7fffff;
    (this.#arena.words[record >>> 23] as Int32Array)[granule << 1] = length;
    copyBytes(this.#arena.bytes[record >>> 23] as Buffer, (granule << 3) + MEMBER_OFFSET, bytes, offset, length);
    members.insertMissed(this.root, hash, record);
    return true;
  }

  /** A member that is no integer comes: the intset becomes a listpack, or a table where that would be too large. */
  #leaveIntset(length: number): void {
    const limits = this.#limits;
    const arena = this.#arena;
    const count = this.count;
    if (
      count >= limits.setMaxListpackEntries ||
      length > limits.setMaxListpackValue ||
      this.#longestInteger() > limits.setMaxListpackValue
    ) {
      this.#convertToTable();
      return;
    }
    const intset = this.root;
    let listpack = createListpack(arena, intsetBytes(arena, intset) + count);
    for (let k = 0; k < count; k++) {
      readIntset(arena, intset, k, this.#integer);
      this.#entry.encodeInt64(this.#integer.high, this.#integer.low);
      listpack = appendToListpack(arena, listpack, this.#entry);
    }
    arena.free(intset);
    this.root = listpack;
    this.encoding = Encoding.listpack;
  }

  #longestInteger(): number {
    const count = this.count;
    if (count === 0) return 0;
    this.#readInteger(0, this.#span);
    const smallest = this.#span.length;
    this.#readInteger(count - 1, this.#span);
    return Math.max(smallest, this.#span.length);
  }

  #convertToTable(): void {
    const packed = new SetValue(this.#arena, this.#members, this.#limits);
    packed.open(this.root, this.encoding);
    this.createTable(packed.count + 1);
    packed.forEach((member) => {
      this.#addToTable(member.buffer, member.offset, member.length);
    });
    this.#arena.free(packed.root);
  }
}
