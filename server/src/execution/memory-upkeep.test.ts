import { describe, expect, it } from "vitest";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { TestKeyspace } from "../keyspace/test-keyspace.ts";
import { CHUNK_BYTES } from "../memory/arena-layout.ts";
import { type CompactionSettings, effortFor, expirySliceMs, MemoryUpkeep } from "./memory-upkeep.ts";

const MIB = 1024 * 1024;
const DEFAULTS: CompactionSettings = {
  isEnabled: true,
  ignoreBytes: 100 * MIB,
  lowerPercent: 10,
  upperPercent: 100,
  leastEffort: 1,
  greatestEffort: 25,
};

function setUp(settings: Partial<CompactionSettings> = {}) {
  const test = new TestKeyspace({ databaseCount: 1 });
  const switches = { mayMove: true, mayExpire: true };
  const events = new Set<string>();
  const upkeep = new MemoryUpkeep({
    keyspace: test.keyspace,
    clock: test.clock,
    settings: () => ({ ...DEFAULTS, ...settings }),
    expiryEffort: () => 1,
    mayExpire: () => switches.mayExpire,
    mayEvict: () => false,
    mayMove: () => switches.mayMove,
    spent: (event) => events.add(event),
  });
  return { test, upkeep, switches, events };
}

/** Three chunks, two thirds of which are free again. */
function fragment(test: TestKeyspace): void {
  const value = "v".repeat(16_000);
  for (let i = 0; i < 12_000; i++) test.set(`key:${i}`, value);
  for (let i = 0; i < 12_000; i++) if (i % 3 !== 0) test.delete(`key:${i}`);
}

describe("MemoryUpkeep", () => {
  it("does nothing about fragmentation unless it is switched on", () => {
    const { test, upkeep } = setUp({ isEnabled: false });
    fragment(test);
    upkeep.tick();
    test.clock.advance(5000);
    expect(test.keyspace.arena.mappedBytes).toBe(3 * CHUNK_BYTES);
    expect(test.keyspace.compaction.hits).toBe(0);
  });

  it("compacts by itself when it is, and rests when there is nothing to gain", () => {
    const { test, upkeep, events } = setUp();
    fragment(test);
    upkeep.tick();
    expect(upkeep.effort).toBeGreaterThan(0);
    test.clock.advance(5000);
    expect(test.keyspace.arena.mappedBytes).toBe(2 * CHUNK_BYTES);
    expect([...events]).toEqual(["expire-cycle", "active-defrag-cycle"]);
    expect(upkeep.effort).toBe(0);
    const { hits } = test.keyspace.compaction;
    for (let i = 0; i < 100; i++) {
      upkeep.tick();
      test.clock.advance(100);
    }
    expect(test.keyspace.compaction.hits).toBe(hits);
  });

  it("compacts at once when told to, whatever the settings, but not while data is loaded", () => {
    const { test, upkeep, switches } = setUp({ isEnabled: false });
    fragment(test);
    switches.mayMove = false;
    upkeep.purge();
    expect(upkeep.effort).toBe(0);
    switches.mayMove = true;
    upkeep.purge();
    expect(upkeep.effort).toBeGreaterThan(0);
    test.clock.advance(1000);
    expect(test.keyspace.arena.mappedBytes).toBe(2 * CHUNK_BYTES);
    expect(upkeep.totalMs).toBeGreaterThan(0);
    expect(upkeep.currentMs).toBe(0);
  });

  it("waits for a snapshot to end", () => {
    const { test, upkeep } = setUp();
    const { arena, compaction } = test.keyspace;
    fragment(test);
    upkeep.tick();
    arena.beginSnapshot({ block: () => true });
    test.clock.advance(5000);
    expect(compaction.hits).toBe(0);
    arena.endSnapshot();
    upkeep.tick();
    test.clock.advance(5000);
    expect(arena.mappedBytes).toBe(2 * CHUNK_BYTES);
  });

  it("expires keys and frees flushed ones", () => {
    const { test, upkeep, switches } = setUp();
    const { keyspace, clock } = test;
    for (let i = 0; i < 2000; i++) test.set(`key:${i}`, "value", i % 2 === 0 ? NO_EXPIRY : clock.nowMs() + 10);
    test.advance(20);
    switches.mayExpire = false;
    upkeep.tick();
    expect(test.db().count).toBe(2000);
    switches.mayExpire = true;
    upkeep.tick();
    clock.advance(100);
    expect(test.db().count).toBe(1000);
    test.db().flush();
    expect(keyspace.waitingFrees).toBe(1000);
    upkeep.tick();
    clock.advance(100);
    expect(keyspace.waitingFrees).toBe(0);
    expect(keyspace.arena.usedBytes).toBe(keyspace.indexBytes);
  });
});

describe("effort of expiry", () => {
  it.each([
    [1, 0.25],
    [5, 0.33],
    [10, 0.43],
  ])("%i takes its share of the processor", (effort, share) => {
    const sliceMs = expirySliceMs(effort);
    expect(sliceMs / (sliceMs + 1)).toBeCloseTo(share, 10);
    expect(sliceMs).toBeLessThan(1);
  });
});

describe("effort of compaction", () => {
  it.each([
    ["switched off", { isEnabled: false }, 500, 1000, 0],
    ["little waste", {}, 99, 10, 0],
    ["a small share of waste", {}, 200, 2100, 0],
    ["the lower bound", {}, 200, 2000, 1],
    ["half way", {}, 550, 1000, 13],
    ["the upper bound and more", {}, 3000, 1000, 25],
    ["bounds that are the same", { upperPercent: 10 }, 200, 1000, 25],
  ] as const)("%s", (_title, settings, wasteMib, usedMib, effort) => {
    expect(effortFor({ ...DEFAULTS, ...settings }, wasteMib * MIB, usedMib * MIB)).toBe(effort);
  });
});
