import { expect, test } from "vitest";
import { FakeClock } from "../../platform/fake-clock.ts";
import { RewriteLimit } from "./rewrite-limit.ts";

test("RewriteLimit doubles its pause from the third failure in a row on, up to an hour, and forgets all with a success", () => {
  const clock = new FakeClock();
  const limit = new RewriteLimit(clock);
  expect(limit.mayTry).toBe(true);
  const minutes = [1, 2, 4, 8, 16, 32, 60, 60];
  const pausesMs = [5000, 5000, ...minutes.map((some) => some * 60_000)];
  for (const [index, pauseMs] of pausesMs.entries()) {
    limit.failed();
    clock.advance(pauseMs - 1);
    expect([index, limit.failures, limit.mayTry]).toEqual([index, index + 1, false]);
    clock.advance(1);
    expect([index, limit.mayTry]).toEqual([index, true]);
  }
  limit.succeeded();
  expect([limit.failures, limit.mayTry]).toEqual([0, true]);
  limit.failed();
  clock.advance(5000);
  expect(limit.mayTry).toBe(true);
});
