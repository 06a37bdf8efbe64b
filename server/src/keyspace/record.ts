/**
 * A key with its value, as one block in the arena:
 *
 *   word 0   key length (16 bits) · type and encoding (8) · flags (8: bit 0 expiry, bit 1 wide key)
 *   word 1   length of the value
 *   word 2   time or frequency of use (24 bits) · id of the database (8)
 *   [8 bytes expiry time, ms since 1970]  [4 bytes key length, where it is above 65,535]  key  value
 *
 * A string's value is its bytes. A collection's value is the handle of its root block, so the record stays where it is when
 * the collection changes. Records with an expiry time lie in pages of their own kind: to get or lose one, a record moves.
 */

import { keySlot } from "@kvcluster/protocol/slots";
import type { Arena } from "../memory/arena.ts";
import { copyBytes } from "../memory/arena-bytes.ts";
import { CHUNK_SHIFT, GRANULE_MASK, type Handle, RECORD, VOLATILE_RECORD } from "../memory/arena-layout.ts";
import {
  RECORD_EXPIRY_FLAG,
  RECORD_EXPIRY_SHIFT,
  RECORD_KEY_LENGTH_MASK,
  RECORD_WIDE_KEY_FLAG,
  RECORD_WIDE_KEY_SHIFT,
} from "../memory/dictionary-layout.ts";
import { ValueType } from "../values/value-type.ts";
import { INTEGER_STRING } from "./string-encoding.ts";

/** No record has this expiry time: it means none. */
export const NO_EXPIRY = 0;
/** For setString: leave the expiry time as it is. */
export const KEEP_TTL = -1;

export const HEADER_BYTES = 12;
export const EXPIRY_BYTES = 8;
const WIDE_KEY_BYTES = 4;
const ROOT_HANDLE_BYTES = 4;
const EXPIRY_WORD = 3;
const ACCESS_MASK = 0xffffff;
const DATABASE_SHIFT = 24;
const WORD_RANGE = 2 ** 32;

