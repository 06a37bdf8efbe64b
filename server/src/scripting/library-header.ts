/** The first line of a library of functions: `#!lua name=mylib`. Words may be quoted, as on a command line of the server. */

import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { ScriptError } from "./script-error.ts";

export interface LibraryHeader {
  readonly name: string;
  /** Length of the line, without its end. */
  readonly length: number;
}

const LINE_FEED = 10;
const NAME = /^\w+$/;
export const NAME_RULE =
  "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

export function readLibraryHeader(source: Buffer): LibraryHeader {
  if (source[0] !== 35 || source[1] !== 33) throw new ScriptError("ERR Missing library metadata");
  const length = source.indexOf(LINE_FEED);
  const words = length < 0 ? undefined : splitArguments(source.toString("latin1", 0, length));
  if (words === undefined) throw new ScriptError("ERR Invalid library metadata");
  const [engine = "", ...options] = words;
  const engineName = engine.slice(2);
  let name: string | undefined;
  for (const option of options) {
    if (!/^name=/i.test(option)) throw new ScriptError(`ERR Invalid metadata value given: ${shown(option)}`);
    if (name !== undefined) {
      throw new ScriptError("ERR Invalid metadata value, name argument was given multiple times");
    }
    name = option.slice("name=".length);
  }
  if (name === undefined) throw new ScriptError("ERR Library name was not given");
  if (!isName(name)) throw new ScriptError(`ERR ${NAME_RULE}`);
  if (engineName.toLowerCase() !== "lua") throw new ScriptError(`ERR Engine '${shown(engineName)}' not found`);
  return { name, length };
}

/** A word in an error, which ends at a zero as everywhere in Redis. */
function shown(word: string): string {
  return word.split("\0", 1).join();
}

/** Of a library or a function: both follow one rule, and have one error. */
export function isName(name: string): boolean {
  return NAME.test(name);
}
