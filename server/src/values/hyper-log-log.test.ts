/** Sparse and dense registers against a plain array of them. */

import { describe, expect, test } from "vitest";
import { registerOf } from "../memory/murmur-hash.ts";
import { createSeededRandom } from "../platform/random.ts";
import {
  DENSE_BYTES,
  emptyHyperLogLog,
  estimate,
  estimateOfRegisters,
  HLL_HEADER_BYTES,
  HLL_SEED,
  mergeRegisters,
  REGISTERS,
  toDense,
} from "./hyper-log-log.ts";
import { SPARSE_GROWTH_BYTES, SparseResult, setSparseRegister, sparseRegister } from "./hyper-log-log-sparse.ts";

const SEED = Number(process.env.SEED ?? 11);
const CHANGES = 4000;
const LARGEST_VALUE = 32;
const UNLIMITED = 1 << 20;
const MARGIN_BYTES = 40;

describe(`registers of a HyperLogLog (seed ${SEED})`, () => {
  test("sparse runs hold what a plain array holds, at every step, and at an offset in larger memory", () => {
    const random = createSeededRandom(SEED);
    const model = new Uint8Array(REGISTERS);
    const memory = Buffer.alloc(MARGIN_BYTES + DENSE_BYTES * 3, 0xee);
    const start = MARGIN_BYTES + HLL_HEADER_BYTES;
    let end = MARGIN_BYTES + emptyHyperLogLog().copy(memory, MARGIN_BYTES);
    for (let change = 0; change < CHANGES; change++) {
      const isNear = random.below(2) === 0;
      const index = isNear ? random.below(200) : random.below(REGISTERS);
      const value = 1 + random.below(random.below(4) === 0 ? LARGEST_VALUE : 3);
      const held = model[index] as number;
      expect(sparseRegister(memory, start, end, index)).toBe(held);
      const newEnd = setSparseRegister(memory, start, end, index, value, UNLIMITED);
      expect(newEnd === SparseResult.unchanged).toBe(held >= value);
      if (newEnd >= 0) {
        expect(newEnd - end).toBeLessThanOrEqual(SPARSE_GROWTH_BYTES);
        model[index] = value;
        end = newEnd;
      }
      if (change % 100 === 0) expectSame(memory.subarray(MARGIN_BYTES, end), model);
    }
    expectSame(memory.subarray(MARGIN_BYTES, end), model);
    expect(memory.subarray(0, MARGIN_BYTES).every((byte) => byte === 0xee)).toBe(true);
  });

  test("a run that may not grow is left as it is", () => {
    const bytes = Buffer.concat([emptyHyperLogLog(), Buffer.alloc(SPARSE_GROWTH_BYTES)]);
    const before = Buffer.from(bytes);
    const end = bytes.length - SPARSE_GROWTH_BYTES;
    expect(setSparseRegister(bytes, HLL_HEADER_BYTES, end, 100, 1, 4)).toBe(SparseResult.tooLong);
    expect(bytes.equals(before)).toBe(true);
    expect(setSparseRegister(bytes, HLL_HEADER_BYTES, end, 100, 1, 5)).toBe(HLL_HEADER_BYTES + 5);
  });

  test("merging takes the larger register of each pair, whatever the encodings", () => {
    const random = createSeededRandom(SEED + 1);
    const model = new Uint8Array(REGISTERS);
    const merged = new Uint8Array(REGISTERS);
    for (let part = 0; part < 6; part++) {
      const sparse = randomSparse(random, model);
      const bytes = part % 2 === 0 ? sparse : (toDense(sparse, 0, sparse.length) as Buffer);
      expect(mergeRegisters(merged, bytes, 0, bytes.length)).toBe(true);
    }
    expect(merged).toEqual(model);
  });

  test("estimates are within three standard errors", () => {
    const registers = new Uint8Array(REGISTERS);
    for (let count = 1; count <= 200_000; count++) {
      const element = Buffer.from(`element:${SEED}:${count}`);
      const register = registerOf(element, 0, element.length, HLL_SEED);
      const index = register % REGISTERS;
      registers[index] = Math.max(registers[index] as number, Math.floor(register / REGISTERS));
      if (![10, 1000, 50_000, 200_000].includes(count)) continue;
      const error = Math.abs(Number(estimateOfRegisters(registers)) - count) / count;
      expect(error).toBeLessThan((3 * 1.04) / Math.sqrt(REGISTERS));
    }
  });
});

function expectSame(sparse: Buffer, model: Uint8Array): void {
  const registers = new Uint8Array(REGISTERS);
  expect(mergeRegisters(registers, sparse, 0, sparse.length)).toBe(true);
  expect(Buffer.from(registers).equals(Buffer.from(model))).toBe(true);
  expect(estimate(sparse, 0, sparse.length)).toBe(estimateOfRegisters(model));
  const dense = toDense(sparse, 0, sparse.length) as Buffer;
  expect(estimate(dense, 0, DENSE_BYTES)).toBe(estimateOfRegisters(model));
}

/** A sparse value of some registers, which are entered in the model too. */
function randomSparse(random: { below(end: number): number }, model: Uint8Array): Buffer {
  const memory = Buffer.alloc(DENSE_BYTES);
  let end = emptyHyperLogLog().copy(memory);
  for (let i = 0; i < 500; i++) {
    const index = random.below(REGISTERS);
    const value = 1 + random.below(LARGEST_VALUE);
    const newEnd = setSparseRegister(memory, HLL_HEADER_BYTES, end, index, value, UNLIMITED);
    if (newEnd >= 0) end = newEnd;
    model[index] = Math.max(model[index] as number, value);
  }
  return memory.subarray(0, end);
}
