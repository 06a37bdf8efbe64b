/** The arena: blocks never overlap, keep their bytes through everything, and are counted by their class to the byte. */

import fc from "fast-check";
import type { Arena } from "../../memory/arena.ts";
import { CHUNK_BYTES, NODE, PAGE_SHIFT, RECORD, VOLATILE_RECORD } from "../../memory/arena-layout.ts";
import type { Model } from "./model.ts";

const KINDS = [NODE, RECORD, VOLATILE_RECORD] as const;
const MARK_BYTES = 8;

type ArenaOperation =
  | { readonly kind: "allocate"; readonly size: number; readonly pages: number }
  | { readonly kind: "free" | "relocate" | "leave" | "stay"; readonly at: number }
  | { readonly kind: "resize"; readonly at: number; readonly size: number };

const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 300, max: 40_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 40_000, max: 400_000 }) },
);
const at = fc.nat();

interface Block {
  handle: number;
  size: number;
  readonly mark: number;
}

export const arenaModel: Model<ArenaOperation> = {
  name: "arena",
  operation: fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("allocate" as const), size, pages: fc.nat({ max: 2 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("free" as const), at }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("resize" as const), at, size }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("relocate", "leave", "stay"), at }) },
  ),
  start(arena) {
    const blocks: Block[] = [];
    let nextMark = 1;
    const put = (block: Block): void => {
      const { bytes, start, end } = placeOf(arena, block);
      bytes.writeDoubleLE(block.mark, start);
      if (end - start >= 2 * MARK_BYTES) bytes.writeDoubleLE(block.mark, end - MARK_BYTES);
    };
    const verify = (block: Block): void => {
      const { bytes, start, end } = placeOf(arena, block);
      const isEndGood = end - start < 2 * MARK_BYTES || bytes.readDoubleLE(end - MARK_BYTES) === block.mark;
      if (bytes.readDoubleLE(start) !== block.mark || !isEndGood) throw new Error("A block has lost its bytes");
    };
    const pick = (place: number): Block | undefined => blocks[place % Math.max(1, blocks.length)];
    return {
      apply(operation) {
        if (operation.kind === "allocate") {
          const kind = KINDS[operation.pages] ?? NODE;
          const block = { handle: arena.allocate(operation.size, kind), size: operation.size, mark: nextMark++ };
          blocks.push(block);
          put(block);
          return;
        }
        const block = pick(operation.at);
        if (block === undefined) return;
        verify(block);
        if (operation.kind === "resize") {
          block.handle = arena.reallocate(block.handle, Math.min(block.size, operation.size), operation.size);
          block.size = operation.size;
          put(block);
        } else if (operation.kind === "free") {
          blocks.splice(blocks.indexOf(block), 1);
          arena.free(block.handle);
        } else if (operation.kind === "leave") arena.leave(block.handle >>> PAGE_SHIFT);
        else if (operation.kind === "stay") arena.stay(block.handle >>> PAGE_SHIFT);
        else {
          block.handle = arena.relocate(block.handle);
          verify(block);
        }
      },
      check() {
        let bytes = 0;
        for (const block of blocks) {
          verify(block);
          bytes += arena.capacityOf(block.handle);
        }
        if (bytes !== arena.usedBytes) throw new Error(`${arena.usedBytes} bytes are counted, ${bytes} are in use`);
        if (arena.residentBytes < bytes) throw new Error("Pages hold less than their blocks");
        if (arena.mappedBytes % CHUNK_BYTES !== 0) throw new Error("Chunks are counted wrongly");
      },
      end() {
        for (const { handle } of blocks) arena.free(handle);
      },
    };
  },
};

function placeOf(arena: Arena, { handle, size: bytes }: Block): { bytes: Buffer; start: number; end: number } {
  const start = (handle & 0x7fffff) << 3;
  return { bytes: arena.bytes[handle >>> 23] as Buffer, start, end: start + Math.max(MARK_BYTES, bytes) };
}
