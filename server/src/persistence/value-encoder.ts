/**
 * Writes a record of the keyspace as RDB: expiry, type, key, value. What is packed in memory is a copy in the file. Sets in
 * a listpack go out member by member, because redis-server 7.0 does not know that type; hashes whose fields had an expiry
 * time, and have none now, as plain ones.
 *
 * It may be called in the middle of any command, for the old content of a block that is about to change; so it has views
 * of its own and changes nothing. What is large can be written in pieces, between which an encoder with other views may
 * write other records, elsewhere.
 */

import type { Records } from "../keyspace/record.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import type { Collections } from "../values/collections.ts";
import type { HashValue } from "../values/hash.ts";
import type { ListValue } from "../values/list.ts";
import type { SetValue } from "../values/set.ts";
import type { SortedSetValue } from "../values/sorted-set.ts";
import type { StreamValue } from "../values/stream.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { finishPieces, type Pieces } from "./pieces.ts";
import { Opcode, QuicklistNode, RdbType } from "./rdb-format.ts";
import { LONGEST_COMPRESSED, type RdbOutput } from "./rdb-output.ts";
import { streamPieces } from "./stream-encoder.ts";

/** About what a piece holds. */
const PIECE_BYTES = 256 << 10;
const PIECE_ELEMENTS = 64;

export interface ValueEncoderOptions {
  /** Large sorted sets in the order of Redis, for DUMP. */
  readonly isHighestFirst?: boolean;
  /** Writes how a key has been used, where that is kept. */
  readonly writeAccess?: (record: number) => void;
}

export class ValueEncoder {
  readonly #records: Records;
  readonly #output: RdbOutput;
  readonly #list: ListValue;
  readonly #set: SetValue;
  readonly #hash: HashValue;
  readonly #sortedSet: SortedSetValue;
  readonly #stream: StreamValue;
  readonly #span = new ByteSpan();
  readonly #writeMember: (member: ByteSpan) => void;
  readonly #writeField: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void;
  #earliestMs = 0;

  readonly #isHighestFirst: boolean;
  readonly #writeAccess: (record: number) => void;

  constructor(records: Records, collections: Collections, output: RdbOutput, options: ValueEncoderOptions = {}) {
    this.#isHighestFirst = options.isHighestFirst ?? false;
    this.#writeAccess = options.writeAccess ?? (() => undefined);
    this.#records = records;
    this.#output = output;
    this.#list = collections.createListView();
    this.#set = collections.createSetView();
    this.#hash = collections.createHashView();
    this.#sortedSet = collections.createSortedSetView();
    this.#stream = collections.createStreamView();
    this.#writeMember = (member) => output.string(member.buffer, member.offset, member.length);
    this.#writeField = (field, value, expireAtMs) => {
      // Relative to the earliest of the hash, and one more: 0 is for none.
      if (this.#earliestMs !== 0) output.length(expireAtMs === 0 ? 0 : expireAtMs - this.#earliestMs + 1);
      output.string(field.buffer, field.offset, field.length);
      output.string(value.buffer, value.offset, value.length);
    };
  }

  write(record: number): void {
    this.#writeKey(record);
    this.#writeContent(record);
  }

