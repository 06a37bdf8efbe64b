/**
 * Puts what an RDB reader tells into the keyspace. Packed blocks are copied as they are while they are within the limits
 * of today's configuration. A primary drops keys and fields whose time has passed; a replica keeps them until its primary says DEL.
 * A file that says where it stands in a stream of changes is loaded whole either way: there may be replicas that go on from
 * there and must be told of every key that goes.
 */

import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { LoadedStrings } from "../keyspace/loaded-strings.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import { LISTPACK_HEADER } from "../memory/listpack.ts";
import { LISTPACK_END, nextEntry, readIntegerEntry } from "../memory/listpack-entry.ts";
import type { Collections } from "../values/collections.ts";
import type { HashValue } from "../values/hash.ts";
import type { ListValue } from "../values/list.ts";
import { PAIRS, TRIPLES } from "../values/packed-fields.ts";
import type { SetValue } from "../values/set.ts";
import { SetResult, type SortedSetValue } from "../values/sorted-set.ts";
import type { StreamValue } from "../values/stream.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { RdbError } from "./rdb-input.ts";
import type { RdbHandler, RdbKey } from "./rdb-reader.ts";
import { StreamLoader } from "./stream-loader.ts";

export interface KeyspaceLoaderOptions {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly nowMs: number;
  /** A primary: keys that have expired are not loaded. */
  readonly dropsExpired: boolean;
  /** Takes the source of a library of functions; throws what is wrong with it. Without it libraries are refused. */
  readonly takeLibrary?: (source: Buffer) => void;
  /** Keys of the file take the place of those that are there; else a key that is there is an error. */
  readonly replaces?: boolean;
  /** Where keys go until a file selects a database; default: the first. */
  readonly database?: Database;
  /** Those that a file can select; default: the keyspace's. */
  readonly databases?: SelectableDatabases;
}

interface SelectableDatabases {
  readonly databaseCount: number;
  database(index: number): Database;
}

export class KeyspaceLoader implements RdbHandler {
  readonly auxFields = new Map<string, string>();
  keysLoaded = 0;
  keysExpired = 0;
  readonly #keyspace: Keyspace;
  readonly #databases: SelectableDatabases;
  readonly #options: KeyspaceLoaderOptions;
  readonly #strings: LoadedStrings;
  readonly #list: ListValue;
  readonly #set: SetValue;
  readonly #hash: HashValue;
  readonly #sortedSet: SortedSetValue;
  readonly streams: StreamLoader;
  #database: Database;
  #type = 0;
  #expected = 0;
  #isStarted = false;

  constructor(options: KeyspaceLoaderOptions) {
    const { keyspace, collections } = options;
    this.#options = options;
    this.#keyspace = keyspace;
    this.#databases = options.databases ?? keyspace;
    this.#database = options.database ?? this.#databases.database(0);
    this.#strings = keyspace.createLoadedStrings();
    this.#list = collections.createListView();
    this.#set = collections.createSetView();
    this.#hash = collections.createHashView();
    this.#sortedSet = collections.createSortedSetView();
    this.streams = new StreamLoader(collections.createStreamView());
  }

  aux(name: string, value: string): void {
    this.auxFields.set(name, value);
  }

  library(source: ByteSpan): void {
    const { takeLibrary } = this.#options;
    if (takeLibrary === undefined) throw new RdbError("A library of functions where there can be none", 0);
    try {
      takeLibrary(source.toBuffer());
    } catch (reason) {
      if (!(reason instanceof Error)) throw reason;
      throw new RdbError(`Cannot load a library of functions: ${reason.message}`, 0);
    }
  }

  selectDatabase(index: number): void {
    const { databaseCount } = this.#databases;
    if (index >= databaseCount) {
      throw new RdbError(`The file has a database ${index}, but the server only ${databaseCount}`, 0);
    }
    this.settle();
    this.#database = this.#databases.database(index);
  }

  resize(): void {
    // The index grows by splitting, it needs no hint.
  }

