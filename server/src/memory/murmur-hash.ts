/**
 * MurmurHash64A of a range of bytes, in two halves of 32 bits: 64-bit products without BigInt. Only what a HyperLogLog wants
 * of the hash is given, so that nothing is allocated.
 */

const MULTIPLIER_LOW = 0x5bd1e995;
const MULTIPLIER_HIGH = 0xc6a4a793 | 0;
/** Bits of the hash that choose a register. */
const INDEX_BITS = 14;
const INDEX_MASK = (1 << INDEX_BITS) - 1;
const WORD_BITS = 32;
const MOST_ZEROS = 64 - INDEX_BITS;

/** The register of these bytes (the low 14 bits) and the number it is to hold at least (the bits above). */
export function registerOf(bytes: Buffer, offset: number, length: number, seed: number): number {
  let low = Math.imul(length, MULTIPLIER_LOW) ^ seed;
  let high = (productHigh(length, MULTIPLIER_LOW) + Math.imul(length, MULTIPLIER_HIGH)) | 0;
  const end = offset + length;
  let at = offset;
  for (; at + 8 <= end; at += 8) {
    let blockLow = word(bytes, at);
    let blockHigh = word(bytes, at + 4);
    blockHigh = timesHigh(blockLow, blockHigh);
    blockLow = Math.imul(blockLow, MULTIPLIER_LOW);
    blockLow ^= blockHigh >>> 15;
    high ^= timesHigh(blockLow, blockHigh);
    low ^= Math.imul(blockLow, MULTIPLIER_LOW);
    high = timesHigh(low, high);
    low = Math.imul(low, MULTIPLIER_LOW);
  }
  if (at < end) {
    for (let shift = 0; at < end; at++, shift += 8) {
      if (shift < WORD_BITS) low ^= (bytes[at] as number) << shift;
      else high ^= (bytes[at] as number) << (shift - WORD_BITS);
    }
    high = timesHigh(low, high);
    low = Math.imul(low, MULTIPLIER_LOW);
  }
  low ^= high >>> 15;
  high = timesHigh(low, high);
  low = Math.imul(low, MULTIPLIER_LOW);
  low ^= high >>> 15;
  return (low & INDEX_MASK) | ((trailingZeros(low >>> INDEX_BITS, high) + 1) << INDEX_BITS);
}

/** Of what is left of the hash above the bits of the index. */
function trailingZeros(low: number, high: number): number {
  if (low !== 0) return WORD_BITS - 1 - Math.clz32(low & -low);
  if (high === 0) return MOST_ZEROS;
  return WORD_BITS - INDEX_BITS + WORD_BITS - 1 - Math.clz32(high & -high);
}

function word(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Upper half of the product with the multiplier. */
function timesHigh(low: number, high: number): number {
  return (productHigh(low, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH) + Math.imul(high, MULTIPLIER_LOW)) | 0;
}

/** Upper 32 bits of the product of two unsigned 32-bit integers. */
function productHigh(left: number, right: number): number {
  const leftLow = left & 0xffff;
  const leftHigh = left >>> 16;
  const rightLow = right & 0xffff;
  const rightHigh = right >>> 16;
  const crossed = leftHigh * rightLow;
  const middle = leftLow * rightHigh + ((leftLow * rightLow) >>> 16) + (crossed & 0xffff);
  return (leftHigh * rightHigh + Math.floor(middle / 0x10000) + (crossed >>> 16)) | 0;
}
