/** The first line of a script that says how it may run: `#!lua flags=no-writes,allow-stale`. Without it, old rules hold. */

import { ScriptError } from "./script-error.ts";

export const ScriptFlag = {
  noWrites: 1 << 0,
  allowOom: 1 << 1,
  allowStale: 1 << 2,
  noCluster: 1 << 3,
  allowCrossSlotKeys: 1 << 4,
  /** There is no such line. */
  old: 1 << 5,
} as const;

const FLAGS: ReadonlyMap<string, number> = new Map([
  ["no-writes", ScriptFlag.noWrites],
  ["allow-oom", ScriptFlag.allowOom],
  ["allow-stale", ScriptFlag.allowStale],
  ["no-cluster", ScriptFlag.noCluster],
  ["allow-cross-slot-keys", ScriptFlag.allowCrossSlotKeys],
]);

/** The bit of a flag; undefined if there is no such flag. */
export function flagOf(name: string): number | undefined {
  return FLAGS.get(name);
}

export function flagNames(flags: number): string[] {
  return [...FLAGS].filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
}

const LINE_FEED = 10;

export interface Shebang {
  readonly flags: number;
  /** Length of the line, without its end. */
  readonly length: number;
}

export function readShebang(source: Buffer): Shebang {
  if (source.length < 2 || source[0] !== 35 || source[1] !== 33) return { flags: ScriptFlag.old, length: 0 };
  const length = source.indexOf(LINE_FEED);
  if (length < 0) throw new ScriptError("ERR Invalid script shebang");
  const [engine = "", ...options] = source
    .toString("latin1", 0, length)
    .split(" ")
    .filter((word) => word !== "");
  if (engine !== "#!lua") throw new ScriptError(`ERR Unexpected engine in script shebang: ${engine}`);
  let flags = 0;
  for (const option of options) {
    if (!option.startsWith("flags=")) throw new ScriptError(`ERR Unknown lua shebang option: ${option}`);
    for (const name of option.slice("flags=".length).split(",")) {
      if (name === "") continue;
      const flag = flagOf(name);
      if (flag === undefined) throw new ScriptError(`ERR Unexpected flag in script shebang: ${name}`);
      flags |= flag;
    }
  }
  return { flags, length };
}
