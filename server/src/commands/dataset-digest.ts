/**
 * DEBUG DIGEST and DIGEST-VALUE: a checksum over content that two servers with the same data agree on, whatever the order of
 * keys and members and the encodings. It is Redis' own, so a whole keyspace can be compared with a redis-server's: SHA-1 of
 * the parts, mixed where order matters and added (by exclusive or) where it does not.
 */

import { hash } from "node:crypto";
import type { Database } from "../keyspace/database.ts";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { formatDouble } from "../memory/double-text.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { Collections } from "../values/collections.ts";
import { typeName, ValueType } from "../values/value-type.ts";
import { CommandError } from "./errors.ts";

const DIGEST_BYTES = 20;
const FIELD_EXPIRES = Buffer.from("!!hexpire!!");
const EXPIRES = Buffer.from("!!expire!!");

/** Redis' numbers of the types. */
const TYPE_NUMBERS: Readonly<Record<number, number>> = {
  [ValueType.string]: 0,
  [ValueType.list]: 1,
  [ValueType.set]: 2,
  [ValueType.sortedSet]: 3,
  [ValueType.hash]: 4,
  [ValueType.stream]: 6,
};

export class Digest {
  readonly bytes = Buffer.alloc(DIGEST_BYTES);

  /** Adds a part whose place does not matter. */
  add(part: Uint8Array): void {
    const digest = hash("sha1", part, "buffer");
    for (let k = 0; k < DIGEST_BYTES; k++) this.bytes[k] = (this.bytes[k] as number) ^ (digest[k] as number);
  }

  /** Adds a part in its place. */
  mix(part: Uint8Array): void {
    this.add(part);
    hash("sha1", this.bytes, "buffer").copy(this.bytes);
  }

  mixText(text: string): void {
    this.mix(Buffer.from(text, "latin1"));
  }

  toString(): string {
    return this.bytes.toString("hex");
  }
}

/** The digest of all databases. */
export function digestOfDatabases(databases: Iterable<Database>, collections: Collections): string {
  const all = new Digest();
  for (const database of databases) {
    if (database.count === 0) continue;
    all.mix(networkOrder(database.index));
    database.forEach((record) => {
      const digest = new Digest();
      digest.mix(database.keyOf(record));
      mixValue(digest, database, record, collections);
      all.add(digest.bytes);
    });
  }
  return all.toString();
}

/** Mixes what a key holds, and whether it expires, into a digest. */
export function mixValue(digest: Digest, database: Database, record: number, collections: Collections): void {
  const type = database.typeOf(record);
  digest.mix(networkOrder(TYPE_NUMBERS[type] as number));
  if (type === ValueType.string) {
    const start = database.valueOffset(record);
    digest.mix(database.bytesOf(record).subarray(start, start + database.valueLength(record)));
  } else
    mixCollection(digest, { type, root: database.rootOf(record), encoding: database.encodingOf(record) }, collections);
  if (database.expireAtOf(record) !== NO_EXPIRY) digest.add(EXPIRES);
}

interface Stored {
  readonly type: number;
  readonly root: number;
  readonly encoding: number;
}

function mixCollection(digest: Digest, { type, root, encoding }: Stored, collections: Collections): void {
  switch (type) {
    case ValueType.list:
      mixList(digest, root, encoding, collections);
      return;
    case ValueType.set: {
      const set = collections.createSetView();
      set.open(root, encoding);
      set.forEach((member) => {
        digest.add(bytesOf(member));
      });
      return;
    }
    case ValueType.sortedSet:
      mixSortedSet(digest, root, encoding, collections);
      return;
    case ValueType.hash: {
      const view = collections.createHashView();
      view.open(root, encoding);
      view.forEachStored((field, value, expireAtMs) => {
        const pair = new Digest();
        pair.mix(bytesOf(field));
        pair.mix(bytesOf(value));
        if (expireAtMs !== 0) pair.add(FIELD_EXPIRES);
        digest.add(pair.bytes);
      });
      return;
    }
    case ValueType.stream:
      mixStream(digest, root, encoding, collections);
      return;
    default:
      throw new CommandError(`ERR No digest of a value of type ${typeName(type)}`);
  }
}

function mixList(digest: Digest, root: number, encoding: number, collections: Collections): void {
  const list = collections.createListView();
  const span = new ByteSpan();
  list.open(root, encoding);
  list.seek(0);
  for (let left = list.count; left > 0; left--) {
    list.read(span);
    digest.mix(bytesOf(span));
    if (left > 1) list.next();
  }
}

function mixSortedSet(digest: Digest, root: number, encoding: number, collections: Collections): void {
  const set = collections.createSortedSetView();
  const span = new ByteSpan();
  set.open(root, encoding);
  set.seek(0);
  for (let left = set.count; left > 0; left--) {
    const pair = new Digest();
    set.readMember(span);
    pair.mix(bytesOf(span));
    pair.mixText(formatDouble(set.scoreAtCursor));
    digest.add(pair.bytes);
    if (left > 1) set.next();
  }
}

function mixStream(digest: Digest, root: number, encoding: number, collections: Collections): void {
  const stream = collections.createStreamView();
  const [field, value] = [new ByteSpan(), new ByteSpan()];
  const last = new StreamId();
  stream.open(root, encoding);
  stream.seek(new StreamId(), stream.readLastId(last));
  const { cursor } = stream;
  while (cursor.next()) {
    digest.mixText(cursor.id.toString().replace("-", "."));
    for (let left = cursor.fieldCount; left > 0; left--) {
      cursor.readPair(field, value);
      digest.mix(bytesOf(field));
      digest.mix(bytesOf(value));
    }
  }
}

function bytesOf({ buffer, offset, length }: ByteSpan): Buffer {
  return buffer.subarray(offset, offset + length);
}

function networkOrder(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
