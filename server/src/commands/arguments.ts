/**
 * Reading of typed arguments, with the errors Redis gives for each. The fast forms return NaN instead of throwing.
 */

import type { Call } from "./call.ts";
import { CommandError, ERRORS, invalidExpireTime, outOfRangeBetween } from "./errors.ts";

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const INTEGER = /^(0|-?[1-9]\d{0,18})$/;
/** 15 digits and a sign always make a safe integer. */
const SAFE_DIGITS = 15;

/** The integer that these bytes spell in canonical form (no leading zeros, no plus, no spaces), NaN if none or beyond 15 digits. */
export function smallInteger(bytes: Buffer, offset: number, length: number): number {
  if (length === 0 || length > SAFE_DIGITS + 1) return Number.NaN;
  let i = offset;
  const end = offset + length;
  const negative = bytes[i] === 45;
  if (negative) i++;
  if (end - i > SAFE_DIGITS || i === end) return Number.NaN;
  const first = bytes[i] as number;
  if (first === 48) return length === 1 ? 0 : Number.NaN;
  if (first < 49 || first > 57) return Number.NaN;
  let value = 0;
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** The 64-bit integer these bytes spell, undefined if none. */
export function parseInt64(bytes: Buffer, offset: number, length: number): bigint | undefined {
  if (length > 20) return undefined;
  const text = bytes.toString("latin1", offset, offset + length);
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text);
  return value > MAX_INT64 || value < MIN_INT64 ? undefined : value;
}

export function isInt64(value: bigint): boolean {
  return value <= MAX_INT64 && value >= MIN_INT64;
}

/**
 * Argument `index` as an integer; throws the given error if it is none. Values beyond 2^53 lose their low digits: fit for
 * counts, offsets and times, not for arithmetic on values.
 */
export function integerArgument(call: Call, index: number, error: string = ERRORS.notInteger): number {
  const offset = call.offset[index] as number;
  const length = call.length[index] as number;
  const small = smallInteger(call.buffer, offset, length);
  if (!Number.isNaN(small)) return small;
  const value = parseInt64(call.buffer, offset, length);
  if (value === undefined) throw new CommandError(error);
  return Number(value);
}

const MAX_INT32 = 2 ** 31 - 1;
const MIN_INT32 = -(2 ** 31);

/** Argument `index` as an integer of 32 bits. With `error`, every fault has that text; without, each has Redis' general one. */
export function int32Argument(call: Call, index: number, error?: string): number {
  const value = integerArgument(call, index, error);
  if (value < MIN_INT32 || value > MAX_INT32) {
    throw new CommandError(error ?? outOfRangeBetween(String(MIN_INT32), String(MAX_INT32)));
  }
  return value;
}

/** Argument `index` as the number of a database that there is. */
export function databaseArgument(call: Call, index: number): number {
  const database = int32Argument(call, index);
  if (database < 0 || database >= call.server.keyspace.databaseCount) {
    throw new CommandError(ERRORS.databaseIndexOutOfRange);
  }
  return database;
}

/** Argument `index` as an integer of 0 or more. */
export function countArgument(call: Call, index: number): number {
  const value = integerArgument(call, index, ERRORS.notPositive);
  if (value < 0) throw new CommandError(ERRORS.notPositive);
  return value;
}

/**
 * Argument `index` as an integer of at least `minimum` (1, 0, or the negative of the largest). With `error`, every fault has
 * that text; without, each has Redis' general one.
 */
export function rangedArgument(call: Call, index: number, minimum: number, error?: string): number {
  const value = integerArgument(call, index, error);
  if (value < minimum || (minimum < 0 && call.text(index) === SMALLEST_TEXT)) {
    throw new CommandError(error ?? outOfRangeBetween(`-${LARGEST_TEXT}`, LARGEST_TEXT));
  }
  return value;
}

const LARGEST_TEXT = String(MAX_INT64);
const SMALLEST_TEXT = String(MIN_INT64);

export interface ExpireUnit {
  readonly isSeconds: boolean;
  readonly isAbsolute: boolean;
}

/** By the words of options. */
export const EXPIRE_UNITS: ReadonlyMap<string, ExpireUnit> = new Map([
  ["ex", { isSeconds: true, isAbsolute: false }],
  ["px", { isSeconds: false, isAbsolute: false }],
  ["exat", { isSeconds: true, isAbsolute: true }],
  ["pxat", { isSeconds: false, isAbsolute: true }],
]);

/** Moments are kept as doubles: exact up to 2^53 ms, which is the year 287,396. The last one below Redis' own limit. */
export const LARGEST_MOMENT_MS = 2 ** 63 - 1024;

/** As a double it is the first that does not fit. */
const LARGEST_SECONDS = Number(MAX_INT64 / 1000n);

/** The moment (milliseconds since 1970) that argument `index` means, which must lie after 1970: the rule of SET and its kin. */
export function expireTimeArgument(call: Call, index: number, unit: ExpireUnit, fullName: string): number {
  const value = integerArgument(call, index);
  const moment = value <= 0 ? undefined : expireMoment(call, value, unit);
  if (moment === undefined) throw new CommandError(invalidExpireTime(fullName));
  return moment;
}

/** The moment a time given by a client means, undefined if it does not fit 64 bits. */
export function expireMoment(call: Call, value: number, unit: ExpireUnit): number | undefined {
  if (unit.isSeconds && Math.abs(value) >= LARGEST_SECONDS) return undefined;
  const ms = unit.isSeconds ? value * 1000 : value;
  if (unit.isAbsolute) return Math.min(ms, LARGEST_MOMENT_MS);
  const at = ms + call.nowMs;
  return at > LARGEST_MOMENT_MS ? undefined : at;
}
