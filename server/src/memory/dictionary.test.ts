import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { Arena } from "./arena.ts";
import { Dictionary } from "./dictionary.ts";
import {
  type DictionaryLayout,
  HASH_FIELD_LAYOUT,
  KEYSPACE_LAYOUT,
  SET_MEMBER_LAYOUT,
  SORTED_SET_MEMBER_LAYOUT,
} from "./dictionary-layout.ts";

/** A dictionary with records that hold nothing but a key, in any layout, addressed by strings. */
class Table {
  readonly arena = new Arena();
  readonly dictionary: Dictionary;
  root: number;
  readonly #layout: DictionaryLayout;
  readonly #collide: boolean;

  constructor(layout = SET_MEMBER_LAYOUT, collide = false) {
    this.#layout = layout;
    this.#collide = collide;
    this.dictionary = new Dictionary(this.arena, layout, 0x1234, 0x5678);
    this.root = this.dictionary.create();
  }

  hash(key: string): number {
    const bytes = Buffer.from(key);
    return this.#collide ? 0x12345678 | 0 : this.dictionary.hash(bytes, 0, bytes.length);
  }

  record(key: string): number {
    const bytes = Buffer.from(key);
    const isWide = this.#layout.wideKeyBytes !== 0 && bytes.length > 0xffff;
    const keyByte = this.#layout.keyByte + (isWide ? 4 : 0);
    const handle = this.arena.allocate(keyByte + bytes.length);
    const words = this.arena.words[handle >>> 23] as Int32Array;
    const word = (handle & 0x7fffff) << 1;
    words.fill(0, word, word + 2);
    words[word + this.#layout.lengthWord] = isWide ? (bytes.length & 0xffff) | 0x02000000 : bytes.length;
    if (isWide) words[word + 3] = bytes.length;
    bytes.copy(this.arena.bytes[handle >>> 23] as Buffer, (word << 2) + keyByte);
    return handle;
  }

  find(key: string): number {
    const bytes = Buffer.from(`??${key}`);
    return this.dictionary.find(this.root, this.hash(key), bytes, 2, bytes.length - 2);
  }

  add(key: string): boolean {
    if (this.find(key) !== 0) return false;
    this.dictionary.insertMissed(this.root, this.hash(key), this.record(key));
    return true;
  }

  remove(key: string): boolean {
    const bytes = Buffer.from(key);
    const handle = this.dictionary.remove(this.root, this.hash(key), bytes, 0, bytes.length);
    if (handle !== 0) this.arena.free(handle);
    return handle !== 0;
  }

