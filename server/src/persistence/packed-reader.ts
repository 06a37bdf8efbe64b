/**
 * Collections that an RDB file holds as one block: listpacks and intsets, which are checked and offered to the handler
 * whole, and the older ziplists and zipmaps, which are always told element by element.
 */

import type { ByteSpan } from "../memory/byte-span.ts";
import { ByteSpan as Span } from "../memory/byte-span.ts";
import { parseDouble } from "../memory/double-parse.ts";
import { Int64 } from "../memory/int64.ts";
import { isValidIntset } from "../memory/intset.ts";
import { isValidListpack, LISTPACK_HEADER } from "../memory/listpack.ts";
import { LISTPACK_END, nextEntry, readEntry } from "../memory/listpack-entry.ts";
import { PAIRS, TRIPLES } from "../values/packed-fields.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { ZiplistWalk, ZipmapWalk } from "./old-packed.ts";
import { LATEST_FIELD_EXPIRY_MS, RDB_TYPES, RdbType } from "./rdb-format.ts";
import type { RdbHandler, RdbKey } from "./rdb-reader.ts";

const INTSET_HEADER = 8;

/** Fills the span with the next entry; false at the end and at damage. */
interface EntryWalk {
  next(span: ByteSpan): boolean;
  readonly isDamaged: boolean;
}

export class PackedReader {
  readonly #handler: RdbHandler;
  readonly #first = new Span();
  readonly #second = new Span();
  readonly #third = new Span();
  readonly #integer = new Int64();

  readonly #refusesDuplicates: boolean;

  constructor(handler: RdbHandler, refusesDuplicates: boolean) {
    this.#handler = handler;
    this.#refusesDuplicates = refusesDuplicates;
  }

