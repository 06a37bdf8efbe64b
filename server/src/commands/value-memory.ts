/** The bytes that a key and its value take in the arena; large values are estimated from samples of their elements. */

import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";

/** `samples` 0 looks at all elements. */
export function valueMemory(call: Call, record: number, samples: number): number {
  const { db, server } = call;
  const ownBytes = server.keyspace.arena.capacityOf(record);
  const type = db.typeOf(record);
  if (type === ValueType.string) return ownBytes;
  return ownBytes + server.collections.memoryBytes(type, db.encodingOf(record), db.rootOf(record), samples);
}
