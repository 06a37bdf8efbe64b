import { describe, expect, it } from "vitest";
import type { EvictionPolicy } from "./eviction.ts";
import { NO_EXPIRY } from "./record.ts";
import { TestKeyspace } from "./test-keyspace.ts";

function configure(test: TestKeyspace, policy: EvictionPolicy, limitBytes: number): void {
  test.keyspace.eviction.configure({
    policy,
    limitBytes,
    samples: 5,
    tenacity: 10,
    lfuLogFactor: 10,
    lfuDecayMinutes: 1,
  });
}

/** 1,000 old and 1,000 new keys; every second one of each with an expiry time. Then a sixth of their memory is missing. */
function evictFrom(policy: EvictionPolicy): TestKeyspace {
  const test = new TestKeyspace({ seed: 7 });
  configure(test, policy, 0);
  const empty = test.keyspace.arena.usedBytes;
  for (const age of ["old", "new"]) {
    for (let i = 0; i < 1000; i++) {
      const ttl = 1_000_000_000 + (age === "old" ? 0 : 500_000_000) + i;
      test.set(`${age}:${i}`, "v".repeat(20), i % 2 === 0 ? NO_EXPIRY : test.clock.nowMs() + ttl);
      if (age === "new") for (let use = 0; use < 20; use++) test.get(`${age}:${i}`);
    }
    test.advance(100_000);
  }
  const used = test.keyspace.arena.usedBytes;
  configure(test, policy, used - Math.floor((used - empty) / 6));
  return test;
}

function shareOf(keys: readonly string[], test: (key: string) => boolean): number {
  return keys.filter(test).length / keys.length;
}

const isOld = (key: string) => key.startsWith("old");
const isVolatile = (key: string) => Number(key.split(":")[1]) % 2 === 1;

describe("Eviction", () => {
  it("tells for how long memory was above the limit, in all and up to now", () => {
    const test = evictFrom("noeviction");
    const { eviction } = test.keyspace;
    expect(eviction.overLimitTimes()).toEqual({ totalMs: 0, currentMs: 0 });
    expect(eviction.freeMemoryIfNeeded()).toBe("failed");
    test.advance(250);
    expect(eviction.overLimitTimes()).toEqual({ totalMs: 250, currentMs: 250 });
    configure(test, "noeviction", 0);
    expect(eviction.overLimitTimes()).toEqual({ totalMs: 250, currentMs: 0 });
    test.advance(250);
    expect(eviction.overLimitTimes()).toEqual({ totalMs: 250, currentMs: 0 });
    test.keyspace.resetStatistics();
    expect(eviction.overLimitTimes().totalMs).toBe(0);
  });

  it.each(["allkeys-lru", "allkeys-lfu"] as const)("%s takes the keys used least", (policy) => {
    const test = evictFrom(policy);
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("ok");
    expect(test.evicted.length).toBeGreaterThan(300);
    expect(test.keyspace.evictedKeys).toBe(test.evicted.length);
    expect(shareOf(test.evicted, isOld)).toBeGreaterThan(0.98);
    expect(shareOf(test.evicted, isVolatile)).toBeLessThan(0.7);
  });

  it.each(["volatile-lru", "volatile-lfu", "volatile-ttl"] as const)("%s takes old keys with expiry only", (policy) => {
    const test = evictFrom(policy);
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("ok");
    expect(test.evicted.length).toBeGreaterThan(300);
    expect(shareOf(test.evicted, isVolatile)).toBe(1);
    expect(shareOf(test.evicted, isOld)).toBeGreaterThan(0.9);
  });

  it("allkeys-random and volatile-random do not look at use", () => {
    const all = evictFrom("allkeys-random");
    all.keyspace.eviction.freeMemoryIfNeeded();
    expect(shareOf(all.evicted, isOld)).toBeGreaterThan(0.35);
    expect(shareOf(all.evicted, isOld)).toBeLessThan(0.65);
    const volatile = evictFrom("volatile-random");
    volatile.keyspace.eviction.freeMemoryIfNeeded();
    expect(shareOf(volatile.evicted, isVolatile)).toBe(1);
    expect(shareOf(volatile.evicted, isOld)).toBeLessThan(0.65);
  });

  it("noeviction fails, and a volatile policy does when no such key is left", () => {
    const test = evictFrom("noeviction");
    expect(test.keyspace.eviction.isOverLimit).toBe(true);
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("failed");
    configure(test, "volatile-ttl", 1);
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("failed");
    expect(test.evicted.length).toBe(1000);
    expect(test.db().expiry.count).toBe(0);
    configure(test, "allkeys-lru", 0);
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("ok");
    expect(test.db().count).toBe(1000);
  });

  it("goes on later when its time is over", () => {
    const test = evictFrom("allkeys-lru");
    const { clock } = test;
    const original = clock.monotonicUs.bind(clock);
    clock.monotonicUs = () => {
      clock.advance(1);
      return original();
    };
    let calls = 1;
    while (test.keyspace.eviction.freeMemoryIfNeeded() === "running") calls++;
    expect(calls).toBeGreaterThan(5);
    expect(test.keyspace.eviction.isOverLimit).toBe(false);
  });

  it("frees a flushed database before it evicts", () => {
    const test = new TestKeyspace();
    for (let i = 0; i < 5000; i++) test.set(`key:${i}`, "value", NO_EXPIRY, 1);
    test.set("kept", "value");
    configure(test, "allkeys-lru", test.keyspace.arena.usedBytes - 100_000);
    test.db(1).flush();
    expect(test.keyspace.eviction.freeMemoryIfNeeded()).toBe("ok");
    expect(test.evicted).toEqual([]);
    expect(test.get("kept")).toBe("value");
  });

  it("keeps idle time or frequency, as the policy wants", () => {
    const test = new TestKeyspace();
    const { eviction } = test.keyspace;
    const record = test.set("key", "value");
    test.advance(90_000);
    expect(eviction.idleSeconds(record)).toBe(90);
    test.get("key");
    expect(eviction.idleSeconds(record)).toBe(0);
    eviction.setIdleSeconds(record, 1000);
    expect(eviction.idleSeconds(record)).toBe(1000);
    configure(test, "allkeys-lfu", 0);
    const counted = test.set("other", "value");
    expect(eviction.frequency(counted)).toBe(5);
    for (let i = 0; i < 2000; i++) test.get("other");
    const frequent = eviction.frequency(counted);
    expect(frequent).toBeGreaterThan(10);
    expect(frequent).toBeLessThan(60);
    test.advance(3 * 60_000);
    expect(eviction.frequency(counted)).toBe(frequent - 3);
    eviction.setFrequency(counted, 200);
    expect(eviction.frequency(counted)).toBe(200);
    test.keyspace.isUntouched = true;
    test.advance(60_000);
    test.get("other");
    expect(eviction.frequency(counted)).toBe(199);
  });
});
