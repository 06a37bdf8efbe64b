import { describe, expect, it } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSeededRandom } from "../platform/random.ts";
import { Collections } from "../values/collections.ts";
import { defaultEncodingLimits } from "../values/encoding-limits.ts";
import { ValueType } from "../values/value-type.ts";
import { createCollectionValues } from "./collection-values.ts";
import { Keyspace } from "./keyspace.ts";
import { NO_EXPIRY } from "./record.ts";

const LARGE = 100_000;

/** A keyspace with real collections, on a clock that goes on by 10 µs whenever it is read. */
function setUp() {
  const made: { collections?: Collections } = {};
  const clock = new FakeClock();
  const monotonicUs = clock.monotonicUs.bind(clock);
  clock.monotonicUs = () => {
    clock.advance(0.01);
    return monotonicUs();
  };
  const random = createSeededRandom(1);
  const keyspace = new Keyspace({ databaseCount: 2, random, clock, isClusterEnabled: false }, (arena) => {
    made.collections = new Collections(arena, defaultEncodingLimits(), random);
    return createCollectionValues(made.collections);
  });
  const { collections } = made;
  if (collections === undefined) throw new Error("The keyspace has made no collections");
  const addSet = (key: string, members: number): void => {
    const view = collections.set;
    const bytes = Buffer.from(key);
    view.createTable(members);
    for (let index = 0; index < members; index++) {
      const member = Buffer.from(`member:${index}`);
      view.add(member, 0, member.length);
    }
    keyspace.database(0).addCollection(bytes, 0, bytes.length, ValueType.set, view.encoding, view.root);
  };
  const addString = (key: string): void => {
    const bytes = Buffer.from(key);
    keyspace.database(0).setString(bytes, 0, bytes.length, bytes, 0, bytes.length, NO_EXPIRY);
  };
  return { clock, keyspace, addSet, addString };
}

describe("large values", () => {
  it("are freed in steps, and their memory counts until then", () => {
    const { keyspace, addSet } = setUp();
    const empty = keyspace.arena.usedBytes;
    addSet("large", LARGE);
    const full = keyspace.arena.usedBytes;
    keyspace.database(0).delete(Buffer.from("large"), 0, 5);
    expect(keyspace.waitingFrees).toBe(1);
    expect(keyspace.arena.usedBytes).toBeGreaterThan(empty + (full - empty) * 0.9);
    let steps = 1;
    while (!keyspace.reclaim(0.02)) steps++;
    expect(steps).toBeGreaterThan(20);
    expect(keyspace.arena.usedBytes).toBe(empty);
    expect([keyspace.waitingFrees, keyspace.finishedFrees]).toEqual([0, 1]);
    keyspace.resetStatistics();
    expect(keyspace.finishedFrees).toBe(0);
  });

  it("of a flushed database wait one by one", () => {
    const { keyspace, addSet } = setUp();
    const empty = keyspace.arena.usedBytes;
    for (let index = 0; index < 1000; index++) addSet(`set:${index}`, 200);
    const full = keyspace.arena.usedBytes;
    keyspace.database(0).flush();
    expect(keyspace.waitingFrees).toBe(1000);
    keyspace.reclaim(0.02);
    expect(keyspace.arena.usedBytes).toBeGreaterThan(empty + (full - empty) * 0.8);
    while (!keyspace.reclaim(0.02));
    expect(keyspace.arena.usedBytes).toBe(empty);
    expect(keyspace.finishedFrees).toBe(2000);
  });

  it("that are evicted are freed before other keys have to go", () => {
    const { clock, keyspace, addSet, addString } = setUp();
    addSet("large", LARGE);
    const { eviction, arena } = keyspace;
    const database = keyspace.database(0);
    keyspace.setNow(clock.nowMs() + 5_000_000);
    for (let index = 0; index < 50; index++) addString(`key:${index}`);
    const settings = { samples: 100, tenacity: 1, lfuLogFactor: 10, lfuDecayMinutes: 1 };
    eviction.configure({ ...settings, policy: "allkeys-lru", limitBytes: arena.usedBytes - 1_500_000 });
    let calls = 1;
    while (eviction.freeMemoryIfNeeded() === "running") calls++;
    expect(calls).toBeGreaterThan(1);
    expect(eviction.isOverLimit).toBe(false);
    expect(database.count).toBe(50);
    expect(keyspace.evictedKeys).toBe(1);
  });
});