  /** Tells the handler the value; false if the block is damaged. */
  read(rdbType: number, key: RdbKey, block: ByteSpan): boolean {
    const { buffer, offset, length } = block;
    const [type, encoding] = RDB_TYPES[rdbType] as readonly [ValueType, Encoding];
    if (encoding === Encoding.intset) return this.#readIntset(key, block);
    if (encoding === Encoding.listpackex) return this.#readTriples(key, block);
    if (encoding === Encoding.listpack) {
      if (!isValidListpack(buffer, offset, length)) return false;
      if (!hasWholePairs(type, new ListpackWalk(buffer, offset), this.#first)) return false;
      if (this.#refusesDuplicates && hasDuplicates(new ListpackWalk(buffer, offset), entriesOfEach(type), this.#first))
        return false;
      if (this.#handler.packed(key, type, encoding, block)) return true;
      return this.#tell(key, type, new ListpackWalk(buffer, offset));
    }
    const isZipmap = rdbType === RdbType.hashZipmap;
    return this.#tell(
      key,
      type,
      isZipmap ? new ZipmapWalk(buffer, offset, length) : new ZiplistWalk(buffer, offset, length),
    );
  }

  readListpackElements(block: ByteSpan): boolean {
    if (!isValidListpack(block.buffer, block.offset, block.length)) return false;
    return this.#tellElements(new ListpackWalk(block.buffer, block.offset));
  }

  readZiplistElements(block: ByteSpan): boolean {
    return this.#tellElements(new ZiplistWalk(block.buffer, block.offset, block.length));
  }

  #readIntset(key: RdbKey, block: ByteSpan): boolean {
    const { buffer, offset, length } = block;
    if (!isValidIntset(buffer, offset, length, this.#integer)) return false;
    if (this.#handler.packed(key, ValueType.set, Encoding.intset, block)) return true;
    const width = buffer.readUInt32LE(offset);
    this.#handler.begin(key, ValueType.set, (length - INTSET_HEADER) / width);
    for (let at = offset + INTSET_HEADER; at < offset + length; at += width) {
      const low = width === 2 ? buffer.readInt16LE(at) : buffer.readInt32LE(at);
      this.#first.setInteger(width === 8 ? buffer.readInt32LE(at + 4) : low >> 31, low);
      this.#handler.element(this.#first);
    }
    this.#handler.end(key);
    return true;
  }

  /** Fields, values and expiry times; damaged too if a time is none, or if they are out of order. */
  #readTriples(key: RdbKey, block: ByteSpan): boolean {
    const { buffer, offset, length } = block;
    if (!isValidListpack(buffer, offset, length)) return false;
    let lastMs = 0;
    let isWhole = true;
    this.#forEachTriple(block, (_field, _value, expireAtMs) => {
      if (Number.isNaN(expireAtMs) || !(expireAtMs >= 0 && expireAtMs <= LATEST_FIELD_EXPIRY_MS)) isWhole = false;
      else if (expireAtMs !== 0 && expireAtMs < lastMs) isWhole = false;
      lastMs = expireAtMs === 0 ? Number.POSITIVE_INFINITY : expireAtMs;
    });
    if (!isWhole) return false;
    if (this.#refusesDuplicates && hasDuplicates(new ListpackWalk(buffer, offset), TRIPLES, this.#first)) return false;
    if (this.#handler.packed(key, ValueType.hash, Encoding.listpackex, block)) return true;
    this.#handler.begin(key, ValueType.hash, 0);
    this.#forEachTriple(block, (field, value, expireAtMs) => this.#handler.field(field, value, expireAtMs));
    this.#handler.end(key);
    return true;
  }

  /** The time is not a number where there is none. */
  #forEachTriple(block: ByteSpan, visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void): void {
    const walk = new ListpackWalk(block.buffer, block.offset);
    while (walk.next(this.#first)) {
      const isWhole = walk.next(this.#second) && walk.next(this.#third);
      const { buffer, offset, length } = this.#third;
      const isTime = isWhole && this.#integer.parse(buffer, offset, length);
      visit(this.#first, this.#second, isTime ? this.#integer.toNumber() : Number.NaN);
    }
  }

  #tell(key: RdbKey, type: ValueType, walk: EntryWalk): boolean {
    this.#handler.begin(key, type, 0);
    let isGood = true;
    if (type === ValueType.list || type === ValueType.set) isGood = this.#tellElements(walk);
    else isGood = this.#tellPairs(type, walk);
    this.#handler.end(key);
    return isGood;
  }

  #tellElements(walk: EntryWalk): boolean {
    while (walk.next(this.#first)) this.#handler.element(this.#first);
    return !walk.isDamaged;
  }

  #tellPairs(type: ValueType, walk: EntryWalk): boolean {
    while (walk.next(this.#first)) {
      if (!walk.next(this.#second)) return false;
      if (type === ValueType.hash) {
        this.#handler.field(this.#first, this.#second, 0);
        continue;
      }
      const { buffer, offset, length } = this.#second;
      const score = parseDouble(buffer, offset, length);
      if (Number.isNaN(score)) return false;
      this.#handler.member(this.#first, score);
    }
    return !walk.isDamaged;
  }
}

/** Walks a listpack that was found valid. */
class ListpackWalk implements EntryWalk {
  readonly isDamaged = false;
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.#at = offset + LISTPACK_HEADER;
  }

  next(span: ByteSpan): boolean {
    if (this.#bytes[this.#at] === LISTPACK_END) return false;
    readEntry(this.#bytes, this.#at, span);
    this.#at = nextEntry(this.#bytes, this.#at);
    return true;
  }
}

/** A hash or sorted set has two entries for each field or member; the second one of a member is its score. */
function hasWholePairs(type: ValueType, walk: ListpackWalk, span: ByteSpan): boolean {
  if (type !== ValueType.hash && type !== ValueType.sortedSet) return true;
  while (walk.next(span)) {
    if (!walk.next(span)) return false;
    if (type === ValueType.sortedSet && Number.isNaN(parseDouble(span.buffer, span.offset, span.length))) return false;
  }
  return true;
}

/** Entries of a listpack for each element: a list may have elements twice, so it is one element here. */
function entriesOfEach(type: ValueType): number {
  if (type === ValueType.list) return Number.POSITIVE_INFINITY;
  return type === ValueType.set ? 1 : PAIRS;
}

/** Whether a member of a set or sorted set, or a field of a hash, is there twice. */
function hasDuplicates(walk: ListpackWalk, entries: number, span: ByteSpan): boolean {
  const names = new Set<string>();
  let count = 0;
  for (let k = 0; walk.next(span); k++) {
    if (k % entries !== 0) continue;
    names.add(span.buffer.toString("latin1", span.offset, span.offset + span.length));
    count++;
  }
  return names.size !== count;
}
