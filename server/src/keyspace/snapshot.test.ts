import { describe, expect, it } from "vitest";
import { forEachRecordInBlock } from "../memory/arena-records.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { Encoding, ValueType } from "../values/value-type.ts";
import { NO_EXPIRY } from "./record.ts";
import { TestKeyspace } from "./test-keyspace.ts";

const KEYS = 3000;

function change(test: TestKeyspace, random: Random): void {
  const index = random.below(2);
  const db = test.db(index);
  const key = `key:${random.below(KEYS)}`;
  const bytes = Buffer.from(key);
  const choice = random.below(20);
  // SET does not look the key up for writing first.
  const record = choice < 8 ? 0 : test.write(key, index);
  if (record === 0) {
    const expireAtMs = random.below(3) === 0 ? test.clock.nowMs() + random.below(3000) : NO_EXPIRY;
    test.set(key, String(random.uint32()).repeat(1 + random.below(20)), expireAtMs, index);
  } else if (choice < 11) test.delete(key, index);
  else if (choice < 13) db.setExpire(record, test.clock.nowMs() + random.below(3000));
  else if (choice < 14) db.persist(record);
  else if (choice < 16 && db.typeOf(record) === ValueType.string) db.growString(record, db.valueLength(record) + 9);
  else if (choice < 17) {
    test.delete(key, index);
    const root = test.values.create(random.below(1000));
    db.addCollection(bytes, 0, bytes.length, ValueType.set, Encoding.intset, root);
  } else if (choice < 18) test.advance(random.below(5));
  else if (choice < 19) test.keyspace.expiry.run(1);
  else {
    test.delete(key, 1 - index);
    db.moveTo(test.db(1 - index), bytes, 0, bytes.length);
  }
}

describe("a snapshot of the keyspace", () => {
  it.each([1, 2, 3, 4])("is its exact content at the start, whatever changes meanwhile (seed %i)", (seed) => {
    const random = createSeededRandom(seed);
    const test = new TestKeyspace({ seed, databaseCount: 2 });
    const { arena, records } = test.keyspace;
    for (let i = 0; i < 8000; i++) change(test, random);
    const cut = test.content();
    const indexes = test.keyspace.databaseIndexes();
    const seen: string[] = [];
    arena.beginSnapshot({
      block(block) {
        forEachRecordInBlock(arena, block, (record) => {
          const index = indexes[records.databaseIdOf(record)] as number;
          if (index === -1) return;
          const start = records.keyOffset(record);
          const key = records.bytesOf(record).toString("latin1", start, start + records.keyLength(record));
          seen.push(`${index} ${key} ${test.textOf(record)} ${records.expireAtOf(record)}`);
        });
        return true;
      },
    });
    for (let page = 0; page < arena.pageEnd; page++) {
      if (!arena.isRecordPage(page)) continue;
      for (let i = 0; i < 25; i++) change(test, random);
      if (page === 30) test.keyspace.swap(0, 1);
      if (page === 60) test.db(1).flush();
      if (page === 70) test.keyspace.reclaim(0);
      for (let block = page << 4; block < (page + 1) << 4; block++) arena.visitBlock(block);
    }
    arena.endSnapshot();
    expect(cut.length).toBeGreaterThan(2000);
    expect(seen.sort()).toEqual(cut);
  });
});