  string(key: RdbKey, value: ByteSpan): void {
    if (this.#isExpired(key)) return;
    const { name, expireAtMs } = key;
    const { buffer, offset, length } = value;
    const access = this.#keyspace.eviction.accessOfLoaded(key.idleSeconds, key.frequency);
    if (this.#strings.isFull) this.settle();
    this.#strings.add(name.buffer, name.offset, name.length, buffer, offset, length, expireAtMs, access);
    this.#kept(key);
  }

  settle(): void {
    const twice = this.#strings.enter(this.#database, this.#options.replaces ?? false);
    if (twice !== undefined) this.#refuseDuplicate(twice);
  }

  packed(key: RdbKey, type: ValueType, encoding: Encoding, block: ByteSpan): boolean {
    const { buffer, offset, length } = block;
    const count = entriesOf(encoding, buffer, offset);
    // Field by field, so that those are dropped that have expired: the first one stands in front.
    if (encoding === Encoding.listpackex && this.#isDropped(firstExpiry(buffer, offset))) return false;
    if (count > this.#packedLimit(type, encoding)) return false;
    this.begin(key, type, count);
    if (count > 0) this.#loadPacked(type, encoding, buffer, offset, length);
    this.end(key);
    return true;
  }

  begin(_key: RdbKey, type: ValueType, count: number): void {
    this.#type = type;
    this.#expected = count;
    this.#isStarted = type === ValueType.stream;
    if (this.#isStarted) this.streams.begin();
  }

  element(value: ByteSpan): void {
    const { buffer, offset, length } = value;
    if (this.#type === ValueType.list) {
      if (!this.#isStarted) this.#list.create();
      this.#list.growFor(length, 1);
      this.#list.pushTail(buffer, offset, length);
    } else {
      if (!this.#isStarted) this.#set.create(buffer, offset, length, this.#expected);
      this.#isStarted = true;
      this.#refuseDuplicateElement(this.#set.add(buffer, offset, length));
    }
    this.#isStarted = true;
  }

  member(value: ByteSpan, score: number): void {
    const { buffer, offset, length } = value;
    if (!this.#isStarted) this.#sortedSet.create(this.#expected, length);
    this.#isStarted = true;
    this.#refuseDuplicateElement(this.#sortedSet.set(score, buffer, offset, length) === SetResult.added);
  }

  field(name: ByteSpan, value: ByteSpan, expireAtMs: number): void {
    if (this.#isDropped(expireAtMs)) return;
    if (!this.#isStarted) {
      this.#hash.create();
      this.#hash.prepareFor(this.#expected);
    }
    this.#isStarted = true;
    this.#refuseDuplicateElement(
      this.#hash.set(name.buffer, name.offset, name.length, value.buffer, value.offset, value.length),
    );
    if (expireAtMs !== 0) this.#hash.setExpiry(name.buffer, name.offset, name.length, expireAtMs);
  }

  end(key: RdbKey): void {
    // Old servers could leave empty collections in files; nobody can see one.
    if (!this.#isStarted) return;
    const { buffer, offset, length } = key.name;
    if (this.#isExpired(key)) {
      this.abort();
      return;
    }
    if (this.#database.peek(buffer, offset, length) !== 0) {
      if (this.#options.replaces !== true) this.#refuseDuplicate(key.name.toBuffer());
      this.#database.delete(buffer, offset, length);
    }
    this.#isStarted = false;
    const view = this.#view;
    const { expireAtMs, idleSeconds, frequency } = key;
    const { encoding, root } = view;
    const record = this.#database.addCollection(buffer, offset, length, this.#type, encoding, root, expireAtMs);
    const { eviction } = this.#keyspace;
    if (idleSeconds >= 0) eviction.setIdleSeconds(record, idleSeconds);
    if (frequency >= 0) eviction.setFrequency(record, frequency);
    this.#kept(key);
  }

  /** Frees the collection being loaded, if there is one: it has expired, or loading stops here. */
  abort(): void {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    this.#keyspace.values.free(this.#type, this.#view.encoding, this.#view.root);
  }

  #refuseDuplicateElement(isNew: boolean): void {
    if (!isNew) throw new RdbError("A member or field is there twice", 0);
  }

  get #view(): ListValue | SetValue | HashValue | SortedSetValue | StreamValue {
    if (this.#type === ValueType.stream) return this.streams.view;
    if (this.#type === ValueType.list) return this.#list;
    if (this.#type === ValueType.set) return this.#set;
    return this.#type === ValueType.hash ? this.#hash : this.#sortedSet;
  }

  #loadPacked(type: ValueType, encoding: Encoding, buffer: Buffer, offset: number, length: number): void {
    this.#isStarted = true;
    if (type === ValueType.set) this.#set.load(encoding, buffer, offset, length);
    else if (type === ValueType.hash) this.#hash.load(encoding, buffer, offset, length);
    else this.#sortedSet.load(buffer, offset, length);
  }

  #packedLimit(type: ValueType, encoding: Encoding): number {
    const { limits } = this.#options.collections;
    if (encoding === Encoding.intset) return limits.setMaxIntsetEntries;
    if (type === ValueType.set) return limits.setMaxListpackEntries;
    if (encoding === Encoding.listpackex) return limits.hashMaxListpackEntries * TRIPLES;
    if (type === ValueType.hash) return limits.hashMaxListpackEntries * PAIRS;
    return type === ValueType.sortedSet ? limits.zsetMaxListpackEntries * 2 : 0;
  }

  #isDropped(expireAtMs: number): boolean {
    return this.#isDead(expireAtMs) && !this.auxFields.has("repl-id");
  }

  #isDead(expireAtMs: number): boolean {
    return this.#options.dropsExpired && expireAtMs !== 0 && expireAtMs < this.#options.nowMs;
  }

  /** One that stays only until its DEL is in the stream counts as what it is. */
  #kept({ expireAtMs }: RdbKey): void {
    if (this.#isDead(expireAtMs)) this.keysExpired++;
    else this.keysLoaded++;
  }

  #isExpired(key: RdbKey): boolean {
    if (!this.#isDropped(key.expireAtMs)) return false;
    this.keysExpired++;
    return true;
  }

  #refuseDuplicate(name: Buffer): never {
    throw new RdbError(`The file has the key "${name.toString("latin1")}" twice`, 0);
  }
}

/** Entries of a listpack or intset that was found valid. */
function entriesOf(encoding: Encoding, buffer: Buffer, offset: number): number {
  return encoding === Encoding.intset ? buffer.readUInt32LE(offset + 4) : buffer.readUInt16LE(offset + 4);
}

/** The expiry time of the first field of a listpack of triples that was found valid, 0 for none. */
function firstExpiry(buffer: Buffer, offset: number): number {
  const first = offset + LISTPACK_HEADER;
  if (buffer[first] === LISTPACK_END) return 0;
  const time = new Int64();
  readIntegerEntry(buffer, nextEntry(buffer, nextEntry(buffer, first)), time);
  return time.toNumber();
}
