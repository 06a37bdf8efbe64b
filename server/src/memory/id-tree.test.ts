import { describe, expect, test } from "vitest";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agree } from "../testing/agree.ts";
import { seedOf } from "../testing/differential.ts";
import { Arena } from "./arena.ts";
import { IdTree } from "./id-tree.ts";
import { StreamId } from "./stream-id.ts";

const STEPS = 60_000;
const PHASE = 12_000;
const CHECK_EVERY = 6000;

/** Ids whose order differs when halves are read as signed numbers. */
function idOf(key: number): StreamId {
  return new StreamId().set(key & 1 ? -1 : 0, key * 0x9e3779, (key >>> 3) << 30, key);
}

class Scene {
  readonly arena = new Arena();
  readonly before = this.arena.usedBytes;
  readonly trees: IdTree;
  readonly tree: number;
  /** Keys of ids, and the word beside each. */
  readonly model = new Map<number, number>();
  readonly #valueWords: number;

  constructor(valueWords: number) {
    this.#valueWords = valueWords;
    this.trees = new IdTree(this.arena, valueWords);
    this.tree = this.trees.create();
  }

  insert(key: number, value: number): void {
    agree(this.trees.insert(this.tree, idOf(key)), !this.model.has(key));
    if (this.#valueWords > 0) this.trees.setValue(this.#valueWords - 1, value);
    this.model.set(key, value);
  }

  delete(key: number): void {
    agree(this.trees.delete(this.tree, idOf(key)), this.model.delete(key));
  }

  checkOrder(random: Random): void {
    const { trees, tree } = this;
    const expected = [...this.model.keys()].map(idOf).sort((a, b) => a.compare(b));
    const start = expected[random.below(expected.length + 1)] ?? new StreamId();
    const seen: string[] = [];
    for (let more = trees.seek(tree, start); more; more = trees.next(tree)) {
      seen.push(trees.readId(new StreamId()).toString());
    }
    expect(seen).toEqual(expected.filter((id) => id.compare(start) >= 0).map(String));
    expect(trees.count(tree)).toBe(this.model.size);
  }

  checkValues(): void {
    for (const [key, value] of this.model) {
      agree(this.trees.find(this.tree, idOf(key)), true);
      if (this.#valueWords > 0) agree(this.trees.value(this.#valueWords - 1), value);
    }
  }
}

describe.each([0, 5])("A tree of ids with %d words beside each", (valueWords) => {
  test("agrees with a sorted list through random edits", () => {
    const seed = seedOf(11 + valueWords);
    const random = createSeededRandom(seed);
    const scene = new Scene(valueWords);
    let next = 0;
    for (let step = 0; step < STEPS; step++) {
      // Grows, shrinks to almost nothing, grows again.
      const isGrowing = Math.floor(step / PHASE) % 2 === 0;
      const isInsert = random.below(10) < (isGrowing ? 8 : 2);
      const key = isInsert && random.below(3) > 0 ? next++ : random.below(next + 1);
      if (isInsert) scene.insert(key, step);
      else scene.delete(key);
      if (step % CHECK_EVERY === 0) scene.checkOrder(random);
    }
    scene.checkValues();
  });

  test("gives all memory back", () => {
    const { arena, before, trees, tree } = new Scene(valueWords);
    for (let k = 0; k < 30_000; k++) trees.insert(tree, idOf(k * 7919));
    expect(trees.memoryBytes(tree)).toBe(arena.usedBytes - before);
    for (let k = 0; k < 30_000; k++) agree(trees.delete(tree, idOf(k * 7919)), true);
    expect(trees.count(tree)).toBe(0);
    expect(arena.usedBytes - before).toBeLessThan(4000);
    for (let k = 0; k < 30_000; k++) trees.insert(tree, idOf(k * 7919));
    while (!trees.freeSome(tree, 3));
    expect(arena.usedBytes).toBe(before);
  });
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
