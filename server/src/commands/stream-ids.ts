/**
 * Stream ids as arguments: `ms-seq`, `ms` alone, `ms-*` for XADD, `-` and `+` for intervals, `(` before an id that is not
 * part of one. Ids are read as redis-server does, by strtoull where plain digits do not do.
 */

import { StreamId } from "../memory/stream-id.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

const MINUS = 45;
const PLUS = 43;
const STAR = 42;
const PARENTHESIS = 40;
const LONGEST_TEXT = 127;
const SAFE_DIGITS = 15;
const TWO_TO_32 = 4294967296;
const TWO_TO_64 = 1n << 64n;
/** What strtoull takes: white space, a sign, digits. A minus wraps around. */
const LENIENT_NUMBER = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/;
const NEGATIVE_NUMBER = /^-(0|[1-9][0-9]{0,18})$/;

/** The sequence number of an id that names none: the first or the last of its millisecond. */
export const MissingSequence = { first: 0, last: -1 } as const;

export class StreamIdReader {
  /** After `readStrict` with `ms-*`: the sequence number is to be chosen. */
  isSequenceOpen = false;
  #high = 0;
  #low = 0;

  /** Reads argument `index` into the register; `-` and `+` are no ids here. Throws. */
  readStrict(call: Call, index: number, id: StreamId, allowsOpen = false): StreamId {
    if (!this.tryStrict(call, index, id, allowsOpen)) throw new CommandError(ERRORS.invalidStreamId);
    return id;
  }

  tryStrict(call: Call, index: number, id: StreamId, allowsOpen = false): boolean {
    const offset = call.offset[index] as number;
    const length = call.length[index] as number;
    return this.#parse(call.buffer, offset, offset + length, id, MissingSequence.first, allowsOpen);
  }

  /** As readStrict, but `-` and `+` are the smallest and the largest id. */
  read(call: Call, index: number, id: StreamId, missing: number): StreamId {
    const offset = call.offset[index] as number;
    const length = call.length[index] as number;
    const first = call.buffer[offset];
    if (length === 1 && first === MINUS) return id.setZero();
    if (length === 1 && first === PLUS) return id.setLargest();
    if (!this.#parse(call.buffer, offset, offset + length, id, missing, false)) {
      throw new CommandError(ERRORS.invalidStreamId);
    }
    return id;
  }

  /** The first id of an interval. */
  readStart(call: Call, index: number, id: StreamId): StreamId {
    if (!isExclusive(call, index)) return this.read(call, index, id, MissingSequence.first);
    this.#readBehind(call, index, id, MissingSequence.first);
    if (!id.increment()) throw new CommandError("ERR invalid start ID for the interval");
    return id;
  }

  /** The last id of an interval. */
  readEnd(call: Call, index: number, id: StreamId): StreamId {
    if (!isExclusive(call, index)) return this.read(call, index, id, MissingSequence.last);
    this.#readBehind(call, index, id, MissingSequence.last);
    if (!id.decrement()) throw new CommandError("ERR invalid end ID for the interval");
    return id;
  }

  #readBehind(call: Call, index: number, id: StreamId, missing: number): void {
    const offset = call.offset[index] as number;
    const end = offset + (call.length[index] as number);
    if (!this.#parse(call.buffer, offset + 1, end, id, missing, false)) throw new CommandError(ERRORS.invalidStreamId);
  }

  #parse(bytes: Buffer, start: number, end: number, id: StreamId, missing: number, allowsOpen: boolean): boolean {
    this.isSequenceOpen = false;
    if (end - start > LONGEST_TEXT) return false;
    // The rest of the text behind a zero byte is not looked at: the reference reads C strings.
    for (let k = start; k < end; k++) if (bytes[k] === 0) end = k;
    let dash = start;
    while (dash < end && bytes[dash] !== MINUS) dash++;
    if (!this.#number(bytes, start, dash)) return false;
    const msHigh = this.#high;
    const msLow = this.#low;
    if (dash === end) {
      id.set(msHigh, msLow, missing, missing);
      return true;
    }
    if (allowsOpen && end - dash === 2 && bytes[dash + 1] === STAR) {
      this.isSequenceOpen = true;
      id.set(msHigh, msLow, 0, 0);
      return true;
    }
    if (!this.#number(bytes, dash + 1, end)) return false;
    id.set(msHigh, msLow, this.#high, this.#low);
    return true;
  }

  /** An unsigned 64-bit number, into two halves. */
  #number(bytes: Buffer, start: number, end: number): boolean {
    let value = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === end && at > start && end - start <= SAFE_DIGITS) {
      this.#high = Math.floor(value / TWO_TO_32) | 0;
      this.#low = value | 0;
      return true;
    }
    return this.#longNumber(bytes.toString("latin1", start, end));
  }

  #longNumber(text: string): boolean {
    if (NEGATIVE_NUMBER.test(text)) return false;
    const match = LENIENT_NUMBER.exec(text);
    if (match === null) return false;
    let value = BigInt(match[2] as string);
    if (value >= TWO_TO_64) return false;
    if (match[1] === "-") value = BigInt.asUintN(64, -value);
    this.#high = Number(BigInt.asIntN(32, value >> 32n));
    this.#low = Number(BigInt.asIntN(32, value));
    return true;
  }
}

function isExclusive(call: Call, index: number): boolean {
  return (call.length[index] as number) > 1 && call.buffer[call.offset[index] as number] === PARENTHESIS;
}

/** The ids of arguments `first` to `end`, none of which may be wrong. */
export function strictIds(call: Call, first: number, end: number, reader: StreamIdReader): StreamId[] {
  const ids: StreamId[] = [];
  for (let k = first; k < end; k++) ids.push(reader.readStrict(call, k, new StreamId()));
  return ids;
}
