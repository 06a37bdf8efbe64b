/**
 * HyperLogLog as a string, byte for byte as Redis keeps it, so that a value read by GET is at home in either:
 *
 *   "HYLL"  encoding (0 dense, 1 sparse)  3 unused  8 bytes cached cardinality, top bit: stale  registers
 *
 * 16,384 registers, each the longest run of zeros seen. Dense: 6 bits each, lowest bit first. Sparse: runs, see
 * hyper-log-log-sparse.ts. The estimate is Ertl's, from the histogram of the registers alone.
 */

import { opcodeBytes, runLength, runValue } from "./hyper-log-log-sparse.ts";

export const REGISTERS = 16384;
export const HLL_HEADER_BYTES = 16;
export const DENSE_BYTES = HLL_HEADER_BYTES + (REGISTERS * 6) / 8;
/** What elements are hashed with. */
export const HLL_SEED = 0xadc83b19;
export const HllEncoding = { dense: 0, sparse: 1 } as const;

const MAGIC = [0x48, 0x59, 0x4c, 0x4c];
const ENCODING_AT = 4;
const CACHE_AT = 8;
const STALE_AT = 15;
const STALE_BIT = 0x80;
/** More zeros than this a hash does not have below its index. */
const LONGEST_RUN = 50;
const ALPHA = 0.7213475204444817;
const HISTOGRAM_SIZE = 64;
/** What C makes of a number that is none when it rounds it. */
const NOT_A_COUNT = -(2n ** 63n);

/** The empty one: one sparse run of zeros. */
export function emptyHyperLogLog(): Buffer {
  const bytes = Buffer.alloc(HLL_HEADER_BYTES + 2);
  Buffer.from(MAGIC).copy(bytes);
  bytes[ENCODING_AT] = HllEncoding.sparse;
  bytes[HLL_HEADER_BYTES] = 0x7f;
  bytes[HLL_HEADER_BYTES + 1] = 0xff;
  return bytes;
}

/** Whether the bytes have the form of a HyperLogLog; its sparse runs may be wrong all the same. */
export function isHyperLogLog(bytes: Buffer, offset: number, length: number): boolean {
  if (length < HLL_HEADER_BYTES) return false;
  for (let k = 0; k < MAGIC.length; k++) if (bytes[offset + k] !== MAGIC[k]) return false;
  const encoding = bytes[offset + ENCODING_AT] as number;
  return encoding === HllEncoding.sparse || (encoding === HllEncoding.dense && length === DENSE_BYTES);
}

export function isDense(bytes: Buffer, offset: number): boolean {
  return bytes[offset + ENCODING_AT] === HllEncoding.dense;
}

/** The cached cardinality, undefined if it is stale. */
export function cachedCount(bytes: Buffer, offset: number): bigint | undefined {
  const isStale = ((bytes[offset + STALE_AT] as number) & STALE_BIT) !== 0;
  return isStale ? undefined : bytes.readBigInt64LE(offset + CACHE_AT);
}

export function cacheCount(bytes: Buffer, offset: number, count: bigint): void {
  bytes.writeBigInt64LE(count, offset + CACHE_AT);
}

export function invalidateCount(bytes: Buffer, offset: number): void {
  bytes[offset + STALE_AT] = (bytes[offset + STALE_AT] as number) | STALE_BIT;
}

export function denseRegister(bytes: Buffer, offset: number, index: number): number {
  const bit = index * 6;
  const at = offset + HLL_HEADER_BYTES + (bit >>> 3);
  const shift = bit & 7;
  // The last register ends with the last byte: the one after it does not count.
  const pair = (bytes[at] as number) | (shift > 2 ? (bytes[at + 1] as number) << 8 : 0);
  return (pair >>> shift) & 63;
}

export function setDenseRegister(bytes: Buffer, offset: number, index: number, value: number): void {
  const bit = index * 6;
  const at = offset + HLL_HEADER_BYTES + (bit >>> 3);
  const shift = bit & 7;
  bytes[at] = ((bytes[at] as number) & ~(63 << shift)) | (value << shift);
  if (shift > 2) bytes[at + 1] = ((bytes[at + 1] as number) & ~(63 >>> (8 - shift))) | (value >>> (8 - shift));
}

