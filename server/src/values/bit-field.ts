/**
 * Integers of 1 to 64 bits at any bit of a string, highest bit first, and what becomes of one that does not fit. Bits beyond
 * the end of the string are zero. The arithmetic is exact to 64 bits: in BigInt, but for fields of up to 32 bits, which doubles
 * hold with room for any sum.
 */

const WIDEST = 64;

export type Overflow = "wrap" | "sat" | "fail";

export interface FieldType {
  readonly isSigned: boolean;
  readonly bits: number;
}

/** The field at `bitOffset` of the `length` bytes at `offset`. */
export function readField(bytes: Buffer, offset: number, length: number, bitOffset: number, type: FieldType): bigint {
  const first = Math.floor(bitOffset / 8);
  const shift = bitOffset & 7;
  const count = Math.ceil((shift + type.bits) / 8);
  let value = 0n;
  for (let k = 0; k < count; k++) {
    const at = first + k;
    value = (value << 8n) | (at < length ? BigInt(bytes[offset + at] as number) : 0n);
  }
  value >>= BigInt(count * 8 - shift - type.bits);
  return wrapped(value, type);
}

/** Writes a field, all of which must lie in the string. */
export function writeField(bytes: Buffer, offset: number, bitOffset: number, type: FieldType, value: bigint): void {
  const first = offset + Math.floor(bitOffset / 8);
  const shift = bitOffset & 7;
  const count = Math.ceil((shift + type.bits) / 8);
  const tail = BigInt(count * 8 - shift - type.bits);
  let mask = ((1n << BigInt(type.bits)) - 1n) << tail;
  let rest = BigInt.asUintN(type.bits, value) << tail;
  for (let k = count - 1; k >= 0; k--) {
    const byteMask = Number(mask & 0xffn);
    bytes[first + k] = ((bytes[first + k] as number) & ~byteMask) | Number(rest & 0xffn);
    mask >>= 8n;
    rest >>= 8n;
  }
}

/**
 * What a field that holds `value` has after adding to it (a SET adds 0 to the new value); undefined if it must be left alone.
 * The distances to the limits wrap around at 64 bits as in Redis: a SET far below a field's range saturates at its top.
 */
export function added(value: bigint, increment: bigint, type: FieldType, overflow: Overflow): bigint | undefined {
  const largest = (1n << BigInt(type.isSigned ? type.bits - 1 : type.bits)) - 1n;
  const smallest = type.isSigned ? -largest - 1n : 0n;
  const room = BigInt.asIntN(64, largest - value);
  const depth = BigInt.asIntN(64, smallest - value);
  const isNarrow = type.isSigned && type.bits !== WIDEST;
  const isAbove = value > largest || (increment > room && (isNarrow || (increment > 0n && value >= 0n)));
  const isBelow =
    value < smallest || (increment < depth && (isNarrow || (increment < 0n && (!type.isSigned || value < 0n))));
  if (!isAbove && !isBelow) return value + increment;
  if (overflow === "fail") return undefined;
  if (overflow === "sat") return isAbove ? largest : smallest;
  return wrapped(value + increment, type);
}

/** The 64-bit integer of a SET as the field takes it: an unsigned one sees a negative number as a very large one. */
export function asFieldInput(value: bigint, type: FieldType): bigint {
  return type.isSigned ? value : BigInt.asUintN(64, value);
}

function wrapped(value: bigint, type: FieldType): bigint {
  return type.isSigned ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value);
}

/** Fields up to this width have functions of their own, in numbers. */
export const SMALL_FIELD_BITS = 32;

/** As readField, of a small field. */
export function readSmallField(
  bytes: Buffer,
  offset: number,
  length: number,
  bitOffset: number,
  type: FieldType,
): number {
  const first = Math.floor(bitOffset / 8);
  const end = bitOffset + type.bits;
  const last = Math.ceil(end / 8);
  let value = 0;
  for (let at = first; at < last; at++) value = value * 256 + (at < length ? (bytes[offset + at] as number) : 0);
  return wrappedSmall(Math.floor(value / 2 ** (last * 8 - end)), type);
}

/** As writeField, of a small field. */
export function writeSmallField(
  bytes: Buffer,
  offset: number,
  bitOffset: number,
  type: FieldType,
  value: number,
): void {
  const first = Math.floor(bitOffset / 8);
  const end = bitOffset + type.bits;
  const last = Math.ceil(end / 8);
  const tail = 2 ** (last * 8 - end);
  let mask = (2 ** type.bits - 1) * tail;
  let rest = (value < 0 ? value + 2 ** type.bits : value) * tail;
  for (let at = last - 1; at >= first; at--) {
    bytes[offset + at] = ((bytes[offset + at] as number) & ~(mask % 256)) | (rest % 256);
    mask = Math.floor(mask / 256);
    rest = Math.floor(rest / 256);
  }
}

/** As added, for a small field and a sum that is exact. */
export function addedSmall(sum: number, type: FieldType, overflow: Overflow): number | undefined {
  const largest = 2 ** (type.isSigned ? type.bits - 1 : type.bits) - 1;
  const smallest = type.isSigned ? -largest - 1 : 0;
  if (sum <= largest && sum >= smallest) return sum;
  if (overflow === "fail") return undefined;
  if (overflow === "sat") return sum > largest ? largest : smallest;
  return wrappedSmall(sum, type);
}

function wrappedSmall(value: number, type: FieldType): number {
  const range = 2 ** type.bits;
  const rest = value - Math.floor(value / range) * range;
  return type.isSigned && rest >= range / 2 ? rest - range : rest;
}
