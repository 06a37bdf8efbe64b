import { describe, expect, it } from "vitest";
import { NO_EXPIRY } from "./record.ts";
import { TestKeyspace } from "./test-keyspace.ts";

/** The clock of the test stands still, except that each look at it takes a millisecond. */
function slowClock(test: TestKeyspace): void {
  const { clock } = test;
  const original = clock.monotonicUs.bind(clock);
  clock.monotonicUs = () => {
    clock.advance(1);
    return original();
  };
}

describe("ExpiryCycle", () => {
  it("deletes exactly the keys whose time has come, in all databases", () => {
    const test = new TestKeyspace();
    const now = test.clock.nowMs();
    for (let i = 0; i < 4000; i++) {
      const expireAtMs = i % 4 === 0 ? NO_EXPIRY : now + i;
      test.set(`key:${i}`, "v".repeat(i % 300), expireAtMs, i % 3);
    }
    test.advance(2001);
    expect(test.keyspace.expiry.run(100)).toBe(true);
    const left = [0, 1, 2].flatMap((index) => test.keys(index)).sort();
    const expected = Array.from({ length: 4000 }, (_, i) => i).filter((i) => i % 4 === 0 || i > 2000);
    expect(left).toEqual(expected.map((i) => `key:${i}`).sort());
    expect(test.expired.length).toBe(4000 - expected.length);
    expect(test.keyspace.expiredKeys).toBe(test.expired.length);
  });

  it("works in slices of its budget, and finds all keys although the keyspace changes between them", () => {
    const test = new TestKeyspace();
    const now = test.clock.nowMs();
    for (let i = 0; i < 20_000; i++) test.set(`key:${i}`, "v".repeat((i % 10) * 20), now + 50);
    test.advance(100);
    slowClock(test);
    let slices = 1;
    while (!test.keyspace.expiry.run(2)) {
      slices++;
      for (let i = 0; i < 20; i++) test.delete(`key:${slices * 20 + i}`);
      for (let i = 0; i < 20; i++) test.set(`new:${slices}:${i}`, "v".repeat(slices % 500), now + 10_000_000);
    }
    expect(slices).toBeGreaterThan(10);
    test.keyspace.expiry.run(2);
    expect(test.keys().filter((key) => key.startsWith("key:"))).toEqual([]);
    expect(test.db().count).toBe((slices - 1) * 20);
  });

  it("tells which share of keys it found expired, how long it took and how often it was cut short", () => {
    const test = new TestKeyspace();
    const now = test.clock.nowMs();
    for (let i = 0; i < 4000; i++) test.set(`key:${i}`, "v", now + (i % 4 === 0 ? 50 : 10_000_000));
    test.advance(100);
    slowClock(test);
    while (!test.keyspace.expiry.run(2));
    const { stalePercent, cappedRuns, spentMs } = test.keyspace.expiry.statistics;
    // A quarter of them, which counts for a twentieth.
    expect(stalePercent).toBeCloseTo(25 * 0.05, 1);
    expect(cappedRuns).toBeGreaterThan(5);
    expect(spentMs).toBeGreaterThanOrEqual(2 * cappedRuns);
    test.keyspace.resetStatistics();
    expect(test.keyspace.expiry.statistics).toEqual({ stalePercent: 0, cappedRuns: 0, spentMs: 0 });
  });

  it("rests until the earliest time there is, and wakes for an earlier one", () => {
    const test = new TestKeyspace();
    const now = test.clock.nowMs();
    for (let i = 0; i < 1000; i++) test.set(`late:${i}`, "v", now + 60_000);
    test.set("early", "v", now + 10);
    test.advance(20);
    test.keyspace.expiry.run(10);
    expect(test.expired).toEqual(["early"]);
    let looks = 0;
    const { clock } = test;
    const original = clock.monotonicUs.bind(clock);
    clock.monotonicUs = () => {
      looks++;
      return original();
    };
    test.keyspace.expiry.run(10);
    expect(looks).toBe(0);
    test.set("sooner", "v", clock.nowMs() + 1);
    test.advance(2);
    test.keyspace.expiry.run(10);
    test.advance(60_000);
    test.keyspace.expiry.run(10);
    expect(test.expired.length).toBe(1002);
    expect(test.db().count).toBe(0);
  });

  it("leaves records of a flushed database alone", () => {
    const test = new TestKeyspace();
    for (let i = 0; i < 2000; i++) test.set(`key:${i}`, "v", test.clock.nowMs() + 10);
    test.db().flush();
    test.advance(20);
    test.keyspace.expiry.run(10);
    expect(test.expired).toEqual([]);
    while (!test.keyspace.reclaim(1));
    expect(test.keyspace.arena.usedBytes).toBe(test.keyspace.indexBytes);
  });
});
