/** The options of SET, GETEX and MSETEX. A word may be repeated, in every spelling, but not joined with one that contradicts it. */

import { EXPIRE_UNITS, type ExpireUnit } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

export type StringCommand = "set" | "getex" | "msetex";

export interface StringOptions {
  condition: "none" | "nx" | "xx";
  isGet: boolean;
  keepTtl: boolean;
  isPersist: boolean;
  unit: ExpireUnit | undefined;
  timeArgument: number;
}

/** Parses the arguments of `command` from `start` on; throws a syntax error where Redis does. */
export function parseStringOptions(call: Call, start: number, command: StringCommand): StringOptions {
  const options: StringOptions = {
    condition: "none",
    isGet: false,
    keepTtl: false,
    isPersist: false,
    unit: undefined,
    timeArgument: 0,
  };
  for (let i = start; i < call.argc; i++) {
    const word = call.text(i).toLowerCase();
    const unit = EXPIRE_UNITS.get(word);
    const isKnown = unit === undefined ? takeWord(options, word, command) : takeUnit(options, unit, i + 1 < call.argc);
    if (!isKnown) throw new CommandError(ERRORS.syntax);
    if (unit !== undefined) options.timeArgument = ++i;
  }
  return options;
}

function takeUnit(options: StringOptions, unit: ExpireUnit, hasTime: boolean): boolean {
  const isFree = !options.keepTtl && !options.isPersist && (options.unit === undefined || options.unit === unit);
  if (isFree) options.unit = unit;
  return isFree && hasTime;
}

function takeWord(options: StringOptions, word: string, command: StringCommand): boolean {
  if (word === "persist" && command === "getex") {
    options.isPersist = true;
    return options.unit === undefined;
  }
  if (command === "getex") return false;
  if (word === "get" && command === "set") options.isGet = true;
  else if (word === "keepttl") {
    options.keepTtl = true;
    return options.unit === undefined;
  } else if (word === "nx" || word === "xx") {
    if (options.condition !== "none" && options.condition !== word) return false;
    options.condition = word;
  } else return false;
  return true;
}
