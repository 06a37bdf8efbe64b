import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { ScriptPatience } from "./script-patience.ts";

const ORDINARY = { maySuspend: true, mustFinish: false };

function begun(rules = ORDINARY, thresholdMs = 1000): { patience: ScriptPatience; clock: FakeClock } {
  const clock = new FakeClock();
  const patience = new ScriptPatience(clock, () => thresholdMs);
  patience.begin(rules);
  return { patience, clock };
}

test("before the threshold nothing happens, and without one never", () => {
  const { patience, clock } = begun();
  clock.advance(999);
  expect(patience.look(true, false)).toBeUndefined();
  const endless = begun(ORDINARY, 0);
  endless.clock.advance(1e9);
  expect(endless.patience.look(false, false)).toBeUndefined();
});

test("past it a script is put aside once in a slice", () => {
  const { patience, clock } = begun();
  clock.advance(1000);
  expect(patience.look(true, true)).toBe("suspend");
  patience.beginSlice();
  expect(patience.look(true, true)).toBeUndefined();
  clock.advance(5);
  expect(patience.look(true, true)).toBe("suspend");
});

test("what cannot be put aside is ended for good, later if it has written", () => {
  const { patience, clock } = begun();
  clock.advance(1000);
  expect(patience.look(false, true)).toBeUndefined();
  expect(patience.look(false, false)).toMatchObject({ error: expect.stringContaining("Script stopped") });
  expect(patience.look(true, true)).toMatchObject({ error: expect.stringContaining("Script stopped") });
  patience.begin(ORDINARY);
  clock.advance(3999);
  expect(patience.look(false, true)).toBeUndefined();
  clock.advance(1);
  expect(patience.look(false, true)).toMatchObject({ error: expect.stringContaining("Script stopped") });
});

test("what a primary sends is never ended", () => {
  const { patience, clock } = begun({ maySuspend: false, mustFinish: true });
  clock.advance(1e9);
  expect(patience.look(true, false)).toBeUndefined();
});

test("one that is to end does so at the next look", () => {
  const { patience } = begun();
  patience.end();
  expect(patience.look(false, true)).toEqual({ error: "Script killed by user with SCRIPT KILL..." });
});
