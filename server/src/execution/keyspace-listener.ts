/** What the keyspace does by itself: keys and fields that expire or are evicted. */

import type { Database } from "../keyspace/database.ts";
import { EventClass } from "../keyspace/event-classes.ts";
import type { KeyspaceListener } from "../keyspace/keyspace-state.ts";
import type { Propagator } from "./propagation.ts";

/** Told of the name of a key that has changed. */
export type KeyModified = (buffer: Buffer, offset: number, length: number) => void;

export interface KeyspaceListenerOptions {
  readonly propagator: Propagator;
  readonly isReplica: () => boolean;
  readonly modified: KeyModified;
  /** Whether replicas are to free such a key off their main thread: they are told UNLINK in place of DEL. */
  readonly isLazy: (event: "expired" | "evicted") => boolean;
}

/** Keys that go by themselves go on replicas by a DEL or UNLINK, fields of hashes by an HDEL, and listeners are told. */
export function createKeyspaceListener(options: KeyspaceListenerOptions): KeyspaceListener {
  const { propagator, isReplica, modified, isLazy } = options;
  const gone = (database: Database, record: number, eventClass: number, event: "expired" | "evicted"): void => {
    if (isReplica() || database.index < 0) return;
    modified(database.bytesOf(record), database.keyOffset(record), database.keyLength(record));
    tell(database, record, eventClass, event);
    if (!propagator.active) return;
    propagator.sendCommand(database.index, [isLazy(event) ? "UNLINK" : "DEL", database.keyOf(record)]);
  };
  return {
    expired: (database, record) => gone(database, record, EventClass.expired, "expired"),
    evicted: (database, record) => gone(database, record, EventClass.evicted, "evicted"),
    fieldExpired: (database, record, field) => {
      if (!propagator.active) return;
      propagator.sendCommand(database.index, ["HDEL", database.keyOf(record), field.toBuffer()]);
    },
    fieldsExpired: (database, record, isEmpty) => {
      modified(database.bytesOf(record), database.keyOffset(record), database.keyLength(record));
      tell(database, record, EventClass.hash, "hexpired");
      if (isEmpty) tell(database, record, EventClass.generic, "del");
    },
  };
}

function tell(database: Database, record: number, eventClass: number, event: string): void {
  const bytes = database.bytesOf(record);
  database.changes.notify(eventClass, event, bytes, database.keyOffset(record), database.keyLength(record));
}
