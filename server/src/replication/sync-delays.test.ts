import { expect, test } from "vitest";
import { SyncDelays } from "./sync-delays.ts";

test("who failed waits, each time twice as long, up to five minutes, and nobody else does", () => {
  const delays = new SyncDelays();
  const waits: number[] = [];
  let nowMs = 1000;
  for (let k = 0; k < 7; k++) {
    const delayMs = delays.failed("a:1", nowMs);
    waits.push(delayMs / 1000);
    expect(delays.mustWait("a:1", nowMs + delayMs - 1)).toBe(true);
    expect(delays.mustWait("b:1", nowMs)).toBe(false);
    nowMs += delayMs;
    expect(delays.mustWait("a:1", nowMs)).toBe(false);
  }
  expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300]);
});

test("a failure counts as the first again when nothing has failed for five minutes after the wait", () => {
  const delays = new SyncDelays();
  expect(delays.failed("a:1", 0)).toBe(10_000);
  expect(delays.failed("a:1", 310_000)).toBe(20_000);
  expect(delays.failed("a:1", 330_000 + 300_001)).toBe(10_000);
});

test("only so many names are remembered, the latest", () => {
  const delays = new SyncDelays();
  for (let k = 0; k <= 1000; k++) delays.failed(`a:${k}`, 0);
  expect(["a:0", "a:1", "a:1000"].map((name) => delays.mustWait(name, 1))).toEqual([false, true, true]);
});
