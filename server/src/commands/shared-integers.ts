/**
 * Redis keeps one object for each of the integers from 0 to 9999, with a count of references that stands for "many"; not where
 * the eviction policy wants to know when each was used. Here every key has its value to itself: this is what is shown.
 */

import { Encoding } from "../values/value-type.ts";
import type { Call } from "./call.ts";

const MANY = 2 ** 31 - 1;
const LONGEST = "9999".length;
const MINUS = 0x2d;

/** What OBJECT REFCOUNT and DEBUG OBJECT tell of a key's value. */
export function referencesTo({ db, server }: Call, record: number): number {
  const { records, eviction } = server.keyspace;
  if (db.encodingOf(record) !== Encoding.int || records.valueLength(record) > LONGEST) return 1;
  if (records.bytesOf(record)[records.valueOffset(record)] === MINUS) return 1;
  return eviction.isLimited && eviction.tracks !== undefined ? 1 : MANY;
}
