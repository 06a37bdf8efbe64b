import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { Arena } from "./arena.ts";
import { CHUNK_BYTES, NODE, PAGE_BYTES, type PageKind, RECORD, VOLATILE_RECORD } from "./arena-layout.ts";
import { forEachRecord, forEachRecordInBlock } from "./arena-records.ts";
import { OutOfMemoryError } from "./chunk-memory.ts";

const KINDS: readonly PageKind[] = [NODE, RECORD, VOLATILE_RECORD];

type Draw = () => number;

function seeded(seed: number): Draw {
  const random = createSeededRandom(seed);
  return () => random.below(2 ** 20) / 2 ** 20;
}

interface Block {
  handle: number;
  size: number;
  mark: number;
  kind: PageKind;
}

function fill(arena: Arena, block: Block): void {
  const at = (block.handle & 0x7fffff) << 3;
  (arena.bytes[block.handle >>> 23] as Buffer).fill(block.mark, at, at + block.size);
}

function isIntact(arena: Arena, block: Block): boolean {
  const at = (block.handle & 0x7fffff) << 3;
  const bytes = (arena.bytes[block.handle >>> 23] as Buffer).subarray(at, at + block.size);
  return bytes.every((byte) => byte === block.mark);
}

function randomSize(random: () => number): number {
  const scale = random();
  if (scale < 0.7) return 1 + Math.floor(random() * 200);
  if (scale < 0.95) return 1 + Math.floor(random() * 40_000);
  return 1 + Math.floor(random() * 400_000);
}

/** Records whose first word is a number that no other record or state of a record has. */
class ChangingRecords {
  readonly live = new Map<number, number>();
  readonly #arena: Arena;
  readonly #random: Draw;
  #next = 1;

  constructor(arena: Arena, random: Draw) {
    this.#arena = arena;
    this.#random = random;
  }

