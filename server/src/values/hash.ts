/**
 * A hash value: field and value in turn in a listpack while it is small, a hash table of records (u32 field length, u32
 * value length, field, value) beyond. A HashValue is a view: `open` it on the root and encoding that a key's record
 * holds, work, then store `root` and `encoding` back. Spans handed out are good until the next edit.
 */

import type { Arena } from "../memory/arena.ts";
import { copyBytes } from "../memory/arena-bytes.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import type { Dictionary } from "../memory/dictionary.ts";
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
  replaceInListpack,
  seekListpack,
} from "../memory/listpack.ts";
import { EncodedEntry } from "../memory/listpack-entry.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { LARGEST_FIRST_TABLE, sampleRecords } from "./set.ts";
import { Encoding } from "./value-type.ts";

const FIELD_OFFSET = 8;

export class HashValue {
  root = 0;
  encoding: number = Encoding.listpack;
  readonly #arena: Arena;
  readonly #fields: Dictionary;
  readonly #limits: EncodingLimits;
  readonly #entry = new EncodedEntry();
  readonly #fieldSpan = new ByteSpan();
  readonly #valueSpan = new ByteSpan();

  constructor(arena: Arena, fields: Dictionary, limits: EncodingLimits) {
    this.#arena = arena;
    this.#fields = fields;
    this.#limits = limits;
  }

  open(root: number, encoding: number): void {
    this.root = root;
    this.encoding = encoding;
  }

