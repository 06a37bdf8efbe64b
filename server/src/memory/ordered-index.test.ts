import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { Arena } from "./arena.ts";
import { compareNumbers, OrderedIndex } from "./ordered-index.ts";
import { compareMembers, createScoredRecord, MEMBER_OFFSET, memberLength, scoreOf, setScore } from "./scored-record.ts";

interface Item {
  score: number;
  member: string;
  record: number;
}

const compare = (a: Item, b: Item): number =>
  a.score - b.score || Buffer.compare(Buffer.from(a.member), Buffer.from(b.member));

function memberOf(arena: Arena, record: number): string {
  const at = ((record & 0x7fffff) << 3) + MEMBER_OFFSET;
  return (arena.bytes[record >>> 23] as Buffer).toString("latin1", at, at + memberLength(arena, record));
}

function walk(arena: Arena, index: OrderedIndex, handle: number): string[] {
  const members: string[] = [];
  const count = index.count(handle);
  if (count > 0) index.seek(handle, 0);
  for (let k = 0; k < count; k++, index.next()) members.push(memberOf(arena, index.record));
  return members;
}

function add(arena: Arena, index: OrderedIndex, handle: number, score: number, member: string): Item {
  const bytes = Buffer.from(member);
  const record = createScoredRecord(arena, score, bytes, 0, bytes.length);
  index.insert(handle, score, record);
  return { score, member, record };
}

