/**
 * How commands get at the collection behind a key: open a view on it, and store the view's root and encoding back when
 * the command is done. A missing key and an empty collection are the same thing, so a collection that became empty takes
 * its key with it.
 */

import { EventClass } from "../keyspace/event-classes.ts";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { CommandError, ERRORS } from "./errors.ts";

const EVENT_CLASSES: Readonly<Record<number, number>> = {
  [ValueType.list]: EventClass.list,
  [ValueType.set]: EventClass.set,
  [ValueType.sortedSet]: EventClass.sortedSet,
  [ValueType.hash]: EventClass.hash,
  [ValueType.stream]: EventClass.stream,
};

/** What all views of collection values have in common. */
export interface CollectionView {
  readonly root: number;
  readonly encoding: number;
  readonly count: number;
  open(root: number, encoding: number): void;
}

/** Opens the view on the collection at a key; false if there is no such key. Throws WRONGTYPE. */
export function openForRead(call: Call, argument: number, type: number, view: CollectionView): boolean {
  const { db } = call;
  const record = db.lookupRead(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (record === 0) return false;
  if (db.typeOf(record) !== type) throw new CommandError(ERRORS.wrongType);
  view.open(db.rootOf(record), db.encodingOf(record));
  return true;
}

/** As openForRead, for a command that will edit the collection: gives the record to hand to `store`, 0 if there is none. */
export function openForWrite(call: Call, argument: number, type: number, view: CollectionView): number {
  const { db } = call;
  const record = db.lookupWrite(call.buffer, call.offset[argument] as number, call.length[argument] as number);
  if (record === 0) return 0;
  if (db.typeOf(record) !== type) throw new CommandError(ERRORS.wrongType);
  view.open(db.rootOf(record), db.encodingOf(record));
  return record;
}

/**
 * Puts an edited collection back behind its key, a new one (record 0) behind a new key, an empty one nowhere. Tells what
 * happened to it: the given event, and "del" if the key went.
 */
export function store(
  call: Call,
  argument: number,
  record: number,
  type: number,
  view: CollectionView,
  event: string,
): void {
  const { db, buffer } = call;
  const offset = call.offset[argument] as number;
  const length = call.length[argument] as number;
  const isEmpty = view.count === 0;
  if (record === 0) db.addCollection(buffer, offset, length, type, view.encoding, view.root);
  else {
    db.setRoot(record, view.root, view.encoding);
    if (isEmpty) db.delete(buffer, offset, length);
  }
  db.signalModified(buffer, offset, length);
  if (call.server.keyspace.events.mask === 0) return;
  call.notify(EVENT_CLASSES[type] as number, event, argument);
  if (isEmpty) call.notify(EventClass.generic, "del", argument);
}

/** Puts a new collection, which is not empty, behind a key whatever was there, and tells the event. */
export function replace(call: Call, argument: number, type: number, view: CollectionView, event: string): void {
  const { db, buffer } = call;
  const offset = call.offset[argument] as number;
  const length = call.length[argument] as number;
  const isReplacement = db.lookupWrite(buffer, offset, length) !== 0 && db.delete(buffer, offset, length);
  db.addCollection(buffer, offset, length, type, view.encoding, view.root, NO_EXPIRY, isReplacement);
  db.signalModified(buffer, offset, length);
  call.notify(EVENT_CLASSES[type] as number, event, argument);
}

/** Takes a key away, if it is there, and tells so. */
export function remove(call: Call, argument: number): void {
  const offset = call.offset[argument] as number;
  const length = call.length[argument] as number;
  if (call.db.lookupWrite(call.buffer, offset, length) === 0) return;
  if (!call.db.delete(call.buffer, offset, length)) return;
  call.db.signalModified(call.buffer, offset, length);
  call.notify(EventClass.generic, "del", argument);
}

/** Frees a collection that is behind no key. */
export function discard(call: Call, type: number, view: CollectionView): void {
  call.server.keyspace.values.free(type, view.encoding, view.root);
}
