/**
 * What the databases of a keyspace share: arena and index, the time of the current batch, counters, and the ways out to
 * the layers above. Plain fields, because the hot path reads them.
 */

import { Arena } from "../memory/arena.ts";
import type { Handle } from "../memory/arena-layout.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import type { ChunkMemory } from "../memory/chunk-memory.ts";
import { Dictionary } from "../memory/dictionary.ts";
import { KEYSPACE_LAYOUT } from "../memory/dictionary-layout.ts";
import { compareNumbers, OrderedIndex } from "../memory/ordered-index.ts";
import type { Random } from "../platform/random.ts";
import { ValueType } from "../values/value-type.ts";
import { AccessClock } from "./access-clock.ts";
import type { Database } from "./database.ts";
import { KeyspaceEvents } from "./keyspace-events.ts";
import { Owners } from "./owners.ts";
import { Records } from "./record.ts";
import { WaitedKeys } from "./waited-keys.ts";
import { Watches } from "./watches.ts";

export interface StoredCollection {
  readonly root: Handle;
  readonly encoding: number;
}

/** What the keyspace asks of the values layer, for values that are not strings. */
export interface CollectionValues {
  /** Frees a value; of a large one some may be left for `drain`. */
  free(type: number, encoding: number, root: Handle): void;
  /** Frees a value that is one block, and leaves any other to `drain`: for who frees many. */
  freeLater(type: number, encoding: number, root: Handle): void;
  /** Values that wait for `drain`, and those that had to and are gone. */
  readonly waitingFrees: number;
  readonly finishedFrees: number;
  /** Frees what is left while there is time; true when nothing is. */
  drain(hasTime: () => boolean): boolean;
  copy(type: number, encoding: number, root: Handle): StoredCollection;
  /** A view, of the keyspace's own, on a hash that has, or had, fields with an expiry time; good until the next call. */
  openHash(encoding: number, root: Handle): ExpiringHash;
  /** Fields with an expiry time before this are not to be seen; 0: all are. A plain object: set for each batch of requests. */
  readonly fieldClock: { expiredBeforeMs: number };
  /** A step of compaction on a value; see Relocatable. The result is good until the next step. */
  relocate(type: number, encoding: number, root: Handle, position: number): RelocationStep;
}

export interface RelocationStep {
  readonly root: Handle;
  readonly next: number;
}

export interface ExpiringHash {
  /** Fields, the expired ones among them. */
  readonly count: number;
  /** The first expiry time of a field, 0 for none. */
  readonly earliest: number;
  /** The time under which the keyspace lists the hash, 0 for none. */
  listedMs: number;
  delete(field: Buffer, offset: number, length: number): boolean;
  takeEarliest(visit: (field: ByteSpan) => void): void;
}

/**
 * Keys that go without a client's command. The record can still be read, but is no longer in the index. The listener must
 * not use the keyspace otherwise.
 */
export interface KeyspaceListener {
  expired(database: Database, record: Handle): void;
  evicted(database: Database, record: Handle): void;
  /** A field of a hash is about to be deleted because it has expired. */
  fieldExpired(database: Database, record: Handle, field: ByteSpan): void;
  /** After some fields of a hash have expired. `isEmpty`: they were the last, the key goes too. */
  fieldsExpired(database: Database, record: Handle, isEmpty: boolean): void;
}

export interface KeyspaceStateOptions {
  readonly random: Random;
  readonly nowMs: number;
  /** The values layer is made over the arena that the keyspace owns. */
  readonly makeValues: (arena: Arena, random: Random) => CollectionValues;
  /** Where the arena's chunks come from; the engine's own memory if not said. */
  readonly memory?: ChunkMemory | undefined;
}

const SILENT: KeyspaceListener = {
  expired: () => undefined,
  evicted: () => undefined,
  fieldExpired: () => undefined,
  fieldsExpired: () => undefined,
};

