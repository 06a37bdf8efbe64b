/**
 * A hash value: field and value in turn in a listpack while it is small, a hash table of records beyond. A HashValue is a
 * view: `open` it on the root and encoding that a key's record holds, work, then store `root` and `encoding` back. Spans
 * handed out are good until the next edit.
 *
 * Once a field gets an expiry time, the root is a block of its own: body (listpack or table), index of expiry times (of a
 * table), and the time under which the keyspace lists the hash. It stays where it is whatever happens to the fields, so
 * two views of such a hash may take turns. Fields that have expired are not seen (but counted, until they are deleted).
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { type Dictionary, HASH_SPACE } from "../memory/dictionary.ts";
import { copyListpack, createListpack, listpackBytes, NOT_FOUND } from "../memory/listpack.ts";
import type { OrderedIndex } from "../memory/ordered-index.ts";
import { relocateNodes } from "../memory/ordered-index-walks.ts";
import type { Random } from "../platform/random.ts";
import type { EncodingLimits } from "./encoding-limits.ts";
import { FieldTable } from "./field-table.ts";
import { PAIRS, PackedFields, TRIPLES } from "./packed-fields.ts";
import { LARGEST_FIRST_TABLE, sampleRecords } from "./table-memory.ts";
import { Encoding, isExpiringHash } from "./value-type.ts";

/** The moment before which fields count as expired: one object for the whole server. 0: none has expired. */
export interface FieldClock {
  expiredBeforeMs: number;
}

export interface HashParts {
  readonly arena: Arena;
  readonly fields: Dictionary;
  readonly expiries: OrderedIndex;
  readonly limits: EncodingLimits;
  readonly clock: FieldClock;
}

/** Words of the root block of a hash with expiring fields; then a double. */
const BODY = 0;
const INDEX = 1;
const LISTED_DOUBLE = 1;
const ROOT_BYTES = 16;
const LEAVES_A_STEP = 10;

export class HashValue {
  root = 0;
  encoding: number = Encoding.listpack;
  readonly #arena: Arena;
  readonly #fields: Dictionary;
  readonly #expiries: OrderedIndex;
  readonly #limits: EncodingLimits;
  readonly #clock: FieldClock;
  readonly #packed: PackedFields;
  readonly #table: FieldTable;
  readonly #fieldSpan = new ByteSpan();
  readonly #valueSpan = new ByteSpan();

