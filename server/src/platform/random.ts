/**
 * Randomness as a port. The system adapter takes identifiers and seeds from the operating system and draws the many
 * small numbers (sampling, SPOP, skipping) from a fast generator seeded from there; the seeded adapter repeats itself
 * exactly, for tests and simulations.
 */

import { randomBytes } from "node:crypto";

export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
  /** A uniform integer in [0, limit), limit at most 2^32. */
  below(limit: number): number;
  bytes(count: number): Buffer;
  /** `count` lower-case hexadecimal digits: node ids, replication ids, run ids. */
  hex(count: number): string;
}

/** xoshiro128**: 128 bits of state, 32 bits a draw, no allocation. */
function createGenerator(seed: Int32Array): () => number {
  let a = seed[0] as number;
  let b = seed[1] as number;
  let c = seed[2] as number;
  let d = (seed[3] as number) | 1;
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
}

function createRandom(next: () => number, bytes: (count: number) => Buffer): Random {
  return {
    uint32: next,
    below: (limit) => Math.floor((next() / 0x1_0000_0000) * limit),
    bytes,
    hex: (count) =>
      bytes((count + 1) >> 1)
        .toString("hex")
        .slice(0, count),
  };
}

export function createSystemRandom(): Random {
  const entropy = randomBytes(16);
  const seed = new Int32Array([0, 4, 8, 12].map((offset) => entropy.readInt32LE(offset)));
  return createRandom(createGenerator(seed), (count) => randomBytes(count));
}

export function createSeededRandom(seed: number): Random {
  const state = new Int32Array([seed, 0x9e3779b9, seed ^ 0x243f6a88, 0xb7e15162]);
  const next = createGenerator(state);
  for (let draw = 0; draw < 16; draw++) next();
  return createRandom(next, (count) => {
    const bytes = Buffer.alloc(count);
    for (let position = 0; position < count; position++) bytes[position] = next() & 0xff;
    return bytes;
  });
}