  keyOf(handle: number): string {
    const words = this.arena.words[handle >>> 23] as Int32Array;
    const word = (handle & 0x7fffff) << 1;
    const length = words[word + this.#layout.lengthWord] as number;
    const start = (word << 2) + this.#layout.keyByte;
    return (this.arena.bytes[handle >>> 23] as Buffer).toString("latin1", start, start + length);
  }

  keys(): string[] {
    const found: string[] = [];
    this.dictionary.forEach(this.root, (handle) => found.push(this.keyOf(handle)));
    return found.sort();
  }
}

const LAYOUTS = [
  ["keyspace record", KEYSPACE_LAYOUT],
  ["set member", SET_MEMBER_LAYOUT],
  ["hash field", HASH_FIELD_LAYOUT],
  ["sorted set member", SORTED_SET_MEMBER_LAYOUT],
] as const;

describe("Dictionary", () => {
  for (const [name, layout] of LAYOUTS) {
    it(`agrees with a Set under random adds, removals and lookups (${name})`, () => {
      const seed = name.length;
      const random = createSeededRandom(seed);
      const table = new Table(layout);
      const model = new Set<string>();
      // The range of keys breathes, so the table splits and merges several times.
      for (let step = 0; step < 60_000; step++) {
        const isGrowing = Math.floor(step / 10_000) % 2 === 0;
        const key = `key:${random.below(8000)}`;
        const isAdd = random.below(10) < (isGrowing ? 8 : 1);
        // An assertion for each step would take most of the time.
        const isRight = isAdd ? table.add(key) === !model.has(key) : table.remove(key) === model.has(key);
        if (!isRight) expect.fail(`${isAdd ? "Adding" : "Removing"} "${key}" went wrong: seed ${seed}, step ${step}`);
        if (isAdd) model.add(key);
        else model.delete(key);
        const probe = `key:${random.below(8000)}`;
        if ((table.find(probe) !== 0) !== model.has(probe)) {
          expect.fail(`Finding "${probe}" went wrong: seed ${seed}, step ${step}`);
        }
      }
      expect(table.dictionary.count(table.root)).toBe(model.size);
      expect(table.keys()).toEqual([...model].sort());
    });
  }

  it("takes little room when small, and gives it back when emptied", () => {
    const table = new Table();
    expect(table.dictionary.sizeBytes(table.root)).toBe(16 + 128);
    for (let i = 0; i < 20_000; i++) table.add(`key:${i}`);
    expect(table.dictionary.sizeBytes(table.root) / 20_000).toBeLessThan(20);
    for (let i = 0; i < 20_000; i++) table.remove(`key:${i}`);
    expect(table.dictionary.count(table.root)).toBe(0);
    expect(table.dictionary.sizeBytes(table.root)).toBeLessThan(16 + 1024);
  });

  it("frees everything step by step", () => {
    const table = new Table();
    for (let i = 0; i < 20_000; i++) table.add(`key:${i}`);
    let released = 0;
    let steps = 1;
    const release = (handle: number) => {
      table.arena.free(handle);
      released++;
    };
    while (!table.dictionary.freeStep(table.root, release)) steps++;
    expect(released).toBe(20_000);
    expect(steps).toBeGreaterThan(15);
    expect(table.arena.usedBytes).toBe(0);
  });

  it("copes with hashes that are all equal", () => {
    const table = new Table(SET_MEMBER_LAYOUT, true);
    for (let i = 0; i < 3000; i++) table.add(`key:${i}`);
    for (let i = 0; i < 3000; i += 7) expect(table.find(`key:${i}`)).not.toBe(0);
    expect(table.find("absent")).toBe(0);
    expect(table.dictionary.sizeBytes(table.root)).toBeLessThan(200_000);
    expect(table.dictionary.random(table.root, createSeededRandom(1))).not.toBe(0);
    let scanned = 0;
    let cursor = 0;
    do cursor = table.dictionary.scan(table.root, cursor, 10, () => scanned++);
    while (cursor !== 0);
    expect(scanned).toBe(3000);
    for (let i = 0; i < 3000; i++) expect(table.remove(`key:${i}`)).toBe(true);
    expect(table.keys()).toEqual([]);
  });

  it("tells keys above 64 KiB apart from short ones of the same low length bits", () => {
    const table = new Table(KEYSPACE_LAYOUT, true);
    const long = "x".repeat(65_536 + 5);
    table.add(long);
    expect(table.find("xxxxx")).toBe(0);
    expect(table.find("x".repeat(131_072 + 5))).toBe(0);
    table.add("xxxxx");
    expect(table.find(long)).not.toBe(table.find("xxxxx"));
    expect(table.remove("xxxxx")).toBe(true);
    expect(table.find(long)).not.toBe(0);
  });

  it("follows a record that moves", () => {
    const table = new Table();
    for (let i = 0; i < 5000; i++) table.add(`key:${i}`);
    const from = table.find("key:77");
    const to = table.record("key:77");
    expect(table.dictionary.replace(table.root, table.hash("key:77"), from, to)).toBe(true);
    expect(table.find("key:77")).toBe(to);
    expect(table.dictionary.replace(table.root, table.hash("key:77"), from, to)).toBe(false);
  });

  it("draws each record with the same probability, in small, large and emptied tables", () => {
    for (const [count, removed] of [
      [7, 0],
      [1000, 0],
      [3000, 2950],
    ] as const) {
      const random = createSeededRandom(count);
      const table = new Table();
      for (let i = 0; i < count; i++) table.add(`key:${i}`);
      for (let i = 0; i < removed; i++) table.remove(`key:${i}`);
      const left = count - removed;
      const draws = left * 200;
      const seen = new Map<number, number>();
      for (let i = 0; i < draws; i++) {
        const handle = table.dictionary.random(table.root, random);
        seen.set(handle, (seen.get(handle) ?? 0) + 1);
      }
      let chiSquare = 0;
      for (const times of seen.values()) chiSquare += (times - 200) ** 2 / 200;
      chiSquare += (left - seen.size) * 200;
      // Mean left - 1, deviation sqrt(2 left): five deviations.
      expect(chiSquare).toBeLessThan(left - 1 + 5 * Math.sqrt(2 * left));
    }
  });

  it("scans every lasting entry exactly once while the table splits, merges and changes size", () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const random = createSeededRandom(seed);
      const table = new Table();
      const lasting = new Set<string>();
      const start = [50, 500, 9000][seed % 3] as number;
      for (let i = 0; i < start; i++) {
        table.add(`lasting:${i}`);
        lasting.add(`lasting:${i}`);
      }
      const isShrinking = seed > 3;
      const extra = 30_000;
      if (isShrinking) for (let i = 0; i < extra; i++) table.add(`extra:${i}`);
      let changed = 0;
      const seen = new Map<string, number>();
      let cursor = 0;
      do {
        cursor = table.dictionary.scan(table.root, cursor, 1 + random.below(20), (handle) => {
          const key = table.keyOf(handle);
          seen.set(key, (seen.get(key) ?? 0) + 1);
        });
        for (let i = 0; i < 40 && changed < extra; i++, changed++) {
          if (isShrinking) table.remove(`extra:${changed}`);
          else table.add(`extra:${changed}`);
        }
      } while (cursor !== 0);
      const missed = [...lasting].filter((key) => !seen.has(key));
      const repeated = [...seen].filter(([, times]) => times !== 1);
      expect({ missed, repeated }, `seed ${seed}`).toEqual({ missed: [], repeated: [] });
    }
  });

  it("returns from a scan of a large empty table in bounded steps", () => {
    const table = new Table();
    for (let i = 0; i < 50_000; i++) table.add(`key:${i}`);
    const counts: number[] = [];
    let cursor = 0;
    do {
      let visited = 0;
      cursor = table.dictionary.scan(table.root, cursor, 10, () => visited++);
      counts.push(visited);
    } while (cursor !== 0);
    expect(Math.max(...counts)).toBeLessThan(40);
    expect(counts.reduce((sum, visited) => sum + visited)).toBe(50_000);
  });
});