export class Records {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** A record with everything but its value, which the caller writes at `valueOffset`. */
  create(
    typeByte: number,
    keyBuffer: Buffer,
    keyOffset: number,
    keyLength: number,
    valueLength: number,
    expireAtMs: number,
    access: number,
  ): Handle {
    const isVolatile = expireAtMs !== NO_EXPIRY;
    const isWide = keyLength > RECORD_KEY_LENGTH_MASK;
    const header = HEADER_BYTES + (isVolatile ? EXPIRY_BYTES : 0) + (isWide ? WIDE_KEY_BYTES : 0);
    const record = this.#arena.allocate(header + keyLength + valueLength, isVolatile ? VOLATILE_RECORD : RECORD);
    const words = this.#arena.words[record >>> CHUNK_SHIFT] as Int32Array;
    const at = (record & GRANULE_MASK) << 1;
    words[at] =
      (keyLength & RECORD_KEY_LENGTH_MASK) |
      (typeByte << 16) |
      (isVolatile ? RECORD_EXPIRY_FLAG : 0) |
      (isWide ? RECORD_WIDE_KEY_FLAG : 0);
    words[at + 1] = valueLength;
    words[at + 2] = access;
    if (isVolatile) this.#writeExpiry(words, at, expireAtMs);
    const start = (at << 2) + header;
    if (isWide) words[(start >>> 2) - 1] = keyLength;
    copyBytes(this.#arena.bytes[record >>> CHUNK_SHIFT] as Buffer, start, keyBuffer, keyOffset, keyLength);
    return record;
  }

  /** A record with this key and the value, expiry time and use of another one. */
  createLike(record: Handle, keyBuffer: Buffer, keyOffset: number, keyLength: number, expireAtMs: number): Handle {
    const length = this.valueLength(record);
    const typeByte = this.typeByteOf(record);
    const created = this.create(typeByte, keyBuffer, keyOffset, keyLength, length, expireAtMs, this.accessWord(record));
    const target = this.#arena.bytes[created >>> CHUNK_SHIFT] as Buffer;
    copyBytes(target, this.valueOffset(created), this.bytesOf(record), this.valueOffset(record), length);
    return created;
  }

  /** A copy of a record in a block with room for a value of this length. */
  createWithRoom(record: Handle, room: number): Handle {
    const offset = this.keyOffset(record);
    const length = this.keyLength(record);
    const bytes = this.bytesOf(record);
    const expireAtMs = this.expireAtOf(record);
    const access = this.accessWord(record);
    const created = this.create(this.typeByteOf(record), bytes, offset, length, room, expireAtMs, access);
    copyBytes(
      this.bytesOf(created),
      this.valueOffset(created),
      bytes,
      this.valueOffset(record),
      this.valueLength(record),
    );
    return created;
  }

  /** Whether the record is of a string, and a value of this length can be written over it. */
  canHoldString(record: Handle, valueLength: number): boolean {
    if (this.typeOf(record) !== ValueType.string) return false;
    const size = this.sizeBytes(this.keyLength(record), valueLength, this.isVolatile(record));
    return this.#arena.isSameClass(record, size);
  }

  /** What a record of this shape takes, before rounding to its class. */
  sizeBytes(keyLength: number, valueLength: number, isVolatile: boolean): number {
    const wide = keyLength > RECORD_KEY_LENGTH_MASK ? WIDE_KEY_BYTES : 0;
    return HEADER_BYTES + (isVolatile ? EXPIRY_BYTES : 0) + wide + keyLength + valueLength;
  }

  /** Puts an integer's digits into a record that may be changed in place, if it holds an integer of as many. */
  overwriteInteger(record: Handle, digits: Buffer, length: number): boolean {
    if (this.typeByteOf(record) !== INTEGER_STRING || this.valueLength(record) !== length) return false;
    copyBytes(this.bytesOf(record), this.valueOffset(record), digits, 0, length);
    return true;
  }

  bytesOf(record: Handle): Buffer {
    return this.#arena.bytes[record >>> CHUNK_SHIFT] as Buffer;
  }

  typeByteOf(record: Handle): number {
    return ((this.#words(record)[(record & GRANULE_MASK) << 1] as number) >>> 16) & 0xff;
  }

  typeOf(record: Handle): number {
    return ((this.#words(record)[(record & GRANULE_MASK) << 1] as number) >>> 20) & 15;
  }

  encodingOf(record: Handle): number {
    return ((this.#words(record)[(record & GRANULE_MASK) << 1] as number) >>> 16) & 15;
  }

  setTypeByte(record: Handle, typeByte: number): void {
    const words = this.#words(record);
    const at = (record & GRANULE_MASK) << 1;
    words[at] = ((words[at] as number) & ~0xff0000) | (typeByte << 16);
  }

  isVolatile(record: Handle): boolean {
    return ((this.#words(record)[(record & GRANULE_MASK) << 1] as number) & RECORD_EXPIRY_FLAG) !== 0;
  }

  /** Milliseconds since 1970, or NO_EXPIRY. */
  expireAtOf(record: Handle): number {
    const words = this.#words(record);
    const at = (record & GRANULE_MASK) << 1;
    if (((words[at] as number) & RECORD_EXPIRY_FLAG) === 0) return NO_EXPIRY;
    return (words[at + EXPIRY_WORD + 1] as number) * WORD_RANGE + ((words[at + EXPIRY_WORD] as number) >>> 0);
  }

  /** Only for a record that has an expiry time. */
  setExpireAt(record: Handle, expireAtMs: number): void {
    this.#writeExpiry(this.#words(record), (record & GRANULE_MASK) << 1, expireAtMs);
  }

  keyLength(record: Handle): number {
    const words = this.#words(record);
    const at = (record & GRANULE_MASK) << 1;
    const first = words[at] as number;
    if ((first & RECORD_WIDE_KEY_FLAG) === 0) return first & RECORD_KEY_LENGTH_MASK;
    return words[at + EXPIRY_WORD + ((first & RECORD_EXPIRY_FLAG) === 0 ? 0 : 2)] as number;
  }

  /** The cluster slot of the key. */
  slotOf(record: Handle): number {
    return keySlot(this.bytesOf(record), this.keyOffset(record), this.keyLength(record));
  }

  keyOffset(record: Handle): number {
    const at = (record & GRANULE_MASK) << 1;
    const first = this.#words(record)[at] as number;
    return (at << 2) + HEADER_BYTES + ((first >>> RECORD_EXPIRY_SHIFT) & 8) + ((first >>> RECORD_WIDE_KEY_SHIFT) & 4);
  }

  valueOffset(record: Handle): number {
    return this.keyOffset(record) + this.keyLength(record);
  }

  valueLength(record: Handle): number {
    return this.#words(record)[((record & GRANULE_MASK) << 1) + 1] as number;
  }

  setValueLength(record: Handle, length: number): void {
    this.#words(record)[((record & GRANULE_MASK) << 1) + 1] = length;
  }

  databaseIdOf(record: Handle): number {
    return (this.#words(record)[((record & GRANULE_MASK) << 1) + 2] as number) >>> DATABASE_SHIFT;
  }

  setDatabaseId(record: Handle, id: number): void {
    const at = ((record & GRANULE_MASK) << 1) + 2;
    const words = this.#words(record);
    words[at] = ((words[at] as number) & ACCESS_MASK) | (id << DATABASE_SHIFT);
  }

  /** The 24 bits of use, with the database's id above them. */
  accessWord(record: Handle): number {
    return this.#words(record)[((record & GRANULE_MASK) << 1) + 2] as number;
  }

  accessOf(record: Handle): number {
    return this.accessWord(record) & ACCESS_MASK;
  }

  setAccess(record: Handle, access: number): void {
    const at = ((record & GRANULE_MASK) << 1) + 2;
    const words = this.#words(record);
    const old = words[at] as number;
    if ((old & ACCESS_MASK) !== access) words[at] = (old & ~ACCESS_MASK) | access;
  }

  /** The root block of a collection. It lies after the key, so in general not on a word boundary. */
  rootOf(record: Handle): Handle {
    const bytes = this.bytesOf(record);
    const at = this.valueOffset(record);
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  setRoot(record: Handle, root: Handle): void {
    const bytes = this.bytesOf(record);
    const at = this.valueOffset(record);
    bytes[at] = root;
    bytes[at + 1] = root >>> 8;
    bytes[at + 2] = root >>> 16;
    bytes[at + 3] = root >>> 24;
  }

  get rootBytes(): number {
    return ROOT_HANDLE_BYTES;
  }

  #words(record: Handle): Int32Array {
    return this.#arena.words[record >>> CHUNK_SHIFT] as Int32Array;
  }

  #writeExpiry(words: Int32Array, at: number, expireAtMs: number): void {
    words[at + EXPIRY_WORD] = expireAtMs | 0;
    words[at + EXPIRY_WORD + 1] = Math.floor(expireAtMs / WORD_RANGE);
  }
}
