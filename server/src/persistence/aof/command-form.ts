/**
 * A snapshot as commands that make the data anew: the base of an append-only file with `aof-use-rdb-preamble no`. Larger and
 * slower to load than RDB, but of the one form that the rest of the file has. The commands are those that redis-server
 * writes there, at most 64 elements in each.
 */

import type { Keyspace } from "../../keyspace/keyspace.ts";
import type { Records } from "../../keyspace/record.ts";
import { ByteSpan } from "../../memory/byte-span.ts";
import { formatDouble } from "../../memory/double-text.ts";
import type { Collections } from "../../values/collections.ts";
import type { HashValue } from "../../values/hash.ts";
import type { ListValue } from "../../values/list.ts";
import type { SetValue } from "../../values/set.ts";
import type { SortedSetValue } from "../../values/sorted-set.ts";
import type { StreamValue } from "../../values/stream.ts";
import { isPackedEncoding, ValueType } from "../../values/value-type.ts";
import { finishPieces, type Pieces } from "../pieces.ts";
import type { RdbOutput } from "../rdb-output.ts";
import type { RecordEncoder, SnapshotForm } from "../snapshot-form.ts";
import { CommandOutput } from "./command-output.ts";
import { streamCommands } from "./stream-commands.ts";

const ELEMENTS_A_COMMAND = 64;
const ELEMENTS_A_PIECE = 64;

export const commandForm: SnapshotForm = {
  begin(output, _keyspace, { libraries }) {
    const out = new CommandOutput(output);
    for (const source of libraries) {
      out.begin(3, "FUNCTION", "LOAD");
      out.bytes(source, 0, source.length);
    }
  },
  createEncoder: (keyspace, collections, output) => new CommandEncoder(keyspace, collections, output),
  select(output, database) {
    new CommandOutput(output).begin(2, "SELECT", String(database));
  },
  end: () => undefined,
};

class CommandEncoder implements RecordEncoder {
  readonly #records: Records;
  readonly #out: CommandOutput;
  readonly #list: ListValue;
  readonly #set: SetValue;
  readonly #hash: HashValue;
  readonly #sortedSet: SortedSetValue;
  readonly #stream: StreamValue;
  readonly #span = new ByteSpan();
  readonly #key = new ByteSpan();
  /** Elements that are yet to come, in all and in the command at hand. */
  #left = 0;
  #leftInCommand = 0;

  constructor({ records }: Keyspace, collections: Collections, output: RdbOutput) {
    this.#records = records;
    this.#out = new CommandOutput(output);
    this.#list = collections.createListView();
    this.#set = collections.createSetView();
    this.#hash = collections.createHashView();
    this.#sortedSet = collections.createSortedSetView();
    this.#stream = collections.createStreamView();
  }

  write(record: number): void {
    finishPieces(this.pieces(record));
  }

  *pieces(record: number): Pieces {
    const records = this.#records;
    const key = this.#key;
    key.set(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
    if (records.typeOf(record) === ValueType.string) {
      this.#out.begin(3, "SET");
      this.#out.span(key);
      yield* this.#out.bytesInPieces(records.bytesOf(record), records.valueOffset(record), records.valueLength(record));
    } else yield* this.#collection(records.typeOf(record), records.encodingOf(record), records.rootOf(record));
    if (!records.isVolatile(record)) return;
    this.#out.begin(3, "PEXPIREAT");
    this.#out.span(key);
    this.#out.text(String(records.expireAtOf(record)));
  }

  #collection(type: number, encoding: number, root: number): Pieces {
    switch (type) {
      case ValueType.list:
        this.#list.open(root, encoding);
        return this.#listPieces();
      case ValueType.set:
        this.#set.open(root, encoding);
        return this.#setPieces();
      case ValueType.hash:
        this.#hash.open(root, encoding);
        return this.#hashPieces();
      case ValueType.stream:
        this.#stream.open(root, encoding);
        return streamCommands(this.#out, this.#stream, this.#key);
      default:
        this.#sortedSet.open(root, encoding);
        return this.#sortedSetPieces();
    }
  }

  /** Called before each element: a new command begins where one is full. */
  #element(command: string, words: number): void {
    if (this.#leftInCommand === 0) {
      this.#leftInCommand = Math.min(this.#left, ELEMENTS_A_COMMAND);
      this.#out.begin(2 + this.#leftInCommand * words, command);
      this.#out.span(this.#key);
    }
    this.#leftInCommand--;
    this.#left--;
  }

  *#listPieces(): Pieces {
    this.#left = this.#list.count;
    this.#list.seek(0);
    for (;;) {
      this.#element("RPUSH", 1);
      this.#list.read(this.#span);
      this.#out.span(this.#span);
      if (this.#left === 0) return;
      this.#list.next();
      if (this.#leftInCommand === 0) yield;
    }
  }

  *#setPieces(): Pieces {
    this.#left = this.#set.count;
    const write = (member: ByteSpan): void => {
      this.#element("SADD", 1);
      this.#out.span(member);
    };
    let cursor = 0;
    do {
      cursor = this.#set.scan(cursor, ELEMENTS_A_PIECE, write);
      yield;
    } while (cursor !== 0);
  }

  *#hashPieces(): Pieces {
    this.#left = this.#hash.count;
    yield* this.#fields((field, value) => {
      this.#element("HMSET", 2);
      this.#out.span(field);
      this.#out.span(value);
    });
    if (this.#hash.earliest === 0) return;
    yield* this.#fields((field, _value, expireAtMs) => {
      if (expireAtMs === 0) return;
      this.#out.begin(6, "HPEXPIREAT");
      this.#out.span(this.#key);
      this.#out.text(String(expireAtMs));
      this.#out.text("FIELDS");
      this.#out.text("1");
      this.#out.span(field);
    });
  }

  *#fields(visit: (field: ByteSpan, value: ByteSpan, expireAtMs: number) => void): Pieces {
    if (isPackedEncoding(this.#hash.encoding)) {
      this.#hash.forEachStored(visit);
      return;
    }
    let cursor = 0;
    do {
      cursor = this.#hash.scanStored(cursor, ELEMENTS_A_PIECE, visit);
      yield;
    } while (cursor !== 0);
  }

  *#sortedSetPieces(): Pieces {
    const view = this.#sortedSet;
    this.#left = view.count;
    view.seek(0);
    for (;;) {
      this.#element("ZADD", 2);
      this.#out.text(formatDouble(view.scoreAtCursor));
      view.readMember(this.#span);
      this.#out.span(this.#span);
      if (this.#left === 0) return;
      view.next();
      if (this.#leftInCommand === 0) yield;
    }
  }
}