  change(): void {
    const handles = [...this.live.keys()];
    const handle = handles[Math.floor(this.#random() * handles.length)];
    const choice = this.#random();
    if (handle === undefined || choice < 0.5) {
      const kind = this.#random() < 0.5 ? RECORD : VOLATILE_RECORD;
      const size = this.#random() < 0.02 ? 100_000 : 8 + Math.floor(this.#random() * 300);
      this.#write(this.#arena.allocate(size, kind));
    } else if (choice < 0.8) {
      this.#arena.free(handle);
      this.live.delete(handle);
    } else {
      this.#arena.touch(handle);
      this.#write(handle);
    }
  }

  #write(handle: number): void {
    (this.#arena.words[handle >>> 23] as Int32Array)[(handle & 0x7fffff) << 1] = this.#next;
    this.live.set(handle, this.#next++);
  }
}

describe("Arena", () => {
  it("gives blocks that never overlap, whatever is allocated, freed and reallocated", () => {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed);
      const arena = new Arena();
      const blocks: Block[] = [];
      for (let step = 0; step < 6000; step++) {
        const choice = random();
        const index = Math.floor(random() * blocks.length);
        const block = blocks[index];
        if (block === undefined || choice < 0.5) {
          const size = randomSize(random);
          const kind = KINDS[Math.floor(random() * 3)] as PageKind;
          const created = { handle: arena.allocate(size, kind), size, mark: step % 250, kind };
          fill(arena, created);
          blocks.push(created);
        } else if (choice < 0.85) {
          expect(isIntact(arena, block), `seed ${seed} step ${step}`).toBe(true);
          arena.free(block.handle);
          blocks[index] = blocks.at(-1) as Block;
          blocks.pop();
        } else {
          const size = randomSize(random);
          block.handle = arena.reallocate(block.handle, block.size, size);
          block.size = Math.min(block.size, size);
          expect(isIntact(arena, block), `seed ${seed} step ${step}`).toBe(true);
          expect(arena.kindOf(block.handle)).toBe(block.kind);
          block.size = size;
          fill(arena, block);
        }
      }
      for (const block of blocks) expect(isIntact(arena, block), `seed ${seed}`).toBe(true);
      expect(arena.usedBytes).toBe(blocks.reduce((sum, block) => sum + arena.capacityOf(block.handle), 0));
      for (const kind of KINDS) {
        const found: number[] = [];
        forEachRecord(arena, kind, (record) => found.push(record));
        const expected = blocks.filter((block) => block.kind === kind).map((block) => block.handle);
        expect(found.sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
      }
      for (const block of blocks) arena.free(block.handle);
      expect(arena.usedBytes).toBe(0);
    }
  });

  it("wastes at most an eighth of a block above 128 bytes", () => {
    const arena = new Arena();
    for (let size = 129; size <= 32_768; size += 97) {
      const capacity = arena.capacityOf(arena.allocate(size));
      expect(capacity).toBeGreaterThanOrEqual(size);
      expect(capacity).toBeLessThanOrEqual(size * 1.125 + 8);
    }
  });

  it("gives a block above 64 MiB a chunk of its own and drops it when freed", () => {
    const arena = new Arena();
    const before = arena.residentBytes;
    const handle = arena.allocate(CHUNK_BYTES + 1, RECORD);
    expect(handle).toBeGreaterThan(0);
    expect(arena.capacityOf(handle)).toBe(CHUNK_BYTES + PAGE_BYTES);
    (arena.bytes[handle >>> 23] as Buffer)[CHUNK_BYTES] = 7;
    const grown = arena.reallocate(handle, CHUNK_BYTES + 1, CHUNK_BYTES + PAGE_BYTES + 1);
    expect((arena.bytes[grown >>> 23] as Buffer)[CHUNK_BYTES]).toBe(7);
    arena.free(grown);
    expect(arena.residentBytes).toBe(before);
    expect(arena.bytes[grown >>> 23]?.length).toBe(0);
    expect(() => arena.allocate(2 ** 30 + 1)).toThrow(OutOfMemoryError);
  });

  it("drops empty chunks but one, and uses their numbers again", () => {
    const arena = new Arena();
    const handles = Array.from({ length: 6 }, () => arena.allocate(CHUNK_BYTES, NODE));
    expect(new Set(handles.map((handle) => handle >>> 23)).size).toBe(6);
    for (const handle of handles) arena.free(handle);
    expect(arena.bytes.filter((bytes) => bytes.length > 0).length).toBe(2);
    expect(arena.residentBytes).toBe(0);
    const again = arena.allocate(CHUNK_BYTES);
    expect(again >>> 23).toBeLessThanOrEqual(6);
  });

  it("finds room for a run between other runs", () => {
    const arena = new Arena();
    const runs = Array.from({ length: 200 }, () => arena.allocate(3 * PAGE_BYTES));
    for (let i = 0; i < 200; i += 2) arena.free(runs[i] as number);
    const resident = arena.residentBytes;
    const refilled = Array.from({ length: 100 }, () => arena.allocate(3 * PAGE_BYTES));
    expect(arena.residentBytes).toBe(resident + 100 * 3 * PAGE_BYTES);
    expect(Math.max(...refilled)).toBeLessThan(Math.max(...runs));
  });

  it.each([11, 12, 13])("shows a snapshot each record as it was at its start, once (seed %i)", (seed) => {
    const random = seeded(seed);
    const arena = new Arena();
    const records = new ChangingRecords(arena, random);
    const change = () => records.change();
    for (let i = 0; i < 1500; i++) change();
    for (let round = 0; round < 2; round++) {
      const cut = [...records.live.values()].sort((a, b) => a - b);
      const seen: number[] = [];
      arena.beginSnapshot({
        block(block) {
          forEachRecordInBlock(arena, block, (record) => {
            seen.push((arena.words[record >>> 23] as Int32Array)[(record & 0x7fffff) << 1] as number);
          });
          return true;
        },
      });
      for (let page = 0; page < arena.pageEnd; page++) {
        if (random() < 0.05 || page < 100) for (let i = 0; i < 5; i++) change();
        if (!arena.isRecordPage(page)) continue;
        for (let block = page << 4; block < (page + 1) << 4; block++) arena.visitBlock(block);
      }
      arena.endSnapshot();
      expect(
        seen.sort((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(cut);
    }
  });
});
