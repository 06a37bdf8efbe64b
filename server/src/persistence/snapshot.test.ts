import { describe, expect, test } from "vitest";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { createSeededRandom } from "../platform/random.ts";
import { agreeInAll } from "../testing/agree.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { LiveKeyspace, MemoryTarget, readFile } from "./live-keyspace.ts";
import { RandomChanges } from "./random-changes.ts";

/** More makes a collection large. */
const LARGE_COUNT = 21_000;

describe("Snapshot", () => {
  test.each([1, 2, 3, 4])("holds exactly the data at the cut, whatever changes meanwhile (seed %i)", (seed) => {
    const random = createSeededRandom(seed);
    const live = new LiveKeyspace(seed);
    const changes = new RandomChanges(live, random);
    for (let k = 0; k < 8000; k++) changes.step();
    for (let round = 0; round < 3; round++) {
      const expected = readFile(live.save()).keys;
      expect(new Set(Object.values(expected).map(({ type }) => type)).size).toBe(6);
      const target = new MemoryTarget();
      const snapshot = live.cut(target);
      let steps = 0;
      do for (let k = random.below(30); k >= 0; k--) changes.step();
      while (!snapshot.walk(() => ++steps % 3 === 0));
      expect(snapshot.keysWritten).toBe(snapshot.keysAtCut);
      const { keys, order } = readFile(target.file);
      expect(new Set(order).size).toBe(order.length);
      agreeInAll(keys, expected);
    }
  });

  test.each([5])("holds large values of each type as they were at the cut, in pieces (seed %i)", (seed) => {
    const random = createSeededRandom(seed);
    const live = new LiveKeyspace(seed);
    const changes = new RandomChanges(live, random);
    for (let k = 0; k < 2000; k++) changes.step();
    for (let round = 0; round < 3; round++) {
      changes.fillLarge(LARGE_COUNT);
      const expected = readFile(live.save()).keys;
      const target = new MemoryTarget();
      const snapshot = live.cut(target);
      let pieces = 0;
      // In the last round nothing of them changes, so that all are written in pieces from end to end.
      const isAtRest = round === 2;
      while (!snapshot.walk(() => true)) {
        pieces++;
        if (random.below(4) === 0) changes.step();
        if (!isAtRest && random.below(40) === 0) changes.changeLarge(LARGE_COUNT);
      }
      expect(pieces).toBeGreaterThan(100);
      expect(snapshot.keysWritten).toBe(snapshot.keysAtCut);
      if (isAtRest) expect(snapshot.largeValuesWritten).toBe(6);
      agreeInAll(readFile(target.file).keys, expected, `seed ${seed}`);
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

  test("keeps what has expired where replicas go on from the file: its DEL is for them, and it counts as expired", () => {
    const live = new LiveKeyspace();
    const bytes = Buffer.from("keyvalue");
    live.keyspace.database(0).setString(bytes, 0, 3, bytes, 3, 5, 5000);
    live.keyspace.database(0).setString(bytes, 0, 2, bytes, 3, 5, NO_EXPIRY);
    const file = live.save({ id: "0".repeat(40), offset: 7, databaseIndex: 0 });
    const target = new LiveKeyspace();
    const { keysLoaded, keysExpired } = target.load(file, { nowMs: 5001 });
    expect([keysLoaded, keysExpired, target.keyspace.database(0).count]).toEqual([1, 1, 2]);
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
