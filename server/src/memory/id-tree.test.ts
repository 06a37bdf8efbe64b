import { describe, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { seedOf } from "../testing/differential.ts";
import { Arena } from "./arena.ts";
import { IdTree } from "./id-tree.ts";
import { StreamId } from "./stream-id.ts";

const STEPS = 60_000;

describe("A tree of ids", () => {
  for (const valueWords of [0, 5]) {
    test(`agrees with a sorted list through random edits, ${valueWords} words beside each id`, () => {
      const seed = seedOf(11 + valueWords);
      const random = createSeededRandom(seed);
      const arena = new Arena();
      const before = arena.usedBytes;
      const trees = new IdTree(arena, valueWords);
      const tree = trees.create();
      const model = new Map<number, number>();
      const id = new StreamId();
      // Ids whose order differs when halves are read as signed numbers.
      const at = (key: number): StreamId => id.set(key & 1 ? -1 : 0, key * 0x9e3779, (key >>> 3) << 30, key);
      let next = 0;
      for (let step = 0; step < STEPS; step++) {
        // Grows, shrinks to almost nothing, grows again.
        const isGrowing = Math.floor(step / 12_000) % 2 === 0;
        const isInsert = random.below(10) < (isGrowing ? 8 : 2);
        const key = isInsert && random.below(3) > 0 ? next++ : random.below(next + 1);
        if (isInsert) {
          expect(trees.insert(tree, at(key))).toBe(!model.has(key));
          if (valueWords > 0) trees.setValue(valueWords - 1, step);
          model.set(key, step);
        } else expect(trees.delete(tree, at(key))).toBe(model.delete(key));
        if (step % 6000 !== 0) continue;
        const expected = [...model.keys()].map((k) => new StreamId().copy(at(k))).sort((a, b) => a.compare(b));
        const seen: string[] = [];
        const start = expected[random.below(expected.length + 1)] ?? new StreamId();
        for (let more = trees.seek(tree, start); more; more = trees.next(tree)) {
          seen.push(trees.readId(new StreamId()).toString());
        }
        expect(seen).toEqual(expected.filter((k) => k.compare(start) >= 0).map(String));
        expect(trees.count(tree)).toBe(model.size);
      }
      for (const [key, value] of model) {
        expect(trees.find(tree, at(key))).toBe(true);
        if (valueWords > 0) expect(trees.value(valueWords - 1)).toBe(value);
      }
      expect(trees.memoryBytes(tree)).toBe(arena.usedBytes - before);
      for (const key of model.keys()) expect(trees.delete(tree, at(key))).toBe(true);
      expect(trees.count(tree)).toBe(0);
      expect(arena.usedBytes - before).toBeLessThan(4000);
      for (let k = 0; k < 30_000; k++) trees.insert(tree, at(k * 7919));
      while (!trees.freeSome(tree, 3));
      expect(arena.usedBytes).toBe(before);
    });
  }
});

test("An id counts up and down over all its halves, and prints as two unsigned numbers", () => {
  const id = new StreamId().set(0, -1, -1, -1);
  expect(id.increment()).toBe(true);
  expect(String(id)).toBe("4294967296-0");
  expect(id.decrement()).toBe(true);
  expect(String(id)).toBe("4294967295-18446744073709551615");
  expect(id.setLargest().increment()).toBe(false);
  expect(id.isZero).toBe(true);
  expect(id.decrement()).toBe(false);
  expect(String(id)).toBe("18446744073709551615-18446744073709551615");
});
