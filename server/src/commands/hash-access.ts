/**
 * How commands open a hash. Fields that have expired are missing; those among the ones a command names are deleted first,
 * where that is ours to do, so that what the command then does is the same here, on replicas and in the AOF.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { isExpiringHash, ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { openForRead, openForWrite, store } from "./collection-keys.ts";

/** Opens the hash at argument 1 for reading; fields are arguments `from`, `from + step`, …. False: there is no such key. */
export function readHash(call: Call, from: number, step = 1): boolean {
  const { hash } = call.server.collections;
  if (!openForRead(call, 1, ValueType.hash, hash)) return false;
  return !isExpiringHash(hash.encoding) || dropExpired(call, keyRecord(call), from, step);
}

/** The same for a command that will edit it: gives the record to hand to `store`, 0 if there is none. */
export function writeHash(call: Call, from: number, step = 1): number {
  const { hash } = call.server.collections;
  const record = openForWrite(call, 1, ValueType.hash, hash);
  if (record === 0 || !isExpiringHash(hash.encoding)) return record;
  return dropExpired(call, record, from, step) ? record : 0;
}

/** Opens the hash at argument 1 after all its fields that are due were deleted. False: there is no such key. */
export function readHashWithoutDue(call: Call): boolean {
  const { hash } = call.server.collections;
  if (!openForRead(call, 1, ValueType.hash, hash)) return false;
  if (!isExpiringHash(hash.encoding) || !call.server.keyspace.deletesExpired) return true;
  call.db.fieldExpiries.expireDue(keyRecord(call), Number.POSITIVE_INFINITY);
  return keyRecord(call) !== 0;
}

/** Deletes the named fields of the open hash that have expired; false if the key went with them. */
export function dropExpired(call: Call, record: number, from: number, step: number): boolean {
  const { buffer, offset, length, argc, db, server } = call;
  const { hash } = server.collections;
  const { earliest } = hash;
  if (earliest === 0 || earliest >= call.nowMs || !server.keyspace.deletesExpired) return true;
  const field = new ByteSpan();
  for (let i = from; i < argc; i += step) {
    field.set(buffer, offset[i] as number, length[i] as number);
    if (!hash.isExpired(buffer, field.offset, field.length)) continue;
    if (!db.fieldExpiries.expireField(record, field)) return false;
  }
  return true;
}

/** Puts the edited hash back behind the key at argument 1, and tells what happened to it. */
export function storeHash(call: Call, record: number, event: string): void {
  const { hash } = call.server.collections;
  store(call, 1, record, ValueType.hash, hash, event);
}

function keyRecord(call: Call): number {
  return call.db.peek(call.buffer, call.offset[1] as number, call.length[1] as number);
}
