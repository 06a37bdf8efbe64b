/** The intset against a sorted array of 64-bit integers, of all three widths. */

import fc from "fast-check";
import { Int64 } from "../../memory/int64.ts";
import {
  createIntset,
  findInIntset,
  insertInIntset,
  intsetBytes,
  intsetCount,
  isValidIntset,
  readIntset,
  removeFromIntset,
} from "../../memory/intset.ts";
import { type Model, same } from "./model.ts";

interface IntsetOperation {
  readonly kind: "add" | "remove" | "find";
  readonly value: bigint;
}

const value = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: -40n, max: 40n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
);

export const intsetModel: Model<IntsetOperation> = {
  name: "intset",
  operation: fc.record({ kind: fc.constantFrom("add", "remove", "find"), value }),
  start(arena) {
    let handle = createIntset(arena);
    const model = new Set<bigint>();
    const integer = new Int64();
    const scratch = new Int64();
    const find = (wanted: bigint): number => {
      const text = Buffer.from(String(wanted));
      same(integer.parse(text, 0, text.length), true, "parsing");
      return findInIntset(arena, handle, integer);
    };
    return {
      apply(operation) {
        const index = find(operation.value);
        same(index >= 0, model.has(operation.value), `membership of ${operation.value}`);
        if (operation.kind === "add" && index < 0) {
          handle = insertInIntset(arena, handle, -1 - index, integer);
          model.add(operation.value);
        } else if (operation.kind === "remove" && index >= 0) {
          handle = removeFromIntset(arena, handle, index);
          model.delete(operation.value);
        }
        same(intsetCount(arena, handle), model.size, "count");
      },
      check() {
        const found: string[] = [];
        for (let index = 0; index < model.size; index++) {
          readIntset(arena, handle, index, integer);
          found.push(String((BigInt(integer.high) << 32n) | BigInt(integer.low >>> 0)));
        }
        const expected = [...model].sort((left, right) => (left < right ? -1 : 1));
        same(found, expected.map(String), "content");
        const bytes = arena.bytes[handle >>> 23] as Buffer;
        const start = (handle & 0x7fffff) << 3;
        if (model.size > 0) same(isValidIntset(bytes, start, intsetBytes(arena, handle), scratch), true, "validity");
      },
      end: () => arena.free(handle),
    };
  },
};
