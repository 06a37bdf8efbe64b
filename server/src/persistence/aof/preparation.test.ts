import { expect, test } from "vitest";
import { Preparation, type PreparingStep } from "./preparation.ts";

const OPTIONS = { stepBytes: 0, frequentSyncs: 200, key: () => "" };

function afterSecond(syncs: number, isPrepared: boolean): PreparingStep | undefined {
  const preparation = new Preparation(OPTIONS, 5000);
  for (let i = 0; i < syncs; i++) preparation.countSync();
  expect(preparation.stepFor({ isPrepared }, 5999)).toBeUndefined();
  return preparation.stepFor({ isPrepared }, 6000);
}

test("a file is prepared while it is synced often, and cut once that is rare", () => {
  expect(afterSecond(199, false)).toBeUndefined();
  expect(afterSecond(200, false)).toBe("prepare");
  expect(afterSecond(200, true)).toBeUndefined();
  expect(afterSecond(20, true)).toBeUndefined();
  expect(afterSecond(19, true)).toBe("trim");
  expect(afterSecond(0, false)).toBeUndefined();
});

test("each second counts for itself, also after the clock was set back", () => {
  const preparation = new Preparation(OPTIONS, 5000);
  for (let i = 0; i < 1000; i++) preparation.countSync();
  expect(preparation.stepFor({ isPrepared: false }, 6000)).toBe("prepare");
  expect(preparation.stepFor({ isPrepared: true }, 7000)).toBe("trim");
  for (let i = 0; i < 1000; i++) preparation.countSync();
  expect(preparation.stepFor({ isPrepared: false }, 1000)).toBeUndefined();
  for (let i = 0; i < 1000; i++) preparation.countSync();
  expect(preparation.stepFor({ isPrepared: false }, 2000)).toBe("prepare");
});
