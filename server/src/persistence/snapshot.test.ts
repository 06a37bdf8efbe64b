import { describe, expect, test } from "vitest";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agreeInAll } from "../testing/agree.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { LiveKeyspace, MemoryTarget, readFile } from "./live-keyspace.ts";

/** Random writes of strings, sets and hashes with expiring fields, through the same doors that commands use. */
class Writer {
  readonly live: LiveKeyspace;
  readonly #random: Random;

  constructor(live: LiveKeyspace, random: Random) {
    this.live = live;
    this.#random = random;
  }

  step(): void {
    const db = this.live.keyspace.database(this.#random.below(3));
    const key = Buffer.from(`key:${this.#random.below(1500)}`);
    const choice = this.#random.below(20);
    if (choice < 9) {
      const value = Buffer.alloc(1 + this.#random.below(choice === 0 ? 5000 : 80), 97 + this.#random.below(26));
      const expireAtMs = this.#random.below(4) === 0 ? 1e12 + this.#random.below(1000) : 0;
      db.setString(key, 0, key.length, value, 0, value.length, expireAtMs);
    } else if (choice < 12) this.#addToSet(db.index, key);
    else if (choice < 14) this.#editHash(db.index, Buffer.from(`hash:${this.#random.below(20)}`));
    else if (choice < 18) db.delete(key, 0, key.length);
    else if (choice === 18) {
      const record = db.lookupWrite(key, 0, key.length);
      if (record !== 0) db.setExpire(record, 1e12 + this.#random.below(1000));
    } else if (this.#random.below(300) === 0) db.flush();
    else if (this.#random.below(100) === 0) this.live.keyspace.swap(db.index, this.#random.below(3));
    else this.live.keyspace.reclaim(0);
  }

  #editHash(index: number, key: Buffer): void {
    const db = this.live.keyspace.database(index);
    const view = this.live.collections.hash;
    const record = db.lookupWrite(key, 0, key.length);
    if (record === 0) view.create();
    else view.open(db.rootOf(record), db.encodingOf(record));
    for (let k = this.#random.below(20); k >= 0; k--) {
      const field = Buffer.from(`f${this.#random.below(700)}`);
      view.set(field, 0, field.length, field, 0, field.length, true);
      if (this.#random.below(2) === 0) view.setExpiry(field, 0, field.length, 100 + this.#random.below(100));
    }
    if (record === 0) db.addCollection(key, 0, key.length, ValueType.hash, view.encoding, view.root);
    else db.setRoot(record, view.root, view.encoding);
    if (this.#random.below(3) > 0) return;
    this.live.keyspace.setNow(150);
    db.fieldExpiries.expireNext(1 + this.#random.below(200));
    this.live.keyspace.setNow(0);
  }

  #addToSet(index: number, key: Buffer): void {
    const db = this.live.keyspace.database(index);
    const view = this.live.collections.set;
    const member = Buffer.from(`m${this.#random.below(400)}`);
    const record = db.lookupWrite(key, 0, key.length);
    if (record === 0) {
      view.create(member, 0, member.length, this.#random.below(2) * 1000);
      view.add(member, 0, member.length);
      db.addCollection(key, 0, key.length, ValueType.set, view.encoding, view.root);
      return;
    }
    if (db.typeOf(record) !== ValueType.set) return;
    view.open(db.rootOf(record), db.encodingOf(record));
    for (let k = 0; k < 20; k++) {
      const more = Buffer.from(`m${this.#random.below(400)}`);
      view.add(more, 0, more.length);
    }
    db.setRoot(record, view.root, view.encoding);
  }
}

describe("Snapshot", () => {
  test.each([1, 2, 3, 4])("holds exactly the data at the cut, whatever changes meanwhile (seed %i)", (seed) => {
    const random = createSeededRandom(seed);
    const live = new LiveKeyspace(seed);
    const writer = new Writer(live, random);
    for (let k = 0; k < 8000; k++) writer.step();
    for (let round = 0; round < 3; round++) {
      const expected = readFile(live.save()).keys;
      const target = new MemoryTarget();
      const snapshot = live.cut(target);
      let steps = 0;
      do for (let k = random.below(30); k >= 0; k--) writer.step();
      while (!snapshot.walk(() => ++steps % 3 === 0));
      expect(snapshot.keysWritten).toBe(snapshot.keysAtCut);
      const { keys, order } = readFile(target.file);
      expect(new Set(order).size).toBe(order.length);
      agreeInAll(keys, expected);
    }
  });

  test("writes pre-images while its target is full, and nothing after it was given up", () => {
    const live = new LiveKeyspace();
    const db = live.keyspace.database(0);
    const put = (k: number, text: string): void => {
      const bytes = Buffer.from(`key:${k}${text}`);
      db.setString(bytes, 0, bytes.length - text.length, bytes, bytes.length - text.length, text.length, 0);
    };
    for (let k = 0; k < 1000; k++) put(k, "before");
    const snapshot = live.cut(new MemoryTarget());
    for (let k = 0; k < 1000; k += 100) put(k, "after");
    const written = snapshot.keysWritten;
    expect(written).toBeGreaterThan(10);
    snapshot.abort();
    for (let k = 0; k < 1000; k++) put(k, "later");
    expect(snapshot.keysWritten).toBe(written);
    expect(snapshot.walk(() => false)).toBe(true);
    expect(live.keyspace.arena.isSnapshotRunning).toBe(false);
  });

  test("drops what has expired when a primary loads it, and keeps it on a replica", () => {
    const live = new LiveKeyspace();
    const bytes = Buffer.from("keyvalue");
    live.keyspace.database(4).setString(bytes, 0, 3, bytes, 3, 5, 5000);
    const file = live.save();
    expect(readFile(file).keys["4:key"]).toEqual({ type: "string", value: "value", expireAtMs: 5000 });
    expect(new LiveKeyspace().load(file, { nowMs: 5001 }).keysExpired).toBe(1);
    expect(new LiveKeyspace().load(file, { nowMs: 5000 }).keysLoaded).toBe(1);
    expect(new LiveKeyspace().load(file, { nowMs: 5001, dropsExpired: false }).keysLoaded).toBe(1);
  });

  test("keeps packed encodings within the limits of the loading server only", () => {
    const source = new LiveKeyspace();
    const view = source.collections.createSetView();
    const first = Buffer.from("1");
    view.create(first, 0, 1, 1);
    for (let k = 0; k < 300; k++) view.add(Buffer.from(String(k)), 0, String(k).length);
    source.keyspace.database(0).addCollection(first, 0, 1, ValueType.set, view.encoding, view.root);
    const target = new LiveKeyspace();
    target.collections.limits.setMaxIntsetEntries = 100;
    target.load(source.save());
    const record = target.keyspace.database(0).peek(first, 0, 1);
    expect(target.keyspace.database(0).encodingOf(record)).toBe(Encoding.hashtable);
    expect(readFile(target.save()).keys["0:1"]?.value).toHaveLength(300);
  });
});

test("the file says a newer version only where the fields of a hash expire, so that 7.0 reads all others", () => {
  const live = new LiveKeyspace();
  const db = live.keyspace.database(0);
  const { hash } = live.collections;
  const bytes = Buffer.from("fvk");
  hash.create();
  hash.set(bytes, 0, 1, bytes, 1, 1);
  hash.setExpiry(bytes, 0, 1, 5000);
  const record = db.addCollection(bytes, 2, 1, ValueType.hash, hash.encoding, hash.root);
  const saved = live.save();
  expect(saved.toString("latin1", 0, 9)).toBe("REDIS0012");
  expect(readFile(saved).keys["0:k"]?.value).toEqual({ f: "v until 5000" });
  hash.setExpiry(bytes, 0, 1, 0);
  db.setRoot(record, hash.root, hash.encoding);
  const plain = live.save();
  expect(plain.toString("latin1", 0, 9)).toBe("REDIS0010");
  expect(readFile(plain).keys["0:k"]?.value).toEqual({ f: "v" });
  const later = new LiveKeyspace();
  expect(later.load(saved, { nowMs: 5001 }).keysLoaded).toBe(0);
  expect(later.load(saved, { nowMs: 5001, dropsExpired: false }).keysLoaded).toBe(1);
});