/** Raises each register to what this value has there; false if its runs do not cover all registers exactly. */
export function mergeRegisters(into: Uint8Array, bytes: Buffer, offset: number, length: number): boolean {
  if (isDense(bytes, offset)) {
    for (let index = 0; index < REGISTERS; index++) {
      const value = denseRegister(bytes, offset, index);
      if (value > (into[index] as number)) into[index] = value;
    }
    return true;
  }
  const end = offset + length;
  let index = 0;
  for (let at = offset + HLL_HEADER_BYTES; at < end; at += opcodeBytes(bytes, at)) {
    const runEnd = index + runLength(bytes, at, end);
    if (runEnd > REGISTERS) return false;
    const value = runValue(bytes, at);
    if (value === 0) index = runEnd;
    else for (; index < runEnd; index++) if (value > (into[index] as number)) into[index] = value;
  }
  return index === REGISTERS;
}

/** The dense form of a sparse value, undefined if its runs are wrong. */
export function toDense(bytes: Buffer, offset: number, length: number): Buffer | undefined {
  const registers = new Uint8Array(REGISTERS);
  if (!mergeRegisters(registers, bytes, offset, length)) return undefined;
  const dense = Buffer.alloc(DENSE_BYTES);
  bytes.copy(dense, 0, offset, offset + HLL_HEADER_BYTES);
  dense[ENCODING_AT] = HllEncoding.dense;
  for (let index = 0; index < REGISTERS; index++) {
    if (registers[index] !== 0) setDenseRegister(dense, 0, index, registers[index] as number);
  }
  return dense;
}

/** The estimated number of elements, undefined if the runs are wrong. */
export function estimate(bytes: Buffer, offset: number, length: number): bigint | undefined {
  const histogram = new Int32Array(HISTOGRAM_SIZE);
  const isValid = isDense(bytes, offset)
    ? countDense(histogram, bytes, offset)
    : countSparse(histogram, bytes, offset, offset + length);
  return isValid ? estimateOf(histogram) : undefined;
}

/** As estimate, of registers that were merged. */
export function estimateOfRegisters(registers: Uint8Array): bigint {
  const histogram = new Int32Array(HISTOGRAM_SIZE);
  for (const value of registers) histogram[value] = (histogram[value] as number) + 1;
  return estimateOf(histogram);
}

function countDense(histogram: Int32Array, bytes: Buffer, offset: number): boolean {
  for (let at = offset + HLL_HEADER_BYTES; at < offset + DENSE_BYTES; at += 3) {
    const four = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    for (let shift = 0; shift < 24; shift += 6) {
      const value = (four >>> shift) & 63;
      histogram[value] = (histogram[value] as number) + 1;
    }
  }
  return true;
}

function countSparse(histogram: Int32Array, bytes: Buffer, offset: number, end: number): boolean {
  let index = 0;
  for (let at = offset + HLL_HEADER_BYTES; at < end; at += opcodeBytes(bytes, at)) {
    const run = runLength(bytes, at, end);
    index += run;
    if (index > REGISTERS) return false;
    const value = runValue(bytes, at);
    histogram[value] = (histogram[value] as number) + run;
  }
  return index === REGISTERS;
}

function estimateOf(histogram: Int32Array): bigint {
  const saturated = histogram[LONGEST_RUN + 1] as number;
  let z = REGISTERS * tau((REGISTERS - saturated) / REGISTERS);
  for (let k = LONGEST_RUN; k >= 1; k--) z = (z + (histogram[k] as number)) * 0.5;
  z += REGISTERS * sigma((histogram[0] as number) / REGISTERS);
  const count = (ALPHA * REGISTERS * REGISTERS) / z;
  if (!Number.isFinite(count)) return NOT_A_COUNT;
  const whole = Math.floor(count);
  return BigInt(count - whole >= 0.5 ? whole + 1 : whole);
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let x = share;
  let y = 1;
  let sum = x;
  for (;;) {
    x *= x;
    const before = sum;
    sum += x * y;
    y += y;
    if (sum === before) return sum;
  }
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share;
  let y = 1;
  let sum = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const before = sum;
    y *= 0.5;
    sum -= (1 - x) * (1 - x) * y;
    if (sum === before) return sum / 3;
  }
}
