/**
 * The fields of a small hash as a listpack: field and value in turn, or field, value and expiry time (ms since 1970, 0 for
 * none) once a field has got one. Triples are in order of their time, those without at the end: what Redis keeps, byte for
 * byte. A PackedFields is a view: `open` it on a listpack, work, then keep `listpack`. Positions are those of a field.
 */

import type { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import {
  appendToListpack,
  createListpack,
  deleteFromListpack,
  findInListpack,
  insertInListpack,
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
import { EncodedEntry, nextEntry, readIntegerEntry } from "../memory/listpack-entry.ts";

/** Entries a field takes. */
export const PAIRS = 2;
export const TRIPLES = 3;
const NO_EXPIRY_ENTRY_BYTES = 2;

export class PackedFields {
  listpack = 0;
  #width = PAIRS;
  readonly #arena: Arena;
  readonly #entry = new EncodedEntry();
  readonly #integer = new Int64();
  readonly #fieldSpan = new ByteSpan();
  readonly #valueSpan = new ByteSpan();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  open(listpack: number, width: number): void {
    this.listpack = listpack;
    this.#width = width;
  }

  get count(): number {
    const entries = listpackCount(this.#arena, this.listpack);
    return this.#width === PAIRS ? entries >>> 1 : Math.floor(entries / TRIPLES);
  }

  /** Position of the field, or NOT_FOUND. */
  find(field: Buffer, offset: number, length: number): number {
    this.#entry.encode(field, offset, length);
    return findInListpack(this.#arena, this.listpack, LISTPACK_HEADER, this.#entry, this.#width === PAIRS ? 1 : 2);
  }

  /** Position of the field with this index, which must exist. */
  seek(index: number): number {
    return seekListpack(this.#arena, this.listpack, index * this.#width);
  }

  readField(position: number, span: ByteSpan): void {
    readListpack(this.#arena, this.listpack, position, span);
  }

  readValue(position: number, span: ByteSpan): void {
    readListpack(this.#arena, this.listpack, nextPosition(this.#arena, this.listpack, position), span);
  }

  /** When the field expires, 0 for never. */
  expireAtOf(position: number): number {
    if (this.#width === PAIRS) return 0;
    return this.#timeAt(this.#timePosition(position));
  }

  /** When the first of all fields expires, 0 for never. */
  get earliest(): number {
    return this.count === 0 ? 0 : this.expireAtOf(LISTPACK_HEADER);
  }

  /** Fields whose time was before this moment. */
  expiredCount(beforeMs: number): number {
    if (this.#width === PAIRS) return 0;
    let expired = 0;
    this.#walkTimes((expireAtMs) => {
      if (expireAtMs === 0 || expireAtMs >= beforeMs) return false;
      expired++;
      return true;
    });
    return expired;
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
    const entry = this.#entry;
    const position = this.find(field, offset, length);
    if (position !== NOT_FOUND) {
      entry.encode(value, valueOffset, valueLength);
      this.listpack = replaceInListpack(arena, this.listpack, nextPosition(arena, this.listpack, position), entry);
      if (!keepsExpiry && this.expireAtOf(position) !== 0) this.setExpiry(position, 0);
      return false;
    }
    this.listpack = appendToListpack(arena, this.listpack, entry);
    entry.encode(value, valueOffset, valueLength);
    this.listpack = appendToListpack(arena, this.listpack, entry);
    if (this.#width === TRIPLES) {
      entry.encodeInt64(0, 0);
      this.listpack = appendToListpack(arena, this.listpack, entry);
    }
    return true;
  }

  /** Gives a field of triples an expiry time, or none (0), and its place in the order. */
  setExpiry(position: number, expireAtMs: number): void {
    const arena = this.#arena;
    const entry = this.#entry;
    const next = this.#next(position);
    const place = this.#placeOf(expireAtMs);
    if (place === position || place === next) {
      this.#encodeTime(expireAtMs);
      this.listpack = replaceInListpack(arena, this.listpack, this.#timePosition(position), entry);
      return;
    }
    this.readField(position, this.#fieldSpan);
    this.readValue(position, this.#valueSpan);
    const texts = [this.#fieldSpan.toBuffer(), this.#valueSpan.toBuffer()];
    this.delete(position);
    let at = place < position ? place : place - (next - position);
    for (const text of texts) {
      entry.encode(text, 0, text.length);
      this.listpack = insertInListpack(arena, this.listpack, at, entry);
      at += entry.size;
    }
    this.#encodeTime(expireAtMs);
    this.listpack = insertInListpack(arena, this.listpack, at, entry);
  }

  delete(position: number): void {
    this.listpack = deleteFromListpack(this.#arena, this.listpack, position, this.#width);
  }

  /** Makes triples of pairs. */
  widen(): void {
    const arena = this.#arena;
    const pairs = this.listpack;
    const entry = this.#entry;
    let triples = createListpack(arena, listpackBytes(arena, pairs) + this.count * NO_EXPIRY_ENTRY_BYTES);
    this.forEach(0, (field, value) => {
      entry.encodeSpan(field);
      triples = appendToListpack(arena, triples, entry);
      entry.encodeSpan(value);
      triples = appendToListpack(arena, triples, entry);
      entry.encodeInt64(0, 0);
      triples = appendToListpack(arena, triples, entry);
    });
    arena.free(pairs);
    this.open(triples, TRIPLES);
  }

  /** Visits every field that had not expired before this moment, with two reused spans. */
  forEach(beforeMs: number, visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void): void {
    const arena = this.#arena;
    const { listpack } = this;
    const fieldSpan = this.#fieldSpan;
    const valueSpan = this.#valueSpan;
    const isTriples = this.#width === TRIPLES;
    const end = listpackEnd(arena, listpack);
    for (let at = LISTPACK_HEADER; at !== end; ) {
      readListpack(arena, listpack, at, fieldSpan);
      at = nextPosition(arena, listpack, at);
      readListpack(arena, listpack, at, valueSpan);
      at = nextPosition(arena, listpack, at);
      let expireAtMs = 0;
      if (isTriples) {
        expireAtMs = this.#timeAt(at);
        at = nextPosition(arena, listpack, at);
        if (expireAtMs !== 0 && expireAtMs < beforeMs) continue;
      }
      visit(fieldSpan, valueSpan, expireAtMs);
    }
  }

  #next(position: number): number {
    let at = position;
    for (let left = this.#width; left > 0; left--) at = nextPosition(this.#arena, this.listpack, at);
    return at;
  }

  #timeAt(position: number): number {
    const { listpack } = this;
    const bytes = this.#arena.bytes[listpack >>> 23] as Buffer;
    readIntegerEntry(bytes, ((listpack & 0x7fffff) << 3) + position, this.#integer);
    return this.#integer.toNumber();
  }

  #timePosition(position: number): number {
    return nextPosition(this.#arena, this.listpack, nextPosition(this.#arena, this.listpack, position));
  }

  #encodeTime(expireAtMs: number): void {
    this.#integer.setNumber(expireAtMs);
    this.#entry.encodeInt64(this.#integer.high, this.#integer.low);
  }

  /** Where a field with this time belongs: behind those of the same time. */
  #placeOf(expireAtMs: number): number {
    if (expireAtMs === 0) return listpackEnd(this.#arena, this.listpack);
    return this.#walkTimes((other) => other !== 0 && other <= expireAtMs);
  }

  /** Goes over the fields while their times are accepted; gives the position of the first that is not, or the end. */
  #walkTimes(accepts: (expireAtMs: number) => boolean): number {
    const bytes = this.#arena.bytes[this.listpack >>> 23] as Buffer;
    const start = (this.listpack & 0x7fffff) << 3;
    const end = start + listpackEnd(this.#arena, this.listpack);
    let at = start + LISTPACK_HEADER;
    while (at !== end) {
      const time = nextEntry(bytes, nextEntry(bytes, at));
      readIntegerEntry(bytes, time, this.#integer);
      if (!accepts(this.#integer.toNumber())) break;
      at = nextEntry(bytes, time);
    }
    return at - start;
  }
}
