/**
 * The fields of a large hash: records (field length and flag, value length, field, value, expiry time if flagged) in a hash
 * table. Fields with an expiry time are listed by it in an ordered index as well, as pairs of time and hash of the field,
 * so nothing but the table knows where a record lies; a hash without such fields has no index and pays nothing.
 * A FieldTable is a view: `open` it on table and index.
 */

import type { Arena } from "../memory/arena.ts";
import { copyBytes } from "../memory/arena-bytes.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import type { Dictionary } from "../memory/dictionary.ts";
import { FIELD_EXPIRY_FLAG, FIELD_LENGTH_MASK } from "../memory/dictionary-layout.ts";
import type { OrderedIndex } from "../memory/ordered-index.ts";

const FIELD_OFFSET = 8;
const EXPIRY_BYTES = 8;

export class FieldTable {
  root = 0;
  /** 0: no field has ever had an expiry time. */
  index = 0;
  readonly #arena: Arena;
  readonly #fields: Dictionary;
  readonly #expiries: OrderedIndex;
  #wantedMs = 0;
  readonly #hasWantedExpiry: (record: number) => boolean;

  constructor(arena: Arena, fields: Dictionary, expiries: OrderedIndex) {
    this.#arena = arena;
    this.#fields = fields;
    this.#expiries = expiries;
    this.#hasWantedExpiry = (record) => this.expireAtOf(record) === this.#wantedMs;
  }

  open(root: number, index: number): void {
    this.root = root;
    this.index = index;
  }

  /** The field's record, or 0. */
  find(field: Buffer, offset: number, length: number): number {
    return this.#fields.find(this.root, this.#fields.hash(field, offset, length), field, offset, length);
  }

  /** True if the field is new. An expiry time that it has is taken off, or kept. */
  set(
    field: Buffer,
    offset: number,
    length: number,
    value: Buffer,
    valueOffset: number,
    valueLength: number,
    keepsExpiry: boolean,
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
    } else if (this.index !== 0 && this.expireAtOf(record) !== 0) {
      record = this.#resizeExpiring(record, hash, valueLength, keepsExpiry);
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

  /** Gives a field, which must exist, an expiry time or none (0). There must be an index. */
  setExpiry(field: Buffer, offset: number, length: number, expireAtMs: number): void {
    const hash = this.#fields.hash(field, offset, length);
    const record = this.#fields.find(this.root, hash, field, offset, length);
    const before = this.expireAtOf(record);
    const used = FIELD_OFFSET + length + this.#valueLength(record);
    const moved = this.#arena.reallocate(record, used, used + (expireAtMs === 0 ? 0 : EXPIRY_BYTES));
    if (moved !== record) this.#fields.replaceFound(moved);
    this.#write(moved, 0, expireAtMs === 0 ? length : length | FIELD_EXPIRY_FLAG);
    if (expireAtMs !== 0) this.#writeExpiry(moved, used, expireAtMs);
    if (before !== 0) this.#expiries.delete(this.index, before, hash);
    if (expireAtMs !== 0) this.#expiries.insert(this.index, expireAtMs, hash);
  }

  /** False if there is no such field. */
  delete(field: Buffer, offset: number, length: number): boolean {
    const hash = this.#fields.hash(field, offset, length);
    const record = this.#fields.find(this.root, hash, field, offset, length);
    if (record === 0) return false;
    this.#removeFound(record, hash);
    return true;
  }

  /** When the first of all fields expires, 0 for never. */
  get earliest(): number {
    if (this.index === 0 || this.#expiries.count(this.index) === 0) return 0;
    this.#expiries.seek(this.index, 0);
    return this.#expiries.score;
  }

  expiredCount(beforeMs: number): number {
    return this.index === 0 ? 0 : this.#expiries.rankOfScore(this.index, beforeMs, false);
  }

  /** Takes the field out that expires first, after the span was shown its name. There must be one with a time. */
  takeEarliest(span: ByteSpan, visit: (field: ByteSpan) => void): void {
    this.#wantedMs = this.earliest;
    const hash = this.#expiries.record;
    const record = this.#fields.findHash(this.root, hash, this.#hasWantedExpiry);
    if (record === 0) throw new Error("The index of expiry times names a field that the hash does not have");
    this.readField(record, span);
    visit(span);
    this.#removeFound(record, hash);
  }

  /** When the field of this record expires, 0 for never. */
  expireAtOf(record: number): number {
    const length = (this.#arena.words[record >>> 23] as Int32Array)[(record & 0x7fffff) << 1] as number;
    if ((length & FIELD_EXPIRY_FLAG) === 0) return 0;
    const at = ((record & 0x7fffff) << 3) + FIELD_OFFSET + (length & FIELD_LENGTH_MASK) + this.#valueLength(record);
    return (this.#arena.wide[record >>> 23] as DataView).getFloat64(at, true);
  }

  readField(record: number, span: ByteSpan): void {
    const bytes = this.#arena.bytes[record >>> 23] as Buffer;
    span.set(bytes, ((record & 0x7fffff) << 3) + FIELD_OFFSET, this.#fieldLength(record));
  }

  readValue(record: number, span: ByteSpan): void {
    const bytes = this.#arena.bytes[record >>> 23] as Buffer;
    const start = ((record & 0x7fffff) << 3) + FIELD_OFFSET + this.#fieldLength(record);
    span.set(bytes, start, this.#valueLength(record));
  }

  /** The record that was just found goes. */
  #removeFound(record: number, hash: number): void {
    const expireAtMs = this.expireAtOf(record);
    this.#fields.removeFound(this.root);
    if (expireAtMs !== 0) this.#expiries.delete(this.index, expireAtMs, hash);
    this.#arena.free(record);
  }

  /** Makes room for another value in the record that was just found; its expiry time moves along, or goes. */
  #resizeExpiring(record: number, hash: number, valueLength: number, keepsExpiry: boolean): number {
    const expireAtMs = this.expireAtOf(record);
    const head = FIELD_OFFSET + this.#fieldLength(record);
    const size = head + valueLength + (keepsExpiry ? EXPIRY_BYTES : 0);
    const moved = this.#arena.reallocate(record, head, size);
    if (moved !== record) this.#fields.replaceFound(moved);
    if (keepsExpiry) this.#writeExpiry(moved, head + valueLength, expireAtMs);
    else {
      this.#write(moved, 0, head - FIELD_OFFSET);
      this.#expiries.delete(this.index, expireAtMs, hash);
    }
    return moved;
  }

  #write(record: number, word: number, value: number): void {
    (this.#arena.words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + word] = value;
  }

  #writeExpiry(record: number, offset: number, expireAtMs: number): void {
    const view = this.#arena.wide[record >>> 23] as DataView;
    view.setFloat64(((record & 0x7fffff) << 3) + offset, expireAtMs, true);
  }

  #fieldLength(record: number): number {
    const word = (this.#arena.words[record >>> 23] as Int32Array)[(record & 0x7fffff) << 1] as number;
    return word & FIELD_LENGTH_MASK;
  }

  #valueLength(record: number): number {
    return (this.#arena.words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + 1] as number;
  }
}
