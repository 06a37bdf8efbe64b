import { expect, test } from "vitest";
import { ErrorStatistics, RateMeter } from "./counters.ts";

test("a steady counter settles at its rate", () => {
  const meter = new RateMeter(0);
  for (let tick = 1; tick <= 20; tick++) meter.sample(tick * 50, tick * 100);
  expect(meter.perSecond).toBeCloseTo(500);
  meter.reset(1000);
  expect(meter.perSecond).toBe(0);
});

test("errors are counted by code, and invented codes do not grow without bound", () => {
  const errors = new ErrorStatistics();
  errors.record("ERR syntax error");
  errors.record("ERR no such key");
  errors.record("WRONGTYPE Operation");
  expect(errors.entries()).toEqual([
    ["ERR", 2],
    ["WRONGTYPE", 1],
  ]);
  for (let index = 0; index < 1000; index++) errors.record(`E${index} x`);
  expect(errors.entries()).toHaveLength(128);
  expect(errors.total).toBe(1003);
});
