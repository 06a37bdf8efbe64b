/**
 * Damaged files. With the checksum of the file as it was, each is refused. With the right checksum for what it holds now,
 * loading ends with data or with an RdbError, and the data can be used.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { StreamId } from "../memory/stream-id.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { sealed } from "./hand-made-rdb.ts";
import { KeyspaceLoader } from "./keyspace-loader.ts";
import { LiveKeyspace } from "./live-keyspace.ts";
import { RdbError } from "./rdb-input.ts";
import { RdbReader } from "./rdb-reader.ts";

/** A small data set with every encoding. */
function source(): Buffer {
  const live = new LiveKeyspace();
  const db = live.keyspace.database(0);
  const { collections } = live;
  const key = (name: string): [Buffer, number, number] => [Buffer.from(name), 0, name.length];
  for (const large of [false, true]) {
    const count = large ? 150 : 5;
    const set = collections.createSetView();
    const hash = collections.createHashView();
    const sorted = collections.createSortedSetView();
    const list = collections.createListView();
    set.create(...key("m"), count);
    hash.create();
    sorted.create(count, 4);
    list.create();
    for (let k = 0; k < count; k++) {
      set.add(...key(`m${k}`));
      hash.set(...key(`f${k}`), ...key(`value ${k}`));
      sorted.set(k / 3, ...key(`m${k}`));
      list.growFor(large ? 200 : 4, 1);
      list.pushTail(...key(large ? "element ".repeat(25) : String(k)));
    }
    const expiring = collections.createHashView();
    expiring.create();
    expiring.prepareFor(large ? 1000 : 0);
    for (let k = 0; k < count; k++) {
      expiring.set(...key(`f${k}`), ...key(`value ${k}`));
      if (k % 2 === 0) expiring.setExpiry(...key(`f${k}`), 1e12 + ((k * 7919) % 50));
    }
    db.addCollection(...key(`${large}:expiring`), ValueType.hash, expiring.encoding, expiring.root);
    const views = [
      [ValueType.set, set],
      [ValueType.hash, hash],
      [ValueType.sortedSet, sorted],
      [ValueType.list, list],
    ] as const;
    for (const [type, view] of views) db.addCollection(...key(`${large}:${type}`), type, view.encoding, view.root);
  }
  const integers = collections.createSetView();
  integers.create(...key("1"), 3);
  for (const member of ["1", "-70000", "9000000000000000000"]) integers.add(...key(member));
  db.addCollection(...key("integers"), ValueType.set, integers.encoding, integers.root);
  db.addCollection(...key("stream"), ValueType.stream, Encoding.stream, streamRoot(live));
  db.setString(...key("string"), ...key("text text text text text text text"), 1e12);
  return live.save();
}

/** Blocks with deleted entries, a group with pending entries of two consumers. */
function streamRoot({ collections }: LiveKeyspace): number {
  const stream = collections.createStreamView();
  const words = ["field", "some value", "other", "7"].map((word) => Buffer.from(word));
  const offset = Int32Array.from([0, 5, 15, 20]);
  const length = Int32Array.from(words, (word) => word.length);
  const source = { buffer: Buffer.concat(words), offset, length };
  const id = new StreamId();
  stream.create();
  for (let k = 1; k < 250; k++)
    stream.append(id.set(0, k, 0, k), source, k % 5 === 0 ? 2 : 0, k % 7 === 0 ? 1 : k % 5 === 0 ? 1 : 2);
  for (let k = 1; k < 250; k += 3) stream.delete(id.set(0, k, 0, k));
  const name = new ByteSpan();
  name.set(Buffer.from("group"), 0, 5);
  const group = stream.createGroup(name, id);
  const consumers = ["a", "b"].map((letter) => {
    name.set(Buffer.from(letter), 0, 1);
    return stream.groups.createConsumer(group, name, 1, 1);
  });
  for (let k = 1; k < 90; k++) {
    stream.groups.assign(group, id.set(0, k, 0, k), consumers[k % 2] as number);
    stream.groups.deliveryMs = k;
    stream.groups.setDeliveries(0, k);
  }
  return stream.root;
}

function mutate(file: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(file);
  for (let k = random.below(4); k >= 0; k--) {
    const at = 9 + random.below(bytes.length - 17);
    const choice = random.below(4);
    if (choice === 0) bytes[at] = random.below(256);
    else if (choice === 1) bytes[at] = [0, 0xff, 0xfe, 0x7f, 0x80, 0xc3][random.below(6)] as number;
    else if (choice === 2) bytes.copyWithin(at, 9 + random.below(bytes.length - 17), bytes.length - 8);
    else bytes[at] = (bytes[at] as number) + 1;
  }
  return bytes;
}

/**
 * Loads so many damaged files, uses and deletes what they give; how many were refused although their checksum was right. Throws
 * where one with a wrong checksum is taken, and where bytes are left over.
 */
export function loadHostileFiles(seed: number, rounds: number): number {
  const random = createSeededRandom(seed);
  const file = source();
  const live = new LiveKeyspace();
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(file, random);
    const step = 1 + random.below(bytes.length);
    try {
      if (!bytes.equals(file)) refuse(live, bytes, step);
      if (!load(live, sealed(bytes), step)) refused++;
      live.save();
      discard(live);
    } catch (reason) {
      throw new Error(`Seed ${seed}, round ${round}`, { cause: reason });
    }
  }
  return refused;
}

/** The file is not what its checksum says. */
function refuse(live: LiveKeyspace, bytes: Buffer, step: number): void {
  if (load(live, bytes, step)) throw new Error("A file was taken in spite of its checksum");
  discard(live);
}

function discard({ keyspace }: LiveKeyspace): void {
  keyspace.flushAll();
  while (!keyspace.reclaim(100));
  const left = keyspace.arena.usedBytes - keyspace.indexBytes;
  if (left !== 0) throw new Error(`${left} bytes are left`);
}

/** False if it was refused. */
function load(live: LiveKeyspace, bytes: Buffer, step: number): boolean {
  const { keyspace, collections } = live;
  const handler = new KeyspaceLoader({ keyspace, collections, nowMs: 0, dropsExpired: true });
  const reader = new RdbReader({ handler, verifyChecksum: true });
  try {
    for (let at = 0; at < bytes.length; at += step) reader.push(bytes, at, Math.min(bytes.length, at + step));
    reader.finish();
    return true;
  } catch (reason) {
    if (!(reason instanceof RdbError)) throw reason;
    return false;
  } finally {
    handler.abort();
  }
}