  /** The same in pieces. */
  *pieces(record: number): Pieces {
    this.#writeKey(record);
    yield;
    const records = this.#records;
    const type = records.typeOf(record);
    if (type === ValueType.string) {
      yield* this.#stringPieces(records.bytesOf(record), records.valueOffset(record), records.valueLength(record));
    } else {
      const encoding = records.encodingOf(record);
      if (!this.#writePacked(type, encoding, records.rootOf(record))) yield* this.#collectionPieces(type);
    }
  }

  /** The value alone, behind its type. */
  writeValue(record: number): void {
    this.#output.byte(this.#rdbTypeOf(record));
    this.#writeContent(record);
  }

  #writeKey(record: number): void {
    const records = this.#records;
    const output = this.#output;
    if (records.isVolatile(record)) {
      output.byte(Opcode.expireMs);
      output.int64(records.expireAtOf(record));
    }
    this.#writeAccess(record);
    output.byte(this.#rdbTypeOf(record));
    output.string(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
  }

  #writeContent(record: number): void {
    const records = this.#records;
    const type = records.typeOf(record);
    if (type === ValueType.string) {
      this.#output.string(records.bytesOf(record), records.valueOffset(record), records.valueLength(record));
    } else if (!this.#writePacked(type, records.encodingOf(record), records.rootOf(record))) {
      finishPieces(this.#collectionPieces(type));
    }
  }

  /** Opens the collection; true if its form in memory is a small one, which is written then. */
  #writePacked(type: number, encoding: number, root: number): boolean {
    switch (type) {
      case ValueType.list:
        this.#list.open(root, encoding);
        return false;
      case ValueType.set:
        this.#set.open(root, encoding);
        if (encoding !== Encoding.intset) return false;
        this.#set.readPacked(this.#span);
        break;
      case ValueType.hash:
        if (!this.#openHash(root, encoding)) return false;
        this.#hash.readPacked(this.#span);
        break;
      case ValueType.stream:
        this.#stream.open(root, encoding);
        return false;
      default:
        this.#sortedSet.open(root, encoding);
        if (encoding !== Encoding.listpack) return false;
        this.#sortedSet.readPacked(this.#span);
    }
    this.#writeSpan();
    return true;
  }

  /** Whether it is written as the listpack that it is; its earliest expiry time goes ahead of either form. */
  #openHash(root: number, encoding: number): boolean {
    this.#hash.open(root, encoding);
    this.#earliestMs = this.#hash.earliest;
    if (this.#earliestMs !== 0) this.#output.int64(this.#earliestMs);
    return encoding === Encoding.listpack || (encoding === Encoding.listpackex && this.#earliestMs !== 0);
  }

  /** Of the view that is open. */
  #collectionPieces(type: number): Pieces {
    switch (type) {
      case ValueType.list:
        return this.#listPieces();
      case ValueType.set:
        return this.#setPieces();
      case ValueType.hash:
        return this.#hashPieces(this.#earliestMs);
      case ValueType.stream:
        return streamPieces(this.#output, this.#stream, this.#span);
      default:
        return this.#sortedSetPieces();
    }
  }

  *#stringPieces(bytes: Buffer, offset: number, length: number): Pieces {
    if (length <= LONGEST_COMPRESSED) {
      this.#output.string(bytes, offset, length);
      return;
    }
    this.#output.length(length);
    for (let done = 0; done < length; done += PIECE_BYTES) {
      this.#output.raw(bytes, offset + done, Math.min(PIECE_BYTES, length - done));
      yield;
    }
  }

  *#listPieces(): Pieces {
    const list = this.#list;
    const blocks = list.blockCount;
    this.#output.length(blocks);
    for (let block = 0; block < blocks; block++) {
      this.#output.length(QuicklistNode.packed);
      list.readBlock(block, this.#span);
      const { buffer, offset, length } = this.#span;
      yield* this.#stringPieces(buffer, offset, length);
      yield;
    }
  }

  *#setPieces(): Pieces {
    const set = this.#set;
    this.#output.length(set.count);
    if (set.encoding !== Encoding.hashtable) {
      set.forEach(this.#writeMember);
      return;
    }
    let cursor = 0;
    do {
      cursor = set.scan(cursor, PIECE_ELEMENTS, this.#writeMember);
      yield;
    } while (cursor !== 0);
  }

  *#hashPieces(earliestMs: number): Pieces {
    const hash = this.#hash;
    this.#output.length(hash.count);
    if (hash.encoding !== Encoding.hashtable && hash.encoding !== Encoding.expiringTable) {
      hash.forEachStored(this.#writeField);
      return;
    }
    let cursor = 0;
    do {
      this.#earliestMs = earliestMs;
      cursor = hash.scanStored(cursor, PIECE_ELEMENTS, this.#writeField);
      yield;
    } while (cursor !== 0);
  }

  /** A file has them from the lowest score up: the order in which our own index fills best. */
  *#sortedSetPieces(): Pieces {
    const view = this.#sortedSet;
    const count = view.count;
    this.#output.length(count);
    view.seek(this.#isHighestFirst ? count - 1 : 0);
    for (let left = count; left > 0; left--) {
      view.readMember(this.#span);
      this.#writeSpan();
      this.#output.double(view.scoreAtCursor);
      if (left === 1) return;
      if (this.#isHighestFirst) view.previous();
      else view.next();
      if (left % PIECE_ELEMENTS === 0) yield;
    }
  }

  #rdbTypeOf(record: number): number {
    const type = this.#records.typeOf(record);
    const encoding = this.#records.encodingOf(record);
    if (type !== ValueType.hash) return rdbTypeOf(type, encoding);
    this.#hash.open(this.#records.rootOf(record), encoding);
    return hashTypeOf(encoding, this.#hash.earliest !== 0);
  }

  #writeSpan(): void {
    this.#output.string(this.#span.buffer, this.#span.offset, this.#span.length);
  }
}

function hashTypeOf(encoding: number, hasExpiry: boolean): number {
  if (encoding === Encoding.listpack) return RdbType.hashListpack;
  if (!hasExpiry) return RdbType.hash;
  return encoding === Encoding.listpackex ? RdbType.hashListpackExpiry : RdbType.hashFieldExpiry;
}

function rdbTypeOf(type: number, encoding: number): number {
  switch (type) {
    case ValueType.string:
      return RdbType.string;
    case ValueType.list:
      return RdbType.listQuicklist2;
    case ValueType.set:
      return encoding === Encoding.intset ? RdbType.setIntset : RdbType.set;
    case ValueType.stream:
      return RdbType.streamListpacks2;
    default:
      return encoding === Encoding.listpack ? RdbType.sortedSetListpack : RdbType.sortedSetBinary;
  }
}
