/** PFSELFTEST: registers hold what is put into them, and estimates are as near as 16,384 registers allow. */

import { registerOf } from "../memory/murmur-hash.ts";
import {
  DENSE_BYTES,
  denseRegister,
  estimateOfRegisters,
  HLL_SEED,
  REGISTERS,
  setDenseRegister,
} from "../values/hyper-log-log.ts";

const ROUNDS = 4;
const LARGEST_REGISTER = 63;
const ELEMENTS = 100_000;
const CHECKED_COUNTS = [100, 1000, 10_000, ELEMENTS];
/** Six times the standard error. */
const TOLERANCE = (6 * 1.04) / Math.sqrt(REGISTERS);

/** What is wrong, undefined if nothing is. */
export function selfTest(): string | undefined {
  return registersFault() ?? estimateFault();
}

function registersFault(): string | undefined {
  const bytes = Buffer.alloc(DENSE_BYTES);
  for (let round = 0; round < ROUNDS; round++) {
    const expected = (index: number): number => (Math.imul(index + 1, 0x9e3779b1 + round) >>> 8) & LARGEST_REGISTER;
    for (let index = 0; index < REGISTERS; index++) setDenseRegister(bytes, 0, index, expected(index));
    for (let index = 0; index < REGISTERS; index++) {
      const held = denseRegister(bytes, 0, index);
      if (held !== expected(index)) return `Register ${index} should be ${expected(index)} but is ${held}`;
    }
  }
  return undefined;
}

function estimateFault(): string | undefined {
  const registers = new Uint8Array(REGISTERS);
  const element = Buffer.alloc(8);
  for (let count = 1; count <= ELEMENTS; count++) {
    element.writeUInt32LE(count);
    const register = registerOf(element, 0, element.length, HLL_SEED);
    const index = register & (REGISTERS - 1);
    registers[index] = Math.max(registers[index] as number, register >>> 14);
    if (!CHECKED_COUNTS.includes(count)) continue;
    const estimated = Number(estimateOfRegisters(registers));
    if (Math.abs(estimated - count) > Math.ceil(count * TOLERANCE))
      return `${count} elements are taken for ${estimated}`;
  }
  return undefined;
}
