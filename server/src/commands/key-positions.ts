/**
 * Finds the keys among a request's arguments from the key specifications of its row. Off the hot path: positional commands
 * are routed from the table's typed arrays.
 */

import type { Call } from "./call.ts";
import type { CommandRow, KeySpec } from "./command.ts";

export interface KeyPosition {
  readonly argument: number;
  readonly spec: KeySpec;
}

/** The places of all keys in order of their specifications; empty if the arguments do not make sense. */
export function keyPositions(row: CommandRow, call: Call): KeyPosition[] {
  const positions: KeyPosition[] = [];
  for (const spec of row.keys ?? []) {
    const begin = beginOf(spec, call);
    if (begin <= 0 || begin >= call.argc) continue;
    for (const argument of placesFrom(begin, spec, call)) positions.push({ argument, spec });
  }
  return positions;
}

function beginOf(spec: KeySpec, call: Call): number {
  const { begin } = spec;
  if ("index" in begin) return begin.index;
  if (!("keyword" in begin)) return -1;
  const word = begin.keyword.toLowerCase();
  if (begin.startFrom < 0) {
    for (let i = call.argc + begin.startFrom; i > 0; i--) if (call.is(i, word)) return i + 1;
    return -1;
  }
  for (let i = begin.startFrom; i < call.argc; i++) if (call.is(i, word)) return i + 1;
  return -1;
}

function placesFrom(begin: number, spec: KeySpec, call: Call): number[] {
  const places: number[] = [];
  const { find } = spec;
  if ("last" in find) {
    let last = find.last < 0 ? call.argc + find.last : begin + find.last;
    if (find.limit > 1 && find.last === -1) last = begin + Math.floor((call.argc - begin) / find.limit) - 1;
    for (let i = begin; i <= last && i < call.argc; i += find.step) places.push(i);
    return places;
  }
  if (!("countAt" in find)) return places;
  const count = Number(call.text(begin + find.countAt));
  if (!Number.isInteger(count) || count <= 0) return places;
  const first = begin + find.first;
  for (let k = 0; k < count; k++) {
    const argument = first + k * find.step;
    if (argument >= call.argc) return [];
    places.push(argument);
  }
  return places;
}
