/** Arguments that the commands on fields with expiry times share: moments, and the list of fields. */

import { type ExpireUnit, integerArgument, rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError, invalidExpireTime } from "./errors.ts";

/** Redis keeps field expiry times in 48 bits and accepts a quarter of that. */
const LATEST_MS = 2 ** 46 - 1;

export const FIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer";

/** The moment that argument `index` means, milliseconds since 1970. */
export function fieldExpireTime(call: Call, index: number, unit: ExpireUnit, fullName: string): number {
  const value = integerArgument(call, index);
  if (value < 0) throw new CommandError("ERR invalid expire time, must be >= 0");
  const ms = unit.isSeconds ? value * 1000 : value;
  const baseMs = unit.isAbsolute ? 0 : call.nowMs;
  if (ms > LATEST_MS - baseMs) throw new CommandError(invalidExpireTime(fullName));
  return ms + baseMs;
}

/** Reads `FIELDS numfields field …`, the rest of the request, from argument `index` on; gives the first field's place. */
export function fieldsArgument(call: Call, index: number, error: string = FIELDS_NOT_POSITIVE): number {
  if (index >= call.argc || !call.is(index, "fields")) {
    throw new CommandError("ERR Mandatory argument FIELDS is missing or not at the right position");
  }
  const count = index + 1 < call.argc ? rangedArgument(call, index + 1, 1, error) : 0;
  const first = index + 2;
  if (count !== call.argc - first) {
    throw new CommandError("ERR The `numfields` parameter must match the number of arguments");
  }
  return first;
}

/** Copies of the arguments with these places. */
export function copies(call: Call, places: readonly number[]): Buffer[] {
  return places.map((place) => call.copy(place));
}
