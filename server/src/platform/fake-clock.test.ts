import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";

test("advance runs timers in order of time, each at its own moment", () => {
  const clock = new FakeClock(1000);
  const seen: string[] = [];
  clock.after(30, () => seen.push(`c@${clock.nowMs()}`));
  clock.after(10, () => {
    seen.push(`a@${clock.nowMs()}`);
    clock.after(5, () => seen.push(`b@${clock.nowMs()}`));
  });
  clock.advance(100);
  expect(seen).toEqual(["a@1010", "b@1015", "c@1030"]);
  expect(clock.nowMs()).toBe(1100);
  expect(clock.pendingTimers).toBe(0);
});

test("every repeats until cancelled", () => {
  const clock = new FakeClock(0);
  let runs = 0;
  const cancel = clock.every(100, () => runs++);
  clock.advance(350);
  cancel();
  clock.advance(1000);
  expect(runs).toBe(3);
});
