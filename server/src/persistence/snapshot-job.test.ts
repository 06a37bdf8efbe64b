import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { SliceMeter } from "./slice-meter.ts";
import type { Snapshot } from "./snapshot.ts";
import { SnapshotJob } from "./snapshot-job.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

const MIB = 1 << 20;

function setUp() {
  const clock = new FakeClock();
  const slicesMs: number[] = [];
  const state = {
    waitingBytes: 2 * MIB,
    aside: 0,
    large: 0,
    isWalked: false,
    slicesMs,
    releases: 0,
    ends: 0,
    keys: 0,
    delayUs: 0,
  };
  const target = {
    get isFull() {
      return state.waitingBytes > MIB;
    },
    get waitingBytes() {
      return state.waitingBytes;
    },
    end: () => state.ends++,
    abort: () => undefined,
  } as unknown as SnapshotTarget;
  const snapshot = {
    walk: () => {
      const tookMs = slicesMs.shift();
      if (tookMs === undefined) return state.isWalked;
      clock.advance(tookMs);
      state.keys++;
      return slicesMs.length === 0;
    },
    abort: () => undefined,
    get keysWritten() {
      return state.keys;
    },
    holds: (record: number) => record > state.large,
    get waitingBytes() {
      return state.aside;
    },
    get largeValuesWritten() {
      return state.large;
    },
  } as unknown as Snapshot;
  const meter = new SliceMeter();
  const job = new SnapshotJob({
    ...{ snapshot, target, clock, meter, caughtUp: () => state.releases++, keyDelayUs: () => state.delayUs },
  });
  job.start();
  clock.advance(5);
  return { clock, state, job, meter };
}

test("writers wait while changes outrun the target, and go on when half of that is gone", () => {
  const { clock, state, job } = setUp();
  state.waitingBytes = 60 * MIB;
  clock.advance(5);
  expect(job.isBehind).toBe(false);
  state.waitingBytes = 65 * MIB;
  clock.advance(5);
  expect(job.isBehind).toBe(true);
  state.waitingBytes = 33 * MIB;
  clock.advance(5);
  expect([job.isBehind, state.releases]).toEqual([true, 0]);
  state.waitingBytes = 32 * MIB;
  clock.advance(5);
  expect([job.isBehind, state.releases]).toEqual([false, 1]);
});

test("what waits aside for the end of a large value counts too", () => {
  const { clock, state, job } = setUp();
  state.aside = 63 * MIB;
  clock.advance(5);
  expect(job.isBehind).toBe(true);
});

test("who waits for a large value is let go on when one has been written, or when the snapshot is over", () => {
  const { clock, state, job } = setUp();
  expect([job.holds(0), job.holds(1)]).toEqual([false, true]);
  clock.advance(5);
  expect(state.releases).toBe(0);
  state.large = 1;
  clock.advance(5);
  expect([job.holds(1), state.releases]).toEqual([false, 1]);
  clock.advance(5);
  expect(job.holds(2)).toBe(true);
  job.abort();
  expect(state.releases).toBe(2);
});

test("a target that takes nothing any more keeps nobody waiting for a large value", () => {
  const { clock, state, job } = setUp();
  clock.advance(150);
  expect([job.holds(1), state.releases]).toEqual([true, 0]);
  clock.advance(150);
  expect([job.holds(1), state.releases]).toEqual([false, 1]);
});

test("slices are counted and timed, the pauses for a full target are not", () => {
  const { clock, state, job, meter } = setUp();
  expect(job.waitingBytes).toBe(2 * MIB);
  expect(meter.facts()).toEqual({ slices: 0, sliceSeconds: 0, longestSliceSeconds: 0 });
  state.waitingBytes = 0;
  state.slicesMs.push(3, 1);
  clock.advance(10);
  expect(state.ends).toBe(1);
  expect(meter.facts()).toEqual({ slices: 2, sliceSeconds: 0.004, longestSliceSeconds: 0.003 });
  meter.begin();
  expect(meter.facts()).toEqual({ slices: 2, sliceSeconds: 0.004, longestSliceSeconds: 0 });
});

test.each([
  ["is given up", ({ job }: ReturnType<typeof setUp>) => job.abort()],
  [
    "has been walked",
    ({ clock, state }: ReturnType<typeof setUp>) => {
      state.waitingBytes = 0;
      state.isWalked = true;
      clock.advance(5);
    },
  ],
])("nobody waits any more when the snapshot %s", (_what, end) => {
  const made = setUp();
  made.state.waitingBytes = 65 * MIB;
  made.clock.advance(5);
  end(made);
  expect([made.job.isBehind, made.state.releases]).toEqual([false, 1]);
});

test("each key takes as long as it is told to, until it is told otherwise", () => {
  const { clock, state } = setUp();
  state.delayUs = 10_000_000;
  state.waitingBytes = 0;
  state.slicesMs.push(0, 0, 0);
  clock.advance(5);
  expect(state.keys).toBe(1);
  clock.advance(9000);
  expect(state.keys).toBe(1);
  clock.advance(2000);
  expect(state.keys).toBe(2);
  state.delayUs = 0;
  clock.advance(100);
  expect([state.keys, state.ends]).toEqual([3, 1]);
});

test("slices follow each other at once while nobody is served in between, and give clients a moment where somebody was", () => {
  const pausesMs: number[] = [];
  let us = 1;
  let next = (): void => undefined;
  const clock = new FakeClock();
  clock.monotonicUs = () => us;
  clock.after = (delayMs, run) => {
    pausesMs.push(delayMs);
    next = run;
    return () => undefined;
  };
  const target = { isFull: false, waitingBytes: 0, end: () => undefined } as unknown as SnapshotTarget;
  const snapshot = { walk: () => false, keysWritten: 0, waitingBytes: 0, largeValuesWritten: 0 } as unknown as Snapshot;
  const meter = new SliceMeter();
  new SnapshotJob({ snapshot, target, clock, meter, caughtUp: () => undefined, keyDelayUs: () => 0 }).start();
  for (const betweenUs of [500, 1300, 20, 90, 300, 1300, 20]) {
    us += betweenUs;
    next();
  }
  expect(pausesMs).toEqual([0, 1, 0, 0, 0, 1, 0, 0]);
  expect(meter.facts().slices).toBe(5);
});