  /** Opens the view on a new empty hash. */
  create(): void {
    this.root = createListpack(this.#arena);
    this.encoding = Encoding.listpack;
  }

  /** Opens the view on a new empty hash table for about so many fields. */
  createTable(expected: number): void {
    this.root = this.#fields.create(Math.min(expected, LARGEST_FIRST_TABLE));
    this.encoding = Encoding.hashtable;
  }

  /** Opens the view on a copy of listpack bytes from a file, which were checked. */
  load(bytes: Buffer, offset: number, length: number): void {
    this.root = copyListpack(this.#arena, bytes, offset, length);
    this.encoding = Encoding.listpack;
  }

  get count(): number {
    return this.encoding === Encoding.listpack
      ? listpackCount(this.#arena, this.root) >>> 1
      : this.#fields.count(this.root);
  }

  /** Converts ahead if so many fields are about to be set that a listpack cannot hold them. */
  prepareFor(fields: number): void {
    if (this.encoding === Encoding.listpack && fields > this.#limits.hashMaxListpackEntries) this.#convertToTable();
  }

  /** Points the span at the value of a field; false if there is no such field. */
  get(field: Buffer, offset: number, length: number, value: ByteSpan): boolean {
    if (this.encoding === Encoding.listpack) {
      const position = this.#findPacked(field, offset, length);
      if (position === NOT_FOUND) return false;
      readListpack(this.#arena, this.root, nextPosition(this.#arena, this.root, position), value);
      return true;
    }
    const record = this.#fields.find(this.root, this.#fields.hash(field, offset, length), field, offset, length);
    if (record === 0) return false;
    this.#readValue(record, value);
    return true;
  }

  has(field: Buffer, offset: number, length: number): boolean {
    if (this.encoding === Encoding.listpack) return this.#findPacked(field, offset, length) !== NOT_FOUND;
    return this.#fields.find(this.root, this.#fields.hash(field, offset, length), field, offset, length) !== 0;
  }

  /** True if the field is new. Neither field nor value may lie in this hash's own memory. */
  set(field: Buffer, offset: number, length: number, value: Buffer, valueOffset: number, valueLength: number): boolean {
    const limits = this.#limits;
    if (this.encoding === Encoding.listpack) {
      if (length <= limits.hashMaxListpackValue && valueLength <= limits.hashMaxListpackValue) {
        return this.#setPacked(field, offset, length, value, valueOffset, valueLength);
      }
      this.#convertToTable();
    }
    return this.#setInTable(field, offset, length, value, valueOffset, valueLength);
  }

  /** False if there is no such field. */
  delete(field: Buffer, offset: number, length: number): boolean {
    if (this.encoding === Encoding.listpack) {
      const position = this.#findPacked(field, offset, length);
      if (position === NOT_FOUND) return false;
      this.root = deleteFromListpack(this.#arena, this.root, position, 2);
      return true;
    }
    const record = this.#fields.remove(this.root, this.#fields.hash(field, offset, length), field, offset, length);
    if (record === 0) return false;
    this.#arena.free(record);
    return true;
  }

  /** Visits every field and value with two reused spans. The visitor must not edit the hash. */
  forEach(visit: (field: ByteSpan, value: ByteSpan) => void): void {
    const fieldSpan = this.#fieldSpan;
    const valueSpan = this.#valueSpan;
    if (this.encoding !== Encoding.listpack) {
      this.#fields.forEach(this.root, (record) => {
        this.#readField(record, fieldSpan);
        this.#readValue(record, valueSpan);
        visit(fieldSpan, valueSpan);
      });
      return;
    }
    const arena = this.#arena;
    const root = this.root;
    const end = listpackEnd(arena, root);
    for (let at = LISTPACK_HEADER; at !== end; ) {
      readListpack(arena, root, at, fieldSpan);
      at = nextPosition(arena, root, at);
      readListpack(arena, root, at, valueSpan);
      at = nextPosition(arena, root, at);
      visit(fieldSpan, valueSpan);
    }
  }

  /** Visits some fields from the cursor on; a listpack at once. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (field: ByteSpan, value: ByteSpan) => void): number {
    if (this.encoding === Encoding.listpack) {
      this.forEach(visit);
      return 0;
    }
    return this.#fields.scan(this.root, cursor, count, (record) => {
      this.#readField(record, this.#fieldSpan);
      this.#readValue(record, this.#valueSpan);
      visit(this.#fieldSpan, this.#valueSpan);
    });
  }

  /** Points the spans at a field and its value, each field with the same probability. The hash must not be empty. */
  random(random: Random, field: ByteSpan, value: ByteSpan): void {
    if (this.encoding === Encoding.listpack) {
      const position = seekListpack(this.#arena, this.root, random.below(this.count) * 2);
      readListpack(this.#arena, this.root, position, field);
      readListpack(this.#arena, this.root, nextPosition(this.#arena, this.root, position), value);
      return;
    }
    const record = this.#fields.random(this.root, random);
    this.#readField(record, field);
    this.#readValue(record, value);
  }

  /** Points the span at the listpack as a whole: what an RDB file holds. Not for the hash table. */
  readPacked(span: ByteSpan): void {
    const bytes = this.#arena.bytes[this.root >>> 23] as Buffer;
    span.set(bytes, (this.root & 0x7fffff) << 3, listpackBytes(this.#arena, this.root));
  }

  /** Frees about so many segments of a table, or the listpack; true when nothing is left. */
  freeSome(segments: number): boolean {
    if (this.encoding === Encoding.listpack) {
      this.#arena.free(this.root);
      return true;
    }
    const release = (record: number): void => this.#arena.free(record);
    for (; segments > 0; segments--) if (this.#fields.freeStep(this.root, release)) return true;
    return false;
  }

  /** Bytes of the arena that the hash takes; the records of a table by a sample of this many. */
  memoryBytes(samples: number): number {
    if (this.encoding === Encoding.listpack) return this.#arena.capacityOf(this.root);
    return this.#fields.sizeBytes(this.root) + sampleRecords(this.#arena, this.#fields, this.root, samples);
  }

  #findPacked(field: Buffer, offset: number, length: number): number {
    this.#entry.encode(field, offset, length);
    return findInListpack(this.#arena, this.root, LISTPACK_HEADER, this.#entry, 1);
  }

  #setPacked(
    field: Buffer,
    offset: number,
    length: number,
    value: Buffer,
    valueOffset: number,
    valueLength: number,
  ): boolean {
    const arena = this.#arena;
    const entry = this.#entry;
    const position = this.#findPacked(field, offset, length);
    if (position !== NOT_FOUND) {
      entry.encode(value, valueOffset, valueLength);
      this.root = replaceInListpack(arena, this.root, nextPosition(arena, this.root, position), entry);
      return false;
    }
    this.root = appendToListpack(arena, this.root, entry);
    entry.encode(value, valueOffset, valueLength);
    this.root = appendToListpack(arena, this.root, entry);
    if (listpackCount(arena, this.root) >>> 1 > this.#limits.hashMaxListpackEntries) this.#convertToTable();
    return true;
  }

  #setInTable(
    field: Buffer,
    offset: number,
    length: number,
    value: Buffer,
    valueOffset: number,
    valueLength: number,
  ): boolean {
    const arena = this.#arena;
    const fields = this.#fields;
    const hash = fields.hash(field, offset, length);
    const size = FIELD_OFFSET + length + valueLength;
    let record = fields.find(this.root, hash, field, offset, length);
    const isNew = record === 0;
    if (isNew) {
      record = arena.allocate(size);
      this.#write(record, 0, length);
      const start = ((record & 0x7fffff) << 3) + FIELD_OFFSET;
      copyBytes(arena.bytes[record >>> 23] as Buffer, start, field, offset, length);
      fields.insertMissed(this.root, hash, record);
    } else if (this.#valueLength(record) !== valueLength) {
      const moved = arena.reallocate(record, FIELD_OFFSET + length, size);
      if (moved !== record) fields.replaceFound(moved);
      record = moved;
    }
    this.#write(record, 1, valueLength);
    const start = ((record & 0x7fffff) << 3) + FIELD_OFFSET + length;
    copyBytes(arena.bytes[record >>> 23] as Buffer, start, value, valueOffset, valueLength);
    return isNew;
  }

  #write(record: number, word: number, value: number): void {
    (this.#arena.words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + word] = value;
  }

  #fieldLength(record: number): number {
    return (this.#arena.words[record >>> 23] as Int32Array)[(record & 0x7fffff) << 1] as number;
  }

  #valueLength(record: number): number {
    return (this.#arena.words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + 1] as number;
  }

  #readField(record: number, span: ByteSpan): void {
    const bytes = this.#arena.bytes[record >>> 23] as Buffer;
    span.set(bytes, ((record & 0x7fffff) << 3) + FIELD_OFFSET, this.#fieldLength(record));
  }

  #readValue(record: number, span: ByteSpan): void {
    const bytes = this.#arena.bytes[record >>> 23] as Buffer;
    const start = ((record & 0x7fffff) << 3) + FIELD_OFFSET + this.#fieldLength(record);
    span.set(bytes, start, this.#valueLength(record));
  }

  #convertToTable(): void {
    const packed = new HashValue(this.#arena, this.#fields, this.#limits);
    packed.open(this.root, this.encoding);
    this.createTable(packed.count + 1);
    packed.forEach((field, value) => {
      this.#setInTable(field.buffer, field.offset, field.length, value.buffer, value.offset, value.length);
    });
    this.#arena.free(packed.root);
  }
}
