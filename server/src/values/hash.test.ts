import { describe, expect, it } from "vitest";
import { Arena } from "../memory/arena.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agree } from "../testing/agree.ts";
import { Collections } from "./collections.ts";
import { defaultEncodingLimits } from "./encoding-limits.ts";
import type { HashValue } from "./hash.ts";
import { Encoding } from "./value-type.ts";

interface Model {
  readonly fields: Map<string, { value: string; expireAtMs: number }>;
}

const make = (seed: number): { arena: Arena; collections: Collections; random: Random; before: number } => {
  const arena = new Arena();
  const random = createSeededRandom(seed);
  const collections = new Collections(arena, defaultEncodingLimits(), random);
  return { arena, collections, random, before: arena.usedBytes };
};

function set(hash: HashValue, field: string, value: string, keepsExpiry = false): boolean {
  const bytes = Buffer.from(field + value, "latin1");
  return hash.set(bytes, 0, field.length, bytes, field.length, value.length, keepsExpiry);
}

function setExpiry(hash: HashValue, field: string, expireAtMs: number): void {
  hash.setExpiry(Buffer.from(field, "latin1"), 0, field.length, expireAtMs);
}

function stored(hash: HashValue): [string, string, number][] {
  const found: [string, string, number][] = [];
  hash.forEachStored((field, value, expireAtMs) => {
    found.push([field.toBuffer().toString("latin1"), value.toBuffer().toString("latin1"), expireAtMs]);
  });
  return found;
}

function expected({ fields }: Model): [string, string, number][] {
  return [...fields].map(([field, { value, expireAtMs }]) => [field, value, expireAtMs]);
}

function earliestOf({ fields }: Model): number {
  let earliest = 0;
  for (const { expireAtMs } of fields.values()) {
    if (expireAtMs !== 0 && (earliest === 0 || expireAtMs < earliest)) earliest = expireAtMs;
  }
  return earliest;
}

function step(hash: HashValue, model: Model, random: Random, range: number): void {
  const field = `f${random.below(range)}`;
  const known = model.fields.get(field);
  const action = random.below(10);
  if (action < 4) {
    const value = random.below(3) === 0 ? String(random.below(100_000)) : "v".repeat(random.below(40));
    const keeps = random.below(2) === 0;
    agree(set(hash, field, value, keeps), known === undefined);
    model.fields.set(field, { value, expireAtMs: keeps ? (known?.expireAtMs ?? 0) : 0 });
  } else if (action < 7 && known !== undefined) {
    known.expireAtMs = random.below(5) === 0 ? 0 : 1_000_000 + random.below(50);
    setExpiry(hash, field, known.expireAtMs);
  } else if (action === 7) {
    agree(hash.delete(Buffer.from(field), 0, field.length), model.fields.delete(field));
  } else if (action === 8 && earliestOf(model) !== 0) {
    const time = earliestOf(model);
    hash.takeEarliest((span) => {
      const name = span.toBuffer().toString("latin1");
      agree(model.fields.get(name)?.expireAtMs, time);
      model.fields.delete(name);
    });
  } else agree(hash.expireAtOf(Buffer.from(field), 0, field.length), known?.expireAtMs);
}

describe("hash value with expiring fields", () => {
  it.each([
    [1, 10, Encoding.listpackex],
    [2, 300, Encoding.listpackex],
    [3, 2000, Encoding.expiringTable],
  ])("follows a Map through random edits, and frees all it took (seed %i)", (seed, range, encoding) => {
    const { arena, collections, random, before } = make(seed);
    const hash = collections.createHashView();
    hash.create();
    const model: Model = { fields: new Map() };
    for (let round = 0; round < 12_000; round++) {
      step(hash, model, random, range);
      agree(hash.earliest, earliestOf(model), `seed ${seed} round ${round}`);
      agree(hash.count, model.fields.size);
      if (round % 1000 === 0) expect(stored(hash).sort()).toEqual(expected(model).sort());
    }
    expect(hash.encoding).toBe(encoding);
    expect(stored(hash).sort()).toEqual(expected(model).sort());
    while (!hash.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });

  it("keeps triples in order of their time, those without one at the end", () => {
    const { collections } = make(1);
    const hash = collections.hash;
    hash.create();
    for (const field of ["a", "b", "c", "d", "e"]) set(hash, field, "1");
    for (const [field, time] of [
      ["c", 30],
      ["a", 20],
      ["e", 30],
      ["b", 10],
    ] as const)
      setExpiry(hash, field, time);
    expect(stored(hash).map(([field]) => field)).toEqual(["b", "a", "c", "e", "d"]);
    setExpiry(hash, "a", 0);
    set(hash, "b", "2", true);
    expect(stored(hash).map(([field]) => field)).toEqual(["b", "c", "e", "d", "a"]);
    set(hash, "b", "3");
    expect(stored(hash).map(([field]) => field)).toEqual(["c", "e", "d", "a", "b"]);
  });

  it.each([3, 1000])("does not show fields that have expired, but counts them (%i fields)", (fields) => {
    const { collections } = make(1);
    const hash = collections.hash;
    hash.create();
    for (let k = 0; k < fields; k++) set(hash, `f${k}`, "v");
    for (let k = 0; k < fields; k += 3) setExpiry(hash, `f${k}`, 100 + k);
    const shown = (): number => {
      const names = new Set<string>();
      hash.forEach((field) => {
        names.add(field.toBuffer().toString());
      });
      const scanned = new Set<string>();
      let cursor = 0;
      do cursor = hash.scan(cursor, 10, (field) => scanned.add(field.toBuffer().toString()));
      while (cursor !== 0);
      expect(scanned).toEqual(names);
      return names.size;
    };
    expect(shown()).toBe(fields);
    collections.fieldClock.expiredBeforeMs = 101;
    expect(shown()).toBe(fields - 1);
    expect(hash.has(Buffer.from("f0"), 0, 2)).toBe(false);
    expect(hash.isExpired(Buffer.from("f0"), 0, 2)).toBe(true);
    expect(hash.isExpired(Buffer.from("f1"), 0, 2)).toBe(false);
    expect(hash.count).toBe(fields);
    expect(hash.visibleCount).toBe(fields - 1);
    collections.fieldClock.expiredBeforeMs = 100_000;
    expect(shown()).toBe(fields - Math.ceil(fields / 3));
    expect(hash.visibleCount).toBe(fields - Math.ceil(fields / 3));
  });

  it("finds each of many fields that expire at the same time", () => {
    const { arena, collections, before } = make(2);
    const hash = collections.hash;
    hash.create();
    for (let k = 0; k < 20_000; k++) set(hash, `field:${k}`, "v");
    for (let k = 0; k < 20_000; k++) setExpiry(hash, `field:${k}`, 5);
    const names = new Set<string>();
    while (hash.count > 0) hash.takeEarliest((field) => names.add(field.toBuffer().toString()));
    expect(names.size).toBe(20_000);
    while (!hash.freeSome(1));
    expect(arena.usedBytes).toBe(before);
  });
});