  constructor({ arena, fields, expiries, limits, clock }: HashParts) {
    this.#arena = arena;
    this.#fields = fields;
    this.#expiries = expiries;
    this.#limits = limits;
    this.#clock = clock;
    this.#packed = new PackedFields(arena);
    this.#table = new FieldTable(arena, fields, expiries);
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

  /** Opens the view on a copy of listpack bytes from a file or another hash, which were checked. */
  load(encoding: number, bytes: Buffer, offset: number, length: number): void {
    this.root = copyListpack(this.#arena, bytes, offset, length);
    this.encoding = encoding;
    if (encoding === Encoding.listpackex) this.root = this.#createRoot(this.root, 0);
  }

  /** Fields, those included that have expired and are not deleted yet. */
  get count(): number {
    return this.#isPacked() ? this.#openPacked().count : this.#fields.count(this.#body());
  }

  /** Fields that can be seen. */
  get visibleCount(): number {
    if (!isExpiringHash(this.encoding)) return this.count;
    const { expiredBeforeMs } = this.#clock;
    const view = this.#isPacked() ? this.#openPacked() : this.#openTable();
    return this.count - view.expiredCount(expiredBeforeMs);
  }

  /** Converts ahead if so many fields are about to be set that a listpack cannot hold them. */
  prepareFor(fields: number): void {
    if (this.#isPacked() && fields > this.#limits.hashMaxListpackEntries) this.#convertToTable();
  }

  /** Points the span at the value of a field; false if there is no such field. */
  get(field: Buffer, offset: number, length: number, value: ByteSpan): boolean {
    if (this.#isPacked()) {
      const packed = this.#openPacked();
      const position = packed.find(field, offset, length);
      if (position === NOT_FOUND || this.#isPast(packed.expireAtOf(position))) return false;
      packed.readValue(position, value);
      return true;
    }
    const table = this.#openTable();
    const record = table.find(field, offset, length);
    if (record === 0 || (table.index !== 0 && this.#isPast(table.expireAtOf(record)))) return false;
    table.readValue(record, value);
    return true;
  }

  has(field: Buffer, offset: number, length: number): boolean {
    const expireAtMs = this.expireAtOf(field, offset, length);
    return expireAtMs !== undefined && !this.#isPast(expireAtMs);
  }

  /** When a field expires, or has, 0 for never; undefined if there is no such field. */
  expireAtOf(field: Buffer, offset: number, length: number): number | undefined {
    if (this.#isPacked()) {
      const position = this.#openPacked().find(field, offset, length);
      return position === NOT_FOUND ? undefined : this.#packed.expireAtOf(position);
    }
    const record = this.#openTable().find(field, offset, length);
    return record === 0 ? undefined : this.#table.expireAtOf(record);
  }

  /** Whether the field is there but has expired. */
  isExpired(field: Buffer, offset: number, length: number): boolean {
    const { earliest } = this;
    return this.#isPast(earliest) && this.#isPast(this.expireAtOf(field, offset, length) ?? 0);
  }

  /**
   * True if the field is new. An expiry time that it has is taken off unless `keepsExpiry`. Neither field nor value may lie
   * in this hash's own memory.
   */
  set(
    field: Buffer,
    offset: number,
    length: number,
    value: Buffer,
    valueOffset: number,
    valueLength: number,
    keepsExpiry = false,
  ): boolean {
    if (this.#isPacked()) {
      const limits = this.#limits;
      if (length <= limits.hashMaxListpackValue && valueLength <= limits.hashMaxListpackValue) {
        const packed = this.#openPacked();
        const isNew = packed.set(field, offset, length, value, valueOffset, valueLength, keepsExpiry);
        this.#keepPacked();
        // An update too: the limit may have been lowered since.
        if (packed.count > limits.hashMaxListpackEntries) this.#convertToTable();
        return isNew;
      }
      this.#convertToTable();
    }
    return this.#openTable().set(field, offset, length, value, valueOffset, valueLength, keepsExpiry);
  }

  /** Gives a field, which must be there, an expiry time or none (0). */
  setExpiry(field: Buffer, offset: number, length: number, expireAtMs: number): void {
    if (!isExpiringHash(this.encoding)) this.#becomeExpiring();
    if (this.#isPacked()) {
      const packed = this.#openPacked();
      packed.setExpiry(packed.find(field, offset, length), expireAtMs);
      this.#keepPacked();
    } else this.#openTable().setExpiry(field, offset, length, expireAtMs);
  }

  /** False if there is no such field. */
  delete(field: Buffer, offset: number, length: number): boolean {
    if (!this.#isPacked()) return this.#openTable().delete(field, offset, length);
    const packed = this.#openPacked();
    const position = packed.find(field, offset, length);
    if (position === NOT_FOUND) return false;
    packed.delete(position);
    this.#keepPacked();
    return true;
  }

  /** When the first of all fields expires, 0 for never. */
  get earliest(): number {
    if (!isExpiringHash(this.encoding)) return 0;
    return this.#isPacked() ? this.#openPacked().earliest : this.#openTable().earliest;
  }

  /** The time under which the keyspace lists the hash, 0 for none. Only for a hash that has, or had, expiring fields. */
  get listedMs(): number {
    return (this.#arena.doubles[this.root >>> 23] as Float64Array)[(this.root & 0x7fffff) + LISTED_DOUBLE] as number;
  }

  set listedMs(timeMs: number) {
    (this.#arena.doubles[this.root >>> 23] as Float64Array)[(this.root & 0x7fffff) + LISTED_DOUBLE] = timeMs;
  }

  /** Deletes the field that expires first, after the visitor was shown its name. There must be one with a time. */
  takeEarliest(visit: (field: ByteSpan) => void): void {
    if (!this.#isPacked()) {
      this.#openTable().takeEarliest(this.#fieldSpan, visit);
      return;
    }
    const packed = this.#openPacked();
    const position = packed.seek(0);
    packed.readField(position, this.#fieldSpan);
    visit(this.#fieldSpan);
    packed.delete(position);
    this.#keepPacked();
  }

  /** Visits every field and value that can be seen, with two reused spans. The visitor must not edit the hash. */
  forEach(visit: (field: ByteSpan, value: ByteSpan) => void): void {
    this.#visit(this.#clock.expiredBeforeMs, visit);
  }

  /** As forEach, but all that is stored, and each with its expiry time or 0: for files and copies. */
  forEachStored(visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void): void {
    this.#visit(0, visit);
  }

  /** Of a hash that is no listpack: some of what is stored from the cursor on. Returns the next cursor, 0 at the end. */
  scanStored(
    cursor: number,
    count: number,
    visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void,
  ): number {
    const table = this.#openTable();
    return this.#fields.scan(table.root, cursor, count, (record) => {
      table.readField(record, this.#fieldSpan);
      table.readValue(record, this.#valueSpan);
      visit(this.#fieldSpan, this.#valueSpan, table.expireAtOf(record));
    });
  }

  /** Visits some fields from the cursor on; a listpack at once. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (field: ByteSpan, value: ByteSpan) => void): number {
    if (this.#isPacked()) {
      this.forEach(visit);
      return 0;
    }
    const table = this.#openTable();
    return this.#fields.scan(table.root, cursor, count, (record) => {
      if (table.index !== 0 && this.#isPast(table.expireAtOf(record))) return;
      table.readField(record, this.#fieldSpan);
      table.readValue(record, this.#valueSpan);
      visit(this.#fieldSpan, this.#valueSpan);
    });
  }

  /**
   * Points the spans at a field and its value, each field with the same probability; expired ones are drawn too. The hash
   * must not be empty.
   */
  random(random: Random, field: ByteSpan, value: ByteSpan): void {
    if (this.#isPacked()) {
      const packed = this.#openPacked();
      const position = packed.seek(random.below(packed.count));
      packed.readField(position, field);
      packed.readValue(position, value);
      return;
    }
    const record = this.#fields.random(this.#openTable().root, random);
    this.#table.readField(record, field);
    this.#table.readValue(record, value);
  }

  /** Points the span at the listpack as a whole: what an RDB file holds. Not for the hash table. */
  readPacked(span: ByteSpan): void {
    const { listpack } = this.#openPacked();
    const bytes = this.#arena.bytes[listpack >>> 23] as Buffer;
    span.set(bytes, (listpack & 0x7fffff) << 3, listpackBytes(this.#arena, listpack));
  }

  /** Frees about so many segments of a table, or the listpack; true when nothing is left. */
  freeSome(segments: number): boolean {
    const arena = this.#arena;
    const isExpiring = isExpiringHash(this.encoding);
    if (this.#isPacked()) {
      arena.free(this.#body());
      if (isExpiring) arena.free(this.root);
      return true;
    }
    const index = isExpiring ? this.#word(INDEX) : 0;
    if (index !== 0) {
      if (this.#expiries.freeSome(index, segments * LEAVES_A_STEP)) this.#setWord(INDEX, 0);
      return false;
    }
    const release = (record: number): void => arena.free(record);
    for (; segments > 0; segments--) {
      if (!this.#fields.freeStep(this.#body(), release)) continue;
      if (isExpiring) arena.free(this.root);
      return true;
    }
    return false;
  }

  /** See Relocatable: positions of the table come first, then, above them, ranks in the index of expiry times. */
  relocate(position: number): number {
    const arena = this.#arena;
    if (position === 0) this.#relocateRoots();
    if (this.#isPacked()) return 0;
    const index = isExpiringHash(this.encoding) ? this.#word(INDEX) : 0;
    if (position >= HASH_SPACE) {
      const rank = index === 0 ? 0 : relocateNodes(arena, index, position - HASH_SPACE);
      return rank === 0 ? 0 : HASH_SPACE + rank;
    }
    const next = this.#fields.relocate(this.#body(), position, (record) => arena.relocate(record));
    return next === 0 && index !== 0 ? HASH_SPACE : next;
  }

  /** Bytes of the arena that the hash takes; the records of a table by a sample of this many. */
  memoryBytes(samples: number): number {
    const rootBytes = isExpiringHash(this.encoding) ? ROOT_BYTES : 0;
    if (this.#isPacked()) return rootBytes + this.#arena.capacityOf(this.#body());
    const { root, index } = this.#openTable();
    const indexBytes = index === 0 ? 0 : this.#expiries.memoryBytes(index);
    const tableBytes = this.#fields.sizeBytes(root) + sampleRecords(this.#arena, this.#fields, root, samples);
    return rootBytes + tableBytes + indexBytes;
  }

  #relocateRoots(): void {
    const arena = this.#arena;
    this.root = arena.relocate(this.root);
    if (!isExpiringHash(this.encoding)) return;
    this.#setWord(BODY, arena.relocate(this.#word(BODY)));
    if (this.#word(INDEX) !== 0) this.#setWord(INDEX, arena.relocate(this.#word(INDEX)));
  }

  #isPacked(): boolean {
    return this.encoding === Encoding.listpack || this.encoding === Encoding.listpackex;
  }

  #isPast(expireAtMs: number): boolean {
    return expireAtMs !== 0 && expireAtMs < this.#clock.expiredBeforeMs;
  }

  #word(word: number): number {
    return (this.#arena.words[this.root >>> 23] as Int32Array)[((this.root & 0x7fffff) << 1) + word] as number;
  }

  #setWord(word: number, value: number): void {
    (this.#arena.words[this.root >>> 23] as Int32Array)[((this.root & 0x7fffff) << 1) + word] = value;
  }

  /** Listpack or table. */
  #body(): number {
    return isExpiringHash(this.encoding) ? this.#word(BODY) : this.root;
  }

  #openPacked(): PackedFields {
    this.#packed.open(this.#body(), this.encoding === Encoding.listpack ? PAIRS : TRIPLES);
    return this.#packed;
  }

  #keepPacked(): void {
    if (this.encoding === Encoding.listpack) this.root = this.#packed.listpack;
    else this.#setWord(BODY, this.#packed.listpack);
  }

  #openTable(): FieldTable {
    if (this.encoding === Encoding.hashtable) this.#table.open(this.root, 0);
    else this.#table.open(this.#word(BODY), this.#word(INDEX));
    return this.#table;
  }

  #visit(beforeMs: number, visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void): void {
    if (this.#isPacked()) {
      this.#openPacked().forEach(beforeMs, visit);
      return;
    }
    const table = this.#openTable();
    this.#fields.forEach(table.root, (record) => {
      const expireAtMs = table.expireAtOf(record);
      if (expireAtMs !== 0 && expireAtMs < beforeMs) return;
      table.readField(record, this.#fieldSpan);
      table.readValue(record, this.#valueSpan);
      visit(this.#fieldSpan, this.#valueSpan, expireAtMs);
    });
  }

  #createRoot(body: number, index: number): number {
    const root = this.#arena.allocate(ROOT_BYTES);
    this.root = root;
    this.#setWord(BODY, body);
    this.#setWord(INDEX, index);
    this.listedMs = 0;
    return root;
  }

  /** Makes room for expiry times, whatever the size: in a table records get one as they need it. */
  #becomeExpiring(): void {
    if (this.encoding === Encoding.hashtable) {
      this.#createRoot(this.root, this.#expiries.create());
      this.encoding = Encoding.expiringTable;
      return;
    }
    const packed = this.#openPacked();
    packed.widen();
    this.#createRoot(packed.listpack, 0);
    this.encoding = Encoding.listpackex;
  }

  #convertToTable(): void {
    const packed = this.#openPacked();
    const { listpack } = packed;
    const isExpiring = isExpiringHash(this.encoding);
    const body = this.#fields.create(Math.min(packed.count + 1, LARGEST_FIRST_TABLE));
    const index = isExpiring ? this.#expiries.create() : 0;
    const table = this.#table;
    table.open(body, index);
    packed.forEach(0, (field, value, expireAtMs) => {
      table.set(field.buffer, field.offset, field.length, value.buffer, value.offset, value.length, false);
      if (expireAtMs !== 0) table.setExpiry(field.buffer, field.offset, field.length, expireAtMs);
    });
    this.#arena.free(listpack);
    this.encoding = isExpiring ? Encoding.expiringTable : Encoding.hashtable;
    if (!isExpiring) this.root = body;
    else {
      this.#setWord(BODY, body);
      this.#setWord(INDEX, index);
    }
  }
}
