/**
 * A small table of named records, sorted by name as bytes: the consumer groups of a stream, the consumers of a group.
 * i32 count, capacity, then the records' handles. A record has its name's length in word 0 and the name at NAME_OFFSET.
 * Adding may move the table, so it returns the handle. The records are the caller's.
 */

import type { Arena } from "../memory/arena.ts";
import { compareBytes } from "../memory/arena-bytes.ts";
import type { ByteSpan } from "../memory/byte-span.ts";

export const NAME_OFFSET = 40;
const TABLE_HEAD = 2;
const FIRST_CAPACITY = 2;

export class NameTable {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  create(): number {
    const table = this.#arena.allocate((TABLE_HEAD + FIRST_CAPACITY) * 4);
    this.#set(table, 0, 0);
    this.#set(table, 1, FIRST_CAPACITY);
    return table;
  }

  count(table: number): number {
    return this.#get(table, 0);
  }

  at(table: number, index: number): number {
    return this.#get(table, TABLE_HEAD + index);
  }

  /** For compaction: the record at this place has moved. */
  replace(table: number, index: number, record: number): void {
    this.#set(table, TABLE_HEAD + index, record);
  }

  /** The record with this name, or 0. */
  find(table: number, buffer: Buffer, offset: number, length: number): number {
    const index = this.#indexOf(table, buffer, offset, length);
    return index < 0 ? 0 : this.at(table, index);
  }

  /** A record of this many bytes before its name, entered under a name that is not there; gives the table. */
  add(table: number, record: number): number {
    const start = ((record & 0x7fffff) << 3) + NAME_OFFSET;
    const place = ~this.#indexOf(table, this.#arena.bytes[record >>> 23] as Buffer, start, this.#get(record, 0));
    const count = this.count(table);
    const capacity = this.#get(table, 1);
    if (count === capacity) {
      table = this.#arena.reallocate(table, (TABLE_HEAD + count) * 4, (TABLE_HEAD + capacity * 2) * 4);
      this.#set(table, 1, capacity * 2);
    }
    const words = this.#arena.words[table >>> 23] as Int32Array;
    const at = ((table & 0x7fffff) << 1) + TABLE_HEAD;
    words.copyWithin(at + place + 1, at + place, at + count);
    words[at + place] = record;
    this.#set(table, 0, count + 1);
    return table;
  }

  remove(table: number, record: number): void {
    const start = ((record & 0x7fffff) << 3) + NAME_OFFSET;
    const place = this.#indexOf(table, this.#arena.bytes[record >>> 23] as Buffer, start, this.#get(record, 0));
    const count = this.count(table);
    const at = ((table & 0x7fffff) << 1) + TABLE_HEAD;
    (this.#arena.words[table >>> 23] as Int32Array).copyWithin(at + place, at + place + 1, at + count);
    this.#set(table, 0, count - 1);
  }

  removeLast(table: number): void {
    this.#set(table, 0, this.count(table) - 1);
  }

  /** A record with this name; the other words are the caller's to fill. */
  createRecord(buffer: Buffer, offset: number, length: number): number {
    const record = this.#arena.allocate(NAME_OFFSET + length);
    this.#set(record, 0, length);
    const target = this.#arena.bytes[record >>> 23] as Buffer;
    buffer.copy(target, ((record & 0x7fffff) << 3) + NAME_OFFSET, offset, offset + length);
    return record;
  }

  readName(record: number, span: ByteSpan): void {
    const bytes = this.#arena.bytes[record >>> 23] as Buffer;
    span.set(bytes, ((record & 0x7fffff) << 3) + NAME_OFFSET, this.#get(record, 0));
  }

  /** The place of the name; where there is none, the complement of the place where it would go. */
  #indexOf(table: number, buffer: Buffer, offset: number, length: number): number {
    let low = 0;
    let high = this.count(table);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.at(table, middle);
      const bytes = this.#arena.bytes[record >>> 23] as Buffer;
      const start = ((record & 0x7fffff) << 3) + NAME_OFFSET;
      const order = compareBytes(bytes, start, this.#get(record, 0), buffer, offset, length);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return ~low;
  }

  #get(handle: number, word: number): number {
    return (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] as number;
  }

  #set(handle: number, word: number, value: number): void {
    (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] = value;
  }
}
