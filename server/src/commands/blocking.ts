/** What the blocking commands share: the timeout, and waiting for one of several keys. */

import { parseLongDouble } from "../memory/long-double.ts";
import type { Call } from "./call.ts";
import { CommandError } from "./errors.ts";

const NOT_A_TIMEOUT = "ERR timeout is not a float or out of range";
const NEGATIVE_TIMEOUT = "ERR timeout is negative";
const LARGEST_MS = 2 ** 63 - 1;

/** Argument `index` as a time to wait: seconds with fractions, given in whole milliseconds, rounded up; 0 is for ever. */
export function secondsArgument(call: Call, index: number): number {
  const seconds = parseLongDouble(call.text(index));
  if (seconds === undefined) throw new CommandError(NOT_A_TIMEOUT);
  const { negative, mantissa, exponent } = seconds;
  const magnitude = mantissa === undefined ? Number.POSITIVE_INFINITY : Number(mantissa) * 2 ** exponent;
  const timeoutMs = Math.ceil((negative ? -magnitude : magnitude) * 1000);
  // What does not fit 64 bits has wrapped around in Redis.
  if (timeoutMs < 0 || timeoutMs > LARGEST_MS) throw new CommandError(NEGATIVE_TIMEOUT);
  return timeoutMs;
}
