/** The arguments that LMPOP, ZMPOP and their blocking forms share: a number of keys, the keys, an end to take from, and how many to take. */

import { rangedArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

export interface MultiPop {
  /** The argument of the first key. */
  readonly first: number;
  /** The argument that names the end, behind the keys. */
  readonly where: number;
  /** True for the first of the two words. */
  readonly isFirst: boolean;
  readonly count: number;
}

/** From the argument that counts the keys on. Faults are reported from left to right. */
export function multiPopArguments(call: Call, start: number, firstWord: string, secondWord: string): MultiPop {
  const keys = rangedArgument(call, start, 1, "ERR numkeys should be greater than 0");
  const first = start + 1;
  const where = first + keys;
  if (where >= call.argc) throw new CommandError(ERRORS.syntax);
  const isFirst = call.is(where, firstWord);
  if (!isFirst && !call.is(where, secondWord)) throw new CommandError(ERRORS.syntax);
  let count = 0;
  for (let i = where + 1; i < call.argc; i += 2) {
    if (count !== 0 || !call.is(i, "count") || i + 1 >= call.argc) throw new CommandError(ERRORS.syntax);
    count = rangedArgument(call, i + 1, 1, "ERR count should be greater than 0");
  }
  return { first, where, isFirst, count: Math.max(1, count) };
}
