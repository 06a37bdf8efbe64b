/**
 * Writes a record of the keyspace as RDB: expiry, type, key, value. What is packed in memory is a copy in the file. Sets in
 * a listpack go out member by member, because redis-server 7.0 does not know that type; hashes whose fields had an expiry
 * time, and have none now, as plain ones.
 *
 * It may be called in the middle of any command, for the old content of a block that is about to change; so it has views
 * of its own and changes nothing. A collection is written whole: values so large that this is felt come with the
 * resumable snapshot of big values.
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
import { Opcode, QuicklistNode, RdbType } from "./rdb-format.ts";
import type { RdbOutput } from "./rdb-output.ts";
import { writeStream } from "./stream-encoder.ts";

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

  /** `isHighestFirst`: large sorted sets in the order of Redis, for DUMP. */
  constructor(records: Records, collections: Collections, output: RdbOutput, isHighestFirst = false) {
    this.#isHighestFirst = isHighestFirst;
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
    const records = this.#records;
    const output = this.#output;
    if (records.isVolatile(record)) {
      output.byte(Opcode.expireMs);
      output.int64(records.expireAtOf(record));
    }
    const type = records.typeOf(record);
    const encoding = records.encodingOf(record);
    output.byte(this.#rdbTypeOf(type, encoding, record));
    const bytes = records.bytesOf(record);
    output.string(bytes, records.keyOffset(record), records.keyLength(record));
    this.#writeContent(record, type, encoding);
  }

  /** The value alone, behind its type. */
  writeValue(record: number): void {
    const type = this.#records.typeOf(record);
    const encoding = this.#records.encodingOf(record);
    this.#output.byte(this.#rdbTypeOf(type, encoding, record));
    this.#writeContent(record, type, encoding);
  }

  #writeContent(record: number, type: number, encoding: number): void {
    const records = this.#records;
    if (type === ValueType.string) {
      this.#output.string(records.bytesOf(record), records.valueOffset(record), records.valueLength(record));
    } else this.#writeCollection(type, encoding, records.rootOf(record));
  }

  #writeCollection(type: number, encoding: number, root: number): void {
    switch (type) {
      case ValueType.list:
        this.#list.open(root, encoding);
        this.#writeList();
        break;
      case ValueType.set:
        this.#set.open(root, encoding);
        this.#writeSet();
        break;
      case ValueType.hash:
        this.#hash.open(root, encoding);
        this.#writeHash();
        break;
      case ValueType.stream:
        this.#stream.open(root, encoding);
        writeStream(this.#output, this.#stream, this.#span);
        break;
      default:
        this.#sortedSet.open(root, encoding);
        this.#writeSortedSet();
    }
  }

  #writeList(): void {
    const blocks = this.#list.blockCount;
    this.#output.length(blocks);
    for (let block = 0; block < blocks; block++) {
      this.#output.length(QuicklistNode.packed);
      this.#list.readBlock(block, this.#span);
      this.#writeSpan();
    }
  }

  #writeSet(): void {
    if (this.#set.encoding === Encoding.intset) {
      this.#set.readPacked(this.#span);
      this.#writeSpan();
      return;
    }
    this.#output.length(this.#set.count);
    this.#set.forEach(this.#writeMember);
  }

  #writeHash(): void {
    const output = this.#output;
    const hash = this.#hash;
    this.#earliestMs = hash.earliest;
    if (this.#earliestMs !== 0) output.int64(this.#earliestMs);
    if (hash.encoding === Encoding.listpack || (hash.encoding === Encoding.listpackex && this.#earliestMs !== 0)) {
      hash.readPacked(this.#span);
      this.#writeSpan();
      return;
    }
    output.length(hash.count);
    hash.forEachStored(this.#writeField);
  }

  /** A file has them from the lowest score up: the order in which our own index fills best. */
  #writeSortedSet(): void {
    const view = this.#sortedSet;
    if (view.encoding === Encoding.listpack) {
      view.readPacked(this.#span);
      this.#writeSpan();
      return;
    }
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
    }
  }

  #rdbTypeOf(type: number, encoding: number, record: number): number {
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
