import { describe, expect, it } from "vitest";
import { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agree } from "../testing/agree.ts";
import { Collections } from "./collections.ts";
import { defaultEncodingLimits } from "./encoding-limits.ts";
import { PendingFrees } from "./free-value.ts";
import { SetResult } from "./sorted-set.ts";
import { Encoding, ValueType } from "./value-type.ts";

const make = (seed: number): { arena: Arena; collections: Collections; random: Random; before: number } => {
  const arena = new Arena();
  const random = createSeededRandom(seed);
  const collections = new Collections(arena, defaultEncodingLimits(), random);
  return { arena, collections, random, before: arena.usedBytes };
};

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const textOf = (span: ByteSpan): string => span.toBuffer().toString("latin1");

describe("set value", () => {
  it.each([
    [1, 1000, 0],
    [2, 150, 1],
    [3, 5000, 1],
    [4, 5000, 30],
  ])("follows a Set through random edits (seed %i)", (seed, range, texts) => {
    const { arena, collections, random, before } = make(seed);
    const set = collections.createSetView();
    set.create(latin1("1"), 0, 1, 1);
    const model = new Set<string>();
    for (let round = 0; round < 6000; round++) {
      const member = (random.below(100) < texts ? "m" : "") + random.below(range);
      const bytes = latin1(member);
      agree(set.has(bytes, 0, bytes.length), model.has(member));
      if (random.below(3) > 0) {
        agree(set.add(bytes, 0, bytes.length), !model.has(member), `seed ${seed} round ${round}`);
        model.add(member);
      } else agree(set.remove(bytes, 0, bytes.length), model.delete(member), `seed ${seed} round ${round}`);
    }
    const members: string[] = [];
    set.forEach((member) => {
      members.push(textOf(member));
    });
    expect(members.sort()).toEqual([...model].sort());
    expect(set.count).toBe(model.size);
    const span = new ByteSpan();
    for (let k = 0; k < 50; k++) {
      set.random(random, span);
      expect(model.has(textOf(span))).toBe(true);
    }
    const scanned = new Set<string>();
    let cursor = 0;
    do cursor = set.scan(cursor, 10, (member) => scanned.add(textOf(member)));
    while (cursor !== 0);
    expect([...scanned].sort()).toEqual([...model].sort());
    while (!set.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });

  it("goes from intset to listpack to hashtable at Redis' limits", () => {
    const { collections } = make(1);
    const set = collections.set;
    const add = (member: string): number => {
      set.add(latin1(member), 0, member.length);
      return set.encoding;
    };
    set.create(latin1("5"), 0, 1, 1);
    for (let k = 0; k < 512; k++) expect(add(String(k))).toBe(Encoding.intset);
    expect(add("512")).toBe(Encoding.hashtable);
    set.create(latin1("5"), 0, 1, 1);
    for (let k = 0; k < 127; k++) add(String(k));
    expect(add("text")).toBe(Encoding.listpack);
    expect(add("more")).toBe(Encoding.hashtable);
    set.create(latin1("a"), 0, 1, 1);
    expect(add("x".repeat(64))).toBe(Encoding.listpack);
    expect(add("x".repeat(65))).toBe(Encoding.hashtable);
    set.create(latin1("a"), 0, 1, 129);
    expect(set.encoding).toBe(Encoding.hashtable);
  });
});

describe("hash value", () => {
  it.each([
    [1, 40, 30],
    [2, 4000, 30],
    [3, 100, 200],
  ])("follows a Map through random edits (seed %i)", (seed, range, longest) => {
    const { arena, collections, random, before } = make(seed);
    const hash = collections.createHashView();
    hash.create();
    const model = new Map<string, string>();
    const span = new ByteSpan();
    for (let round = 0; round < 6000; round++) {
      const field = latin1(`f${random.below(range)}`);
      const name = field.toString();
      const value = latin1(random.below(2) === 0 ? String(random.below(1000)) : "v".repeat(random.below(longest)));
      agree(hash.get(field, 0, field.length, span) ? textOf(span) : undefined, model.get(name));
      if (random.below(3) > 0) {
        const isNew = hash.set(field, 0, field.length, value, 0, value.length);
        agree(isNew, !model.has(name), `seed ${seed} round ${round}`);
        model.set(name, value.toString());
      } else agree(hash.delete(field, 0, field.length), model.delete(name), `seed ${seed} round ${round}`);
    }
    const found = new Map<string, string>();
    hash.forEach((field, value) => {
      found.set(textOf(field), textOf(value));
    });
    expect([...found].sort()).toEqual([...model].sort());
    expect(hash.count).toBe(model.size);
    const scanned = new Map<string, string>();
    let cursor = 0;
    do cursor = hash.scan(cursor, 10, (field, value) => scanned.set(textOf(field), textOf(value)));
    while (cursor !== 0);
    expect([...scanned].sort()).toEqual([...model].sort());
    const value = new ByteSpan();
    hash.random(random, span, value);
    expect(model.get(textOf(span))).toBe(textOf(value));
    while (!hash.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });

  it("becomes a hash table beyond 512 fields or 64 bytes", () => {
    const { collections } = make(1);
    const hash = collections.hash;
    const set = (field: string, value: string): number => {
      hash.set(latin1(field), 0, field.length, latin1(value), 0, value.length);
      return hash.encoding;
    };
    hash.create();
    for (let k = 0; k < 512; k++) expect(set(`f${k}`, "v")).toBe(Encoding.listpack);
    expect(set("f512", "v")).toBe(Encoding.hashtable);
    hash.create();
    expect(set("f", "x".repeat(64))).toBe(Encoding.listpack);
    expect(set("f", "x".repeat(65))).toBe(Encoding.hashtable);
  });
});

describe("sorted set value", () => {
  it.each([
    [1, 60, 1000],
    [2, 3000, 5],
    [3, 3000, 1e6],
  ])("follows a sorted model through random edits (seed %i)", (seed, range, scores) => {
    const { arena, collections, random, before } = make(seed);
    const zset = collections.createSortedSetView();
    zset.create(1, 1);
    const model = new Map<string, number>();
    const span = new ByteSpan();
    for (let round = 0; round < 6000; round++) {
      const member = latin1(`m${random.below(range)}`);
      const name = member.toString();
      agree(zset.score(member, 0, member.length), model.get(name) ?? Number.NaN);
      if (random.below(3) > 0) {
        const score = random.below(scores) / 4 - 3;
        const old = model.get(name);
        const expected = old === undefined ? SetResult.added : old === score ? SetResult.unchanged : SetResult.updated;
        agree(zset.set(score, member, 0, member.length), expected, `seed ${seed} round ${round}`);
        model.set(name, score);
      } else agree(zset.remove(member, 0, member.length), model.delete(name), `seed ${seed} round ${round}`);
    }
    const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    const sorted = [...model].sort((a, b) => a[1] - b[1] || byName(a[0], b[0]));
    expect(zset.count).toBe(sorted.length);
    zset.seek(0);
    sorted.forEach(([name, score], rank) => {
      zset.readMember(span);
      agree(textOf(span), name);
      agree(zset.scoreAtCursor, score);
      zset.next();
      if (rank % 50 !== 0) return;
      expect(zset.rank(latin1(name), 0, name.length)).toBe(rank);
      zset.seek(rank);
      expect(zset.rankOfScore(score, false)).toBe(sorted.findIndex((item) => item[1] === score));
      expect(zset.rankOfScore(score, true)).toBe(sorted.findLastIndex((item) => item[1] === score) + 1);
      zset.seek(rank);
      zset.next();
    });
    zset.removeRange(3, 20);
    sorted.splice(3, 20);
    zset.seek(zset.count - 1);
    for (let rank = sorted.length - 1; rank >= 0; rank--, zset.previous()) {
      zset.readMember(span);
      agree(textOf(span), sorted[rank]?.[0]);
    }
    const scanned = new Set<string>();
    let cursor = 0;
    do cursor = zset.scan(cursor, 10, span, (member) => scanned.add(textOf(member)));
    while (cursor !== 0);
    expect(scanned.size).toBe(sorted.length);
    while (!zset.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });

  it("becomes a skiplist beyond 128 members or 64 bytes", () => {
    const { collections } = make(1);
    const zset = collections.sortedSet;
    const add = (member: string): number => {
      zset.set(1, latin1(member), 0, member.length);
      return zset.encoding;
    };
    zset.create(1, 1);
    for (let k = 0; k < 128; k++) expect(add(`m${k}`)).toBe(Encoding.listpack);
    expect(add("m128")).toBe(Encoding.skiplist);
    zset.create(1, 1);
    expect(add("x".repeat(64))).toBe(Encoding.listpack);
    expect(add("x".repeat(65))).toBe(Encoding.skiplist);
  });
});

describe("a sorted set built large", () => {
  it("becomes a listpack where it is within the limits", () => {
    const { arena, collections, before } = make(1);
    const zset = collections.sortedSet;
    zset.createTable(1);
    for (const [score, member] of [
      [2, "b"],
      [-1.5, "a"],
    ] as const) {
      zset.set(score, latin1(member), 0, 1);
    }
    zset.pack();
    expect([zset.encoding, zset.count, zset.score(latin1("a"), 0, 1)]).toEqual([Encoding.listpack, 2, -1.5]);
    while (!zset.freeSome(1));
    zset.createTable(1);
    zset.set(1, latin1("x".repeat(65)), 0, 65);
    zset.pack();
    expect(zset.encoding).toBe(Encoding.skiplist);
    while (!zset.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });
});

describe("pending frees", () => {
  it("free small values at once and large ones in slices, and leak nothing", () => {
    const { arena, collections, before } = make(9);
    const frees = new PendingFrees(collections);
    const { set, hash, sortedSet, list } = collections;
    set.create(latin1("1"), 0, 1, 1);
    set.add(latin1("1"), 0, 1);
    frees.free(ValueType.set, set.encoding, set.root);
    expect(frees.count).toBe(0);
    expect(arena.usedBytes).toBe(before);

    set.create(latin1("m"), 0, 1, 20_000);
    hash.create();
    sortedSet.create(1, 1);
    list.create();
    for (let k = 0; k < 20_000; k++) {
      const bytes = latin1(`member-${k}`);
      set.add(bytes, 0, bytes.length);
      hash.set(bytes, 0, bytes.length, bytes, 0, bytes.length);
      sortedSet.set(k, bytes, 0, bytes.length);
      list.growFor(bytes.length, 1);
      list.pushTail(bytes, 0, bytes.length);
    }
    expect(sortedSet.memoryBytes(5)).toBeGreaterThan(20_000 * 40);
    expect(set.memoryBytes(0)).toBeGreaterThan(20_000 * 24);
    const values: [number, number, number][] = [
      [ValueType.set, set.encoding, set.root],
      [ValueType.hash, hash.encoding, hash.root],
      [ValueType.sortedSet, sortedSet.encoding, sortedSet.root],
      [ValueType.list, list.encoding, list.root],
    ];
    for (const [type, encoding, root] of values) frees.free(type, encoding, root);
    expect(frees.count).toBe(4);
    let slices = 0;
    frees.drain(() => ++slices < 10);
    expect(frees.count).toBeGreaterThan(2);
    expect(frees.drain(() => true)).toBe(true);
    expect(arena.usedBytes).toBe(before);
  });
});
