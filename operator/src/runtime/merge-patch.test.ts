import { describe, expect, it } from "vitest";
import { applyMergePatch, isEqual, type Json, mergePatch } from "./merge-patch.ts";

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A value without null: a merge patch cannot set one. */
function randomValue(random: () => number, depth: number): Json {
  const choice = Math.floor(random() * (depth > 0 ? 6 : 4));
  switch (choice) {
    case 0:
      return Math.floor(random() * 3);
    case 1:
      return `text-${Math.floor(random() * 3)}`;
    case 2:
      return random() < 0.5;
    case 3:
      return [Math.floor(random() * 2)];
    default:
      return Object.fromEntries(
        ["a", "b", "c"].filter(() => random() < 0.6).map((key) => [key, randomValue(random, depth - 1)]),
      );
  }
}

describe("mergePatch", () => {
  it("is undefined exactly when nothing differs, and otherwise leads from one value to the other", () => {
    const seed = Date.now() % 1_000_000;
    const random = generator(seed);
    for (let round = 0; round < 2_000; round++) {
      const from = { root: randomValue(random, 3) };
      const to = { root: randomValue(random, 3) };
      const patch = mergePatch(from, to);
      expect(patch === undefined, `seed ${seed} round ${round}`).toBe(isEqual(from, to));
      expect(applyMergePatch(from, patch ?? {}), `seed ${seed} round ${round}`).toEqual(to);
      expect(mergePatch(to, structuredClone(to)), `seed ${seed} round ${round}`).toBeUndefined();
    }
  });

  it("takes undefined members for absent ones", () => {
    expect(mergePatch({ a: 1 }, { a: 1, b: undefined })).toBeUndefined();
    expect(mergePatch({ a: 1, b: 2 }, { a: 1, b: undefined })).toEqual({ b: null });
  });

  it("replaces lists whole", () => {
    expect(mergePatch({ list: [{ a: 1 }, { b: 2 }] }, { list: [{ a: 1 }] })).toEqual({ list: [{ a: 1 }] });
  });
});
