/** What holds for sets, hashes and sorted sets in every encoding: draws are uniform, and scans miss nothing that stays. */

import { describe, expect, test } from "vitest";
import { drawDistinct } from "../commands/random-draw.ts";
import { Arena } from "../memory/arena.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { Collections } from "./collections.ts";
import { defaultEncodingLimits } from "./encoding-limits.ts";
import { encodingName } from "./value-type.ts";

/** One collection of names, whatever its type. */
interface Subject {
  readonly encoding: () => number;
  add(name: string): void;
  remove(name: string): void;
  draw(random: Random): string;
  scan(cursor: number, count: number, visit: (name: string) => void): number;
  all(visit: (name: string) => void): void;
}

/** How often each element is to be drawn on average: enough to find that elements come a fifteenth too often or too rarely. */
const DRAWS = 30;
const CHOICES = 20;

type Maker = (collections: Collections) => Subject;

const bytes = (name: string): [Buffer, number, number] => [Buffer.from(name, "latin1"), 0, name.length];
const textOf = (span: ByteSpan): string => span.toBuffer().toString("latin1");
const VALUE = bytes("v");

const makeSet: Maker = (collections) => {
  const set = collections.createSetView();
  const span = new ByteSpan();
  set.create(...bytes("1"), 1);
  return {
    encoding: () => set.encoding,
    add: (name) => void set.add(...bytes(name)),
    remove: (name) => void set.remove(...bytes(name)),
    draw: (random) => {
      set.random(random, span);
      return textOf(span);
    },
    scan: (cursor, count, visit) => set.scan(cursor, count, (member) => visit(textOf(member))),
    all: (visit) => set.forEach((member) => void visit(textOf(member))),
  };
};

const makeHash =
  (hasExpiry: boolean): Maker =>
  (collections) => {
    const hash = collections.createHashView();
    const span = new ByteSpan();
    const other = new ByteSpan();
    hash.create();
    return {
      encoding: () => hash.encoding,
      add: (name) => {
        hash.set(...bytes(name), ...VALUE);
        if (hasExpiry && name.endsWith("3")) hash.setExpiry(...bytes(name), 1e12 + name.length);
      },
      remove: (name) => void hash.delete(...bytes(name)),
      draw: (random) => {
        hash.random(random, span, other);
        return textOf(span);
      },
      scan: (cursor, count, visit) => hash.scan(cursor, count, (field) => visit(textOf(field))),
      all: (visit) => hash.forEach((field) => void visit(textOf(field))),
    };
  };

const makeSortedSet: Maker = (collections) => {
  const set = collections.createSortedSetView();
  const span = new ByteSpan();
  set.create(1, 1);
  return {
    encoding: () => set.encoding,
    add: (name) => void set.set(name.length, ...bytes(name)),
    remove: (name) => void set.remove(...bytes(name)),
    draw: (random) => {
      set.seekRandom(random);
      set.readMember(span);
      return textOf(span);
    },
    scan: (cursor, count, visit) => set.scan(cursor, count, span, (member) => visit(textOf(member))),
    all: (visit) => void set.scan(0, Number.MAX_SAFE_INTEGER, span, (member) => visit(textOf(member))),
  };
};

const SUBJECTS: readonly (readonly [encoding: string, type: string, size: number, prefix: string, make: Maker])[] = [
  ["intset", "set", 40, "", makeSet],
  ["listpack", "set", 40, "m", makeSet],
  ["hashtable", "set", 3000, "m", makeSet],
  ["listpack", "hash", 40, "f", makeHash(false)],
  ["hashtable", "hash", 3000, "f", makeHash(false)],
  ["listpackex", "hash", 40, "f", makeHash(true)],
  ["hashtable", "hash with expiring fields", 3000, "f", makeHash(true)],
  ["listpack", "sorted set", 40, "m", makeSortedSet],
  ["skiplist", "sorted set", 3000, "m", makeSortedSet],
];

function collectionsOf(seed: number): { collections: Collections; random: Random } {
  const random = createSeededRandom(seed);
  return { collections: new Collections(new Arena(), defaultEncodingLimits(), random), random };
}

/** Draws seen for each name against the same number for all: chi-square within five deviations of its mean. */
function expectUniform(seen: ReadonlyMap<string, number>, names: number): void {
  const drawn = [...seen.values()].reduce((sum, times) => sum + times, 0);
  const expected = drawn / names;
  let chiSquare = (names - seen.size) * expected;
  for (const times of seen.values()) chiSquare += (times - expected) ** 2 / expected;
  expect(seen.size).toBeLessThanOrEqual(names);
  expect(Math.abs(chiSquare - (names - 1))).toBeLessThan(5 * Math.sqrt(2 * names));
}

describe.each(SUBJECTS)("a %s %s", (encoding, _type, size, prefix, make) => {
  test("gives each element with the same probability", () => {
    const { collections, random } = collectionsOf(size);
    const subject = make(collections);
    for (let k = 0; k < size; k++) subject.add(prefix + k);
    expect(encodingName(subject.encoding())).toBe(encoding);
    const seen = new Map<string, number>();
    for (let draw = 0; draw < size * DRAWS; draw++) {
      const name = subject.draw(random);
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    expectUniform(seen, size);
  });

  test.each([0.1, 0.5, 0.9])("gives each choice of several different elements (%d of all)", (share) => {
    const { collections, random } = collectionsOf(size + 1);
    const subject = make(collections);
    for (let k = 0; k < size; k++) subject.add(prefix + k);
    const count = Math.round(size * share);
    const seen = new Map<string, number>();
    const rounds = Math.ceil((size * CHOICES) / count);
    for (let round = 0; round < rounds; round++) {
      const drawn = drawDistinct(random, count, size, {
        draw: () => Buffer.from(subject.draw(random), "latin1"),
        all: (add) => subject.all((name) => add(Buffer.from(name, "latin1"))),
      }).map((name) => name.toString("latin1"));
      expect(new Set(drawn).size).toBe(count);
      for (const name of drawn) seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    // Draws without repetition vary less than independent ones: chi-square shrinks by the part that is left out.
    const mean = (rounds * count) / size;
    let chiSquare = 0;
    for (let k = 0; k < size; k++) chiSquare += ((seen.get(prefix + k) ?? 0) - mean) ** 2 / (mean * (1 - count / size));
    expect(Math.abs(chiSquare - size)).toBeLessThan(5 * Math.sqrt(2 * size));
  });

  test("is scanned without missing what stays, while it grows and shrinks", () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { collections, random } = collectionsOf(seed);
      const subject = make(collections);
      for (let k = 0; k < size; k++) subject.add(prefix + k);
      const missing = new Set(Array.from({ length: size >> 1 }, (_, k) => prefix + k * 2));
      let cursor = 0;
      let passing = size;
      do {
        cursor = subject.scan(cursor, 1 + random.below(20), (name) => missing.delete(name));
        const isGrowing = random.below(2) === 0;
        for (let k = random.below(60); k > 0; k--) {
          if (isGrowing) subject.add(prefix + passing++);
          else subject.remove(prefix + (random.below(passing) | 1));
        }
      } while (cursor !== 0);
      expect([...missing], `seed ${seed}`).toEqual([]);
    }
  });
});
