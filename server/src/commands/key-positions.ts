/**
 * Finds the keys among a request's arguments from the key specifications of its row. Off the hot path: positional commands
 * are routed from the table's typed arrays.
 */

import type { Call } from "./call.ts";
import type { CommandRow, KeyFlag, KeySpec } from "./command.ts";

export interface KeyPosition {
  readonly argument: number;
  readonly flags: readonly KeyFlag[];
}

/** The places of all keys in order of their specifications; empty if the arguments do not make sense. */
export function keyPositions(row: CommandRow, call: Call): KeyPosition[] {
  if (row.name === "migrate") return keysOfMigrate(call);
  const positions: KeyPosition[] = [];
  for (const spec of row.keys ?? []) {
    const begin = beginOf(spec, row, call);
    if (begin === ABSENT) continue;
    const places = begin === INVALID ? undefined : placesFrom(begin, spec, call);
    if (places === undefined) return [];
    const flags = flagsOf(spec, begin, row, call);
    for (const argument of places) positions.push({ argument, flags });
  }
  return positions;
}

const ABSENT = 0;
const INVALID = -1;
const CANONICAL = /^(0|-?[1-9]\d*)$/;

function beginOf(spec: KeySpec, row: CommandRow, call: Call): number {
  const { begin } = spec;
  if ("index" in begin) return begin.index;
  if (!("keyword" in begin)) return row.name === "sort" && spec.flags.includes("update") ? storeOfSort(call) : ABSENT;
  const word = begin.keyword.toLowerCase();
  if (begin.startFrom < 0) {
    for (let i = call.argc + begin.startFrom; i > 1; i--) if (call.is(i, word)) return i + 1;
    return ABSENT;
  }
  for (let i = begin.startFrom; i < call.argc - 1; i++) if (call.is(i, word)) return i + 1;
  return ABSENT;
}

/** SORT may have STORE anywhere, even as a pattern: its options are read as it reads them. The last one counts. */
function storeOfSort(call: Call): number {
  let store = ABSENT;
  for (let i = 2; i < call.argc; i++) {
    if (call.is(i, "limit")) i += 2;
    else if (call.is(i, "get") || call.is(i, "by")) i++;
    else if (call.is(i, "store") && i + 1 < call.argc) store = ++i;
  }
  return store;
}

/** Undefined if a key would lie beyond the arguments. */
function placesFrom(begin: number, spec: KeySpec, call: Call): number[] | undefined {
  const { find } = spec;
  if ("last" in find) {
    const last = find.last < 0 ? lastFromEnd(begin, find.last, find.limit, call.argc) : begin + find.last;
    return placesBetween(begin, last, find.step, call.argc);
  }
  if (!("countAt" in find)) return begin < call.argc ? [begin] : undefined;
  if (begin + find.countAt >= call.argc) return undefined;
  const count = leadingInteger(call.text(begin + find.countAt));
  const first = begin + find.first;
  return placesBetween(first, first + (count - 1) * find.step, find.step, call.argc);
}

/** As C's atoi reads it. */
function leadingInteger(text: string): number {
  return Number(/^[ \t-\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

/** With a limit of 2, keys are the first half of what follows. */
function lastFromEnd(begin: number, last: number, limit: number, argc: number): number {
  return limit < 2 ? argc + last : begin + Math.trunc((argc - begin) / limit) + last;
}

function placesBetween(first: number, last: number, step: number, argc: number): number[] | undefined {
  if (last >= argc || last < first || first >= argc) return undefined;
  const places: number[] = [];
  for (let argument = first; argument <= last; argument += step) places.push(argument);
  return places;
}

/** Where the number of keys is none that the specification can read, Redis finds the keys but not what happens to them. */
function flagsOf({ find, flags }: KeySpec, begin: number, row: CommandRow, call: Call): readonly KeyFlag[] {
  if (flags.includes("variable_flags")) return flagsByArguments(row, call);
  return "countAt" in find && !CANONICAL.test(call.text(begin + find.countAt)) ? [] : flags;
}

/** SET and BITFIELD only read, or only write, depending on their arguments. */
function flagsByArguments(row: CommandRow, call: Call): readonly KeyFlag[] {
  if (row.name === "bitfield") return isBitfieldReadOnly(call) ? ["RO", "access"] : ["RW", "access", "update"];
  for (let i = 3; i < call.argc; i++) if (call.is(i, "get")) return ["RW", "access", "update"];
  return ["OW", "update"];
}

/** What is no subcommand that only reads may write. */
function isBitfieldReadOnly(call: Call): boolean {
  for (let i = 2; i < call.argc; ) {
    const left = call.argc - i - 1;
    if (call.is(i, "get") && left >= 2) i += 3;
    else if (call.is(i, "overflow") && left >= 1) i += 2;
    else return false;
  }
  return true;
}

const MIGRATED: readonly KeyFlag[] = ["RW", "access", "delete"];
/** Options with arguments, and how many. */
const MIGRATE_OPTIONS: ReadonlyMap<string, number> = new Map([
  ["auth", 1],
  ["auth2", 2],
]);

/** One key, or those behind KEYS where that one is empty. A password may be the word KEYS. */
function keysOfMigrate(call: Call): KeyPosition[] {
  let [first, end] = [3, 4];
  for (let i = 6; i < call.argc; i++) {
    const word = call.text(i).toLowerCase();
    if (word === "keys") {
      if (call.length[3] === 0) [first, end] = [i + 1, call.argc];
      break;
    }
    i += MIGRATE_OPTIONS.get(word) ?? 0;
  }
  return Array.from({ length: end - first }, (_, k) => ({ argument: first + k, flags: MIGRATED }));
}
