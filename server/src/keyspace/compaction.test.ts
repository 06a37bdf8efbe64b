import { describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../memory/arena-layout.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agree, agreeInAll } from "../testing/agree.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { NO_EXPIRY } from "./record.ts";
import { TestKeyspace } from "./test-keyspace.ts";

const KEYS = 20_000;

/** The same change for every keyspace that draws from the same seed. */
function change(test: TestKeyspace, random: Random): void {
  const index = random.below(2);
  const db = test.db(index);
  const key = `key:${random.below(KEYS)}`;
  const bytes = Buffer.from(key);
  const choice = random.below(20);
  const length = 1 + random.below(60);
  const record = choice < 8 ? 0 : test.write(key, index);
  if (record === 0) {
    const expireAtMs = random.below(3) === 0 ? test.clock.nowMs() + 1_000_000 : NO_EXPIRY;
    test.set(key, "v".repeat(length), expireAtMs, index);
  } else if (choice < 11) test.delete(key, index);
  else if (choice < 13) db.setExpire(record, test.clock.nowMs() + 1_000_000);
  else if (choice < 15) db.persist(record);
  else if (choice < 18) {
    test.delete(key, index);
    const root = test.values.create(length);
    db.addCollection(bytes, 0, bytes.length, ValueType.set, Encoding.hashtable, root);
  } else {
    test.delete(key, 1 - index);
    db.moveTo(test.db(1 - index), bytes, 0, bytes.length);
  }
}

/** Many keys, of which most have been deleted. */
function sparse(seed: number): { test: TestKeyspace; random: Random } {
  const random = createSeededRandom(seed);
  const test = new TestKeyspace({ seed, databaseCount: 2 });
  for (let i = 0; i < 60_000; i++) change(test, random);
  for (let i = 0; i < KEYS; i++) if (i % 5 > 1) for (const index of [0, 1]) test.delete(`key:${i}`, index);
  return { test, random };
}

describe("Compaction", () => {
  it("packs what is left into few pages, and changes nothing else", () => {
    const { test } = sparse(1);
    const { arena, compaction } = test.keyspace;
    const before = test.content();
    const usedBytes = arena.usedBytes;
    const sparseBytes = arena.residentBytes;
    expect(sparseBytes).toBeGreaterThan(usedBytes * 1.6);
    expect(compaction.start()).toBe(true);
    expect(compaction.start()).toBe(false);
    expect(compaction.run(10_000)).toBe(true);
    agreeInAll(test.content(), before);
    expect(arena.usedBytes).toBe(usedBytes);
    expect(arena.residentBytes).toBeLessThan(sparseBytes * 0.75);
    expect(compaction.keyHits).toBeGreaterThan(1000);
    expect(compaction.hits).toBeGreaterThan(1000);
    expect(compaction.keyHits + compaction.keyMisses).toBeGreaterThanOrEqual(test.db(0).count + test.db(1).count);
    for (const index of [0, 1]) for (const key of test.keys(index)) agree(test.write(key, index) === 0, false);
  });

  it.each([2, 3, 4])("goes on while keys change between its slices (seed %i)", (seed) => {
    const { test, random } = sparse(seed);
    const reference = sparse(seed);
    const { compaction, arena } = test.keyspace;
    let slices = 0;
    compaction.start();
    while (!compaction.run(0)) {
      for (let i = 0; i < 20; i++) {
        change(test, random);
        change(reference.test, reference.random);
      }
      if (++slices === 40) for (const one of [test, reference.test]) one.keyspace.swap(0, 1);
      if (slices === 60) for (const one of [test, reference.test]) one.db(1).flush();
    }
    expect(slices).toBeGreaterThan(60);
    agreeInAll(test.content(), reference.test.content());
    for (const one of [test, reference.test]) while (!one.keyspace.reclaim(1));
    expect(arena.usedBytes).toBe(reference.test.keyspace.arena.usedBytes);
  });

  it("empties whole chunks and gives them back", () => {
    const test = new TestKeyspace();
    const { arena, compaction } = test.keyspace;
    const value = "v".repeat(16_000);
    for (let i = 0; i < 12_000; i++) test.set(`key:${i}`, value);
    for (let i = 0; i < 12_000; i++) if (i % 3 !== 0) test.delete(`key:${i}`);
    expect(arena.mappedBytes).toBe(3 * CHUNK_BYTES);
    compaction.start();
    while (!compaction.run(1));
    expect(arena.mappedBytes).toBe(2 * CHUNK_BYTES);
    expect(test.db().count).toBe(4000);
    expect(test.get("key:3")).toBe(value);
    expect(test.get("key:11997")).toBe(value);
    expect(compaction.start()).toBe(false);
  });

  it("waits while a snapshot runs", () => {
    const { test } = sparse(5);
    const { arena, compaction } = test.keyspace;
    compaction.start();
    arena.beginSnapshot({ block: () => true });
    expect(compaction.run(1000)).toBe(false);
    expect(compaction.isWaiting).toBe(true);
    expect(compaction.hits).toBe(0);
    arena.endSnapshot();
    expect(compaction.run(1000)).toBe(true);
    expect(compaction.hits).toBeGreaterThan(0);
    arena.beginSnapshot({ block: () => true });
    expect(compaction.start()).toBe(false);
  });
});