export class KeyspaceState {
  readonly arena: Arena;
  readonly records: Records;
  readonly dictionary: Dictionary;
  /** For the lists of hashes with expiring fields. */
  readonly fieldIndex: OrderedIndex;
  readonly access: AccessClock;
  readonly random: Random;
  readonly watches = new Watches();
  readonly events = new KeyspaceEvents();
  readonly waited = new WaitedKeys();
  readonly owners: Owners;
  readonly values: CollectionValues;
  listener: KeyspaceListener = SILENT;
  /** Told of every key that is changed or goes, by its name alone; undefined: nobody wants to know. */
  modified: ((buffer: Buffer, offset: number, length: number) => void) | undefined;

  /** Wall clock of the batch of requests being run. */
  nowMs = 0;
  /** Expired keys are missing, but stay until the primary deletes them. */
  isReplica = false;
  /** The same for a while on a primary: nothing is to change. */
  isPaused: () => boolean = () => false;
  #ignoresExpiry = false;
  /** Cluster slots of which there are keys that are another node's: nobody sees these, and they go when that node says so. */
  foreignSlots: ReadonlySet<number> = new Set();
  /** Reads do not count as use (CLIENT NO-TOUCH). */
  isUntouched = false;
  dirty = 0;
  hits = 0;
  misses = 0;
  expiredKeys = 0;
  /** Fields of hashes. */
  expiredFields = 0;
  evictedKeys = 0;
  /** No key expires before this: lets the expiry cycle rest. */
  earliestExpiryMs = Number.POSITIVE_INFINITY;
  /** Expiry times are summed as the distance from here, so that the sums stay exact. */
  readonly startMs: number;

  constructor(options: KeyspaceStateOptions) {
    this.arena = new Arena(options.memory);
    this.records = new Records(this.arena);
    this.random = options.random;
    this.access = new AccessClock(options.random);
    this.dictionary = new Dictionary(this.arena, KEYSPACE_LAYOUT, options.random.uint32(), options.random.uint32());
    this.fieldIndex = new OrderedIndex(this.arena, compareNumbers);
    this.values = options.makeValues(this.arena, options.random);
    this.owners = new Owners(this.dictionary, (record) => this.#destroyLater(record));
    this.startMs = options.nowMs;
    this.setNow(options.nowMs);
  }

  setNow(nowMs: number): void {
    if (nowMs === this.nowMs) return;
    this.nowMs = nowMs;
    this.access.setNow(nowMs);
    this.#setFieldClock();
  }

  #setFieldClock(): void {
    this.values.fieldClock.expiredBeforeMs = this.#ignoresExpiry ? 0 : this.nowMs;
  }

  /** What runs now comes from the primary, or is being loaded: nothing counts as expired. */
  get ignoresExpiry(): boolean {
    return this.#ignoresExpiry;
  }

  set ignoresExpiry(ignoresExpiry: boolean) {
    this.#ignoresExpiry = ignoresExpiry;
    this.#setFieldClock();
  }

  get keepsExpired(): boolean {
    return this.isReplica || this.isPaused();
  }

  /** Whether the key is another node's. */
  isForeign(record: Handle): boolean {
    return this.foreignSlots.size > 0 && this.foreignSlots.has(this.records.slotOf(record));
  }

  /** Frees a record and its value, after a running snapshot has seen both. */
  destroy(record: Handle): void {
    const type = this.records.typeOf(record);
    if (type !== ValueType.string) {
      this.arena.touch(record);
      this.values.free(type, this.records.encodingOf(record), this.records.rootOf(record));
    }
    this.arena.free(record);
  }

  /** Frees flushed records and large values while there is time; true when nothing is left. */
  reclaim(hasTime: () => boolean): boolean {
    for (;;) {
      // Values first: each step on records may put some hundreds of them into the queue.
      if (!this.values.drain(hasTime)) return false;
      if (this.owners.reclaim(() => true)) return this.values.drain(hasTime);
      if (!hasTime()) return false;
    }
  }

  #destroyLater(record: Handle): void {
    const type = this.records.typeOf(record);
    if (type !== ValueType.string) {
      this.arena.touch(record);
      this.values.freeLater(type, this.records.encodingOf(record), this.records.rootOf(record));
    }
    this.arena.free(record);
  }
}
