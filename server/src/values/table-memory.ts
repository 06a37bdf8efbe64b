/** What large sets, hashes and sorted sets know about their tables' sizes. */

import type { Arena } from "../memory/arena.ts";
import type { Dictionary } from "../memory/dictionary.ts";

/** Tables start with at most one segment and split from there. */
export const LARGEST_FIRST_TABLE = 1024;

/** Estimates the bytes of a table's records from the first so many (0: all). */
export function sampleRecords(arena: Arena, dictionary: Dictionary, root: number, samples: number): number {
  const count = dictionary.count(root);
  let seen = 0;
  let bytes = 0;
  const visit = (record: number): void => {
    seen++;
    bytes += arena.capacityOf(record);
  };
  if (samples === 0) dictionary.forEach(root, visit);
  else {
    let cursor = 0;
    do cursor = dictionary.scan(root, cursor, samples, visit);
    while (cursor !== 0 && seen < samples);
  }
  return seen === 0 ? 0 : Math.round((bytes / seen) * count);
}