describe("ordered index", () => {
  it.each([
    [1, 40, 7],
    [2, 1e9, 6],
    [3, 1, 7],
    [4, 500, 4],
  ])("follows a sorted array through random edits, and frees all it took (seed %i)", (seed, scores, tilt) => {
    const random = createSeededRandom(seed);
    const arena = new Arena();
    const before = arena.usedBytes;
    const index = new OrderedIndex(arena, compareMembers);
    const handle = index.create();
    const items: Item[] = [];
    for (let round = 0; round < 9000; round++) {
      const growing = round < 6000 ? tilt : 2;
      const kind = random.below(10);
      if (kind < growing) items.push(add(arena, index, handle, random.below(scores), `m${round % 7}-${round}`));
      else if (items.length > 0) {
        const at = random.below(items.length);
        const item = items[at] as Item;
        if (kind % 2 === 0) {
          const from = item.score;
          item.score = random.below(2) === 0 ? random.below(scores) : item.score + random.below(3) - 1;
          index.move(handle, from, item.record, item.score);
          setScore(arena, item.record, item.score);
        } else {
          index.delete(handle, item.score, item.record);
          arena.free(item.record);
          items[at] = items[items.length - 1] as Item;
          items.pop();
        }
      }
      if (round % 1500 === 0)
        expect(walk(arena, index, handle), `seed ${seed} round ${round}`).toEqual(
          [...items].sort(compare).map((item) => item.member),
        );
    }
    const sorted = [...items].sort(compare);
    expect(walk(arena, index, handle)).toEqual(sorted.map((item) => item.member));
    sorted.forEach((item, rank) => {
      expect(index.rank(handle, item.score, item.record), `seed ${seed}`).toBe(rank);
      index.seek(handle, rank);
      expect(index.record).toBe(item.record);
    });
    for (let k = 0; k < 200; k++) {
      const score = random.below(scores + 2) - 1;
      expect(index.rankOfScore(handle, score, false)).toBe(sorted.filter((item) => item.score < score).length);
      expect(index.rankOfScore(handle, score, true)).toBe(sorted.filter((item) => item.score <= score).length);
    }
    for (const item of items) {
      index.delete(handle, item.score, item.record);
      arena.free(item.record);
    }
    expect(index.count(handle)).toBe(0);
    expect(index.freeSome(handle, 10)).toBe(true);
    expect(arena.usedBytes).toBe(before);
  });

  it("walks backwards, and finds bounds by member where scores are equal", () => {
    const arena = new Arena();
    const index = new OrderedIndex(arena, compareMembers);
    const handle = index.create();
    const names = Array.from({ length: 3000 }, (_, k) => `k${String((k * 7919) % 3000).padStart(5, "0")}`);
    for (const name of names) add(arena, index, handle, 0, name);
    const sorted = [...names].sort();
    index.seek(handle, 2999);
    const backwards: string[] = [];
    for (let k = 0; k < 3000; k++, index.previous()) backwards.push(memberOf(arena, index.record));
    expect(backwards).toEqual([...sorted].reverse());
    for (const probe of ["", "k", "k00000", "k00001x", "k01500", "k02999", "z"]) {
      const bytes = Buffer.from(probe);
      const below = index.rankOfMember(handle, bytes, 0, bytes.length, false);
      expect(below).toBe(sorted.filter((name) => name < probe).length);
      if (below < 3000) expect(memberOf(arena, index.record)).toBe(sorted[below]);
      expect(index.rankOfMember(handle, bytes, 0, bytes.length, true)).toBe(
        sorted.filter((name) => name <= probe).length,
      );
    }
  });

  it("changes a score in place without losing the order", () => {
    const arena = new Arena();
    const index = new OrderedIndex(arena, compareMembers);
    const handle = index.create();
    const items = Array.from({ length: 1000 }, (_, k) => add(arena, index, handle, k, `m${k}`));
    for (const { record } of items) {
      index.move(handle, scoreOf(arena, record), record, scoreOf(arena, record) + 0.5);
      setScore(arena, record, scoreOf(arena, record) + 0.5);
    }
    expect(walk(arena, index, handle)).toEqual(items.map((item) => item.member));
    expect(index.rankOfScore(handle, 499.5, false)).toBe(499);
  });

  it.each([
    [1, 3, 4],
    [2, 50, 1000],
    [3, 1, 1],
    [4, 100_000, 2],
  ])("holds plain numbers, the same pair any number of times (seed %i)", (seed, scores, numbers) => {
    const random = createSeededRandom(seed);
    const arena = new Arena();
    const before = arena.usedBytes;
    const index = new OrderedIndex(arena, compareNumbers);
    const handle = index.create();
    const pairs: [number, number][] = [];
    for (let round = 0; round < 8000; round++) {
      if (random.below(10) < (round < 5000 ? 8 : 2)) {
        const pair: [number, number] = [random.below(scores), random.below(numbers) - (numbers >> 1)];
        pairs.push(pair);
        index.insert(handle, ...pair);
      } else if (pairs.length > 0) {
        const at = random.below(pairs.length);
        index.delete(handle, ...(pairs[at] as [number, number]));
        pairs[at] = pairs[pairs.length - 1] as [number, number];
        pairs.pop();
      }
      if (round % 1000 !== 0) continue;
      const found: [number, number][] = [];
      if (pairs.length > 0) index.seek(handle, 0);
      for (let k = 0; k < pairs.length; k++, index.next()) found.push([index.score, index.record]);
      expect(found, `seed ${seed} round ${round}`).toEqual([...pairs].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
    }
    for (const pair of pairs) index.delete(handle, ...pair);
    expect(index.count(handle)).toBe(0);
    expect(index.freeSome(handle, 10)).toBe(true);
    expect(arena.usedBytes).toBe(before);
  });

  it("frees a large index in slices", () => {
    const arena = new Arena();
    const before = arena.usedBytes;
    const index = new OrderedIndex(arena, compareMembers);
    const handle = index.create();
    const records = Array.from({ length: 20_000 }, (_, k) => add(arena, index, handle, k, `m${k}`).record);
    for (const record of records) arena.free(record);
    let slices = 1;
    while (!index.freeSome(handle, 50)) slices++;
    expect(slices).toBeGreaterThan(5);
    expect(arena.usedBytes).toBe(before);
  });
});
