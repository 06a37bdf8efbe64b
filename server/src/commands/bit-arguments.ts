/** Offsets of bits in strings, and the room that writing one needs. */

import type { Handle } from "../memory/arena-layout.ts";
import { parseInt64, smallInteger } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError } from "./errors.ts";
import { addEmptyString, stringForWrite } from "./string-access.ts";

const BAD_OFFSET = "ERR bit offset is not an integer or out of range";
/** Times 64 bits, this is exact. */
const SAFE_COUNT = 2 ** 40;
const HASH_SIGN = 0x23;

/** A bit within the longest string there may be. With `fieldBits`, `#3` means the place of the fourth field of that width. */
export function bitOffsetArgument(call: Call, index: number, fieldBits = 0): number {
  const start = call.offset[index] as number;
  const length = call.length[index] as number;
  const isCounted = fieldBits > 0 && length > 0 && call.buffer[start] === HASH_SIGN;
  const offset = isCounted ? fieldOffset(call, index, fieldBits) : plainOffset(call, start, length);
  const isTooFar = Math.floor(offset / 8) >= call.server.maxBulkBytes;
  if (!(offset >= 0) || isTooFar) throw new CommandError(BAD_OFFSET);
  return offset;
}

function plainOffset(call: Call, start: number, length: number): number {
  const small = smallInteger(call.buffer, start, length);
  return Number.isNaN(small) ? Number(parseInt64(call.buffer, start, length) ?? Number.NaN) : small;
}

/** Redis multiplies in 64 bits: a product that wraps around to a small one is taken. */
function fieldOffset(call: Call, index: number, fieldBits: number): number {
  const start = (call.offset[index] as number) + 1;
  const small = smallInteger(call.buffer, start, (call.length[index] as number) - 1);
  if (small >= 0 && small < SAFE_COUNT) return small * fieldBits;
  const count = parseInt64(call.buffer, start, (call.length[index] as number) - 1);
  return count === undefined ? Number.NaN : Number(BigInt.asIntN(64, count * BigInt(fieldBits)));
}

/** The string at argument 1 with room for a bit, created if absent; whether it was shorter before. */
export function growForBit(call: Call, bit: number): { readonly record: Handle; readonly hasGrown: boolean } {
  const { db } = call;
  const needed = Math.floor(bit / 8) + 1;
  const found = stringForWrite(call, 1);
  const length = found === 0 ? 0 : db.valueLength(found);
  const record = found === 0 ? addEmptyString(call, 1) : found;
  return { record: db.growString(record, Math.max(length, needed)), hasGrown: found === 0 || length < needed };
}
