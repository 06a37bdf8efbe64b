import { keySlot } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import type { Database } from "./database.ts";
import { NO_EXPIRY } from "./record.ts";
import { MOST_SPARED_DATABASES } from "./spare-databases.ts";
import { TestKeyspace } from "./test-keyspace.ts";

function put(database: Database, key: string, value: string, expireAtMs = NO_EXPIRY): void {
  const bytes = Buffer.from(key + value);
  database.setString(bytes, 0, key.length, bytes, key.length, value.length, expireAtMs);
}

const evictAll = { policy: "volatile-lru", samples: 5, tenacity: 100, lfuLogFactor: 10, lfuDecayMinutes: 1 } as const;

describe("spare databases", () => {
  it("are seen by nobody until they take over, each in the place of its own; the others' keys are freed", () => {
    const test = new TestKeyspace();
    const { keyspace } = test;
    const before = keyspace.arena.usedBytes;
    for (let k = 0; k < 5000; k++) test.set(`old:${k}`, "value");
    test.set("in both", "old", NO_EXPIRY, 3);
    const { spare } = keyspace;
    put(spare.database(3), "in both", "new");
    put(spare.database(4), "new", "value");
    expect(test.get("in both", 3)).toBe("old");
    expect(test.get("new", 4)).toBeUndefined();
    expect(keyspace.count).toBe(5001);
    spare.takeOver();
    expect(test.get("in both", 3)).toBe("new");
    expect(test.get("new", 4)).toBe("value");
    expect(keyspace.count).toBe(2);
    keyspace.flushAll();
    expect(keyspace.reclaim(1000)).toBe(true);
    // What the second set costs while it is empty: an index for each of its databases.
    expect(keyspace.arena.usedBytes - before).toBeLessThan(16 * 1024);
  });

  it("touch watched keys that are in the old or the new data, and no others", () => {
    const test = new TestKeyspace();
    const { watches, spare } = test.keyspace;
    const clients = ["old", "new", "neither"].map((key) => ({ key }));
    for (const client of clients) watches.watch(client, test.db(), Buffer.from(client.key));
    test.set("old", "value");
    put(spare.database(0), "new", "value");
    spare.takeOver();
    const broken = clients.filter((client) => watches.isBroken(client));
    expect(broken.map(({ key }) => key)).toEqual(["old", "new"]);
  });

  it("bring their expiry times and the counts of their slots along", () => {
    const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
    const { keyspace } = test;
    const slot = (key: string): number => keySlot(Buffer.from(key), 0, key.length);
    test.set("{a}old", "value");
    test.set("{b}old", "value");
    for (const key of ["{a}1", "{a}2", "{c}3"]) put(keyspace.spare.database(0), key, "v", test.clock.nowMs() + 100);
    expect([slot("a"), slot("b"), slot("c")].map((each) => keyspace.countInSlot(each))).toEqual([1, 1, 0]);
    keyspace.spare.takeOver();
    expect([slot("a"), slot("b"), slot("c")].map((each) => keyspace.countInSlot(each))).toEqual([2, 0, 1]);
    expect(keyspace.keysInSlot(slot("a"), 10).map(String).sort()).toEqual(["{a}1", "{a}2"]);
    test.advance(200);
    keyspace.expiry.run(1000);
    expect(test.expired.sort()).toEqual(["{a}1", "{a}2", "{c}3"]);
    expect(keyspace.countInSlot(slot("a"))).toBe(0);
  });

  it("lose no key to eviction", () => {
    const test = new TestKeyspace();
    const { eviction, spare } = test.keyspace;
    for (let k = 0; k < 300; k++) {
      test.set(`old:${k}`, "value", test.clock.nowMs() + 1e6);
      put(spare.database(0), `new:${k}`, "value", test.clock.nowMs() + 1e6);
    }
    eviction.configure({ ...evictAll, limitBytes: 1 });
    expect(eviction.freeMemoryIfNeeded()).toBe("failed");
    expect(test.keyspace.count).toBe(0);
    expect(test.evicted).toHaveLength(300);
    expect(spare.database(0).count).toBe(300);
  });

  it("are used again and again, also with as many databases as there may be", () => {
    const test = new TestKeyspace({ databaseCount: MOST_SPARED_DATABASES });
    const { keyspace } = test;
    for (let round = 0; round < 6; round++) {
      for (let index = 0; index < MOST_SPARED_DATABASES; index++) {
        // More than are freed at once, so that each flush keeps an id until they are reclaimed.
        for (let k = 0; k < 600; k++) put(keyspace.spare.database(index), `${index}:${k}`, String(round));
      }
      keyspace.spare.takeOver();
      expect(test.get("63:599", 63)).toBe(String(round));
    }
    const databases = MOST_SPARED_DATABASES + 1;
    expect(() => new TestKeyspace({ databaseCount: databases }).keyspace.spare).toThrow("no room for 65 more");
  });
});
