/**
 * All databases of the server, over one arena and one kind of index. The dispatcher sets the time once for each batch of
 * requests; whatever the keyspace wants to tell (expired and evicted keys) goes to its listener.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { Arena } from "../memory/arena.ts";
import type { Handle } from "../memory/arena-layout.ts";
import type { ChunkMemory } from "../memory/chunk-memory.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { Compaction } from "./compaction.ts";
import { Database } from "./database.ts";
import { Eviction } from "./eviction.ts";
import { ExpiryCycle } from "./expiry.ts";
import type { KeyspaceEvents } from "./keyspace-events.ts";
import { type CollectionValues, type KeyspaceListener, KeyspaceState } from "./keyspace-state.ts";
import { LoadedStrings } from "./loaded-strings.ts";
import { MAX_DATABASES } from "./owners.ts";
import type { Records } from "./record.ts";
import { SlotCounts } from "./slot-counts.ts";
import { SlotKeys } from "./slot-keys.ts";
import { SpareDatabases } from "./spare-databases.ts";
import type { WaitedKeys } from "./waited-keys.ts";
import type { Watches } from "./watches.ts";

export interface KeyspaceOptions {
  readonly databaseCount: number;
  readonly random: Random;
  readonly clock: Clock;
  readonly isClusterEnabled: boolean;
  readonly memory?: ChunkMemory | undefined;
}

/** As `databaseIndexes` has it for ids that belong to no database. */
const HIDDEN_INDEX = -1;
/** Records looked at between two turns of visits. */
const SLOT_SCAN_STEP = 1000;

export class Keyspace {
  readonly arena: Arena;
  readonly records: Records;
  readonly watches: Watches;
  readonly events: KeyspaceEvents;
  readonly waited: WaitedKeys;
  readonly eviction: Eviction;
  readonly expiry: ExpiryCycle;
  readonly compaction: Compaction;
  readonly slots: SlotCounts | undefined;
  readonly #state: KeyspaceState;
  readonly #clock: Clock;
  readonly #databases: readonly Database[];
  readonly #makeSpare: () => SpareDatabases;
  #spare: SpareDatabases | undefined;
  #freesBeforeReset = 0;

  constructor(options: KeyspaceOptions, makeValues: (arena: Arena, random: Random) => CollectionValues) {
    if (options.databaseCount < 1 || options.databaseCount > MAX_DATABASES) {
      throw new Error(`Cannot make ${options.databaseCount} databases: there may be 1 to ${MAX_DATABASES}`);
    }
    const state = new KeyspaceState({
      random: options.random,
      nowMs: options.clock.nowMs(),
      makeValues,
      memory: options.memory,
    });
    this.#state = state;
    this.#clock = options.clock;
    this.arena = state.arena;
    this.records = state.records;
    this.watches = state.watches;
    this.events = state.events;
    this.waited = state.waited;
    const { dictionary } = state;
    const hash = dictionary.hash.bind(dictionary);
    this.slots = options.isClusterEnabled ? new SlotCounts(hash) : undefined;
    const { slots } = this;
    this.#databases = Array.from({ length: options.databaseCount }, (_, index) => new Database(state, index, slots));
    this.#makeSpare = () =>
      new SpareDatabases(this.#databases, () => new Database(state, HIDDEN_INDEX, slots && new SlotCounts(hash)));
    this.eviction = new Eviction(state, this.#databases, options.clock);
    this.expiry = new ExpiryCycle(state, this.#databases, options.clock);
    this.compaction = new Compaction(state, this.#databases, options.clock);
  }

  get databaseCount(): number {
    return this.#databases.length;
  }

  /** `index` must be below `databaseCount`. */
  database(index: number): Database {
    return this.#databases[index] as Database;
  }

  /** The database that a record met on a walk of pages belongs to; undefined for one that was flushed and is not freed yet. */
  databaseOf(record: Handle): Database | undefined {
    return this.#state.owners.get(this.#state.records.databaseIdOf(record));
  }

  /** For each id that a record may carry, the index of its database, −1 for none. Ids change hands when databases are flushed or swapped. */
  databaseIndexes(): Int16Array {
    return this.#state.owners.databaseIndexes();
  }

  /** For entering many strings that are new. */
  createLoadedStrings(): LoadedStrings {
    return new LoadedStrings(this.#state);
  }

  /** The collections' side: what frees and copies values that are not strings. */
  get values(): CollectionValues {
    return this.#state.values;
  }

  /** Who is told of every key that is changed, while somebody is. */
  set modified(listener: ((buffer: Buffer, offset: number, length: number) => void) | undefined) {
    this.#state.modified = listener;
  }

  set listener(listener: KeyspaceListener) {
    this.#state.listener = listener;
  }

  get nowMs(): number {
    return this.#state.nowMs;
  }

  setNow(nowMs: number): void {
    this.#state.setNow(nowMs);
  }

  /** The 24 bits of seconds that records are stamped with. */
  get lruClock(): number {
    return this.#state.access.seconds;
  }

  /** Changes since the last save: who saves sets it back. */
  get dirty(): number {
    return this.#state.dirty;
  }

  set dirty(dirty: number) {
    this.#state.dirty = dirty;
  }

  get isReplica(): boolean {
    return this.#state.isReplica;
  }

  set isReplica(isReplica: boolean) {
    this.#state.isReplica = isReplica;
  }

  /** On while commands of the primary run and while data is loaded: then no key counts as expired. */
  set ignoresExpiry(ignoresExpiry: boolean) {
    this.#state.ignoresExpiry = ignoresExpiry;
  }

  /** Keys of these cluster slots are another node's: on their way in, or about to be deleted. The set may change. */
  set foreignSlots(slots: ReadonlySet<number>) {
    this.#state.foreignSlots = slots;
  }

  /** Whether the key of the record is another node's, which nobody is to see here. */
  isForeign(record: Handle): boolean {
    return this.#state.isForeign(record);
  }

  /** Whether nothing is to change just now, so that what has expired stays, though nobody sees it. */
  set isPaused(isPaused: () => boolean) {
    this.#state.isPaused = isPaused;
  }

  /** Whether what has expired is ours to delete: not on a replica, not in a pause, and not while data is loaded. */
  get deletesExpired(): boolean {
    return !this.#state.keepsExpired && !this.#state.ignoresExpiry;
  }

  /** On while a command of a client with CLIENT NO-TOUCH runs: reads do not count as use. */
  set isUntouched(isUntouched: boolean) {
    this.#state.isUntouched = isUntouched;
  }

  get hits(): number {
    return this.#state.hits;
  }

  get misses(): number {
    return this.#state.misses;
  }

  get expiredKeys(): number {
    return this.#state.expiredKeys;
  }

  /** Fields of hashes. */
  get expiredFields(): number {
    return this.#state.expiredFields;
  }

  /** Hashes of all databases that have fields with an expiry time. */
  get expiringHashes(): number {
    return this.#databases.reduce((sum, database) => sum + database.fieldExpiries.count, 0);
  }

  get evictedKeys(): number {
    return this.#state.evictedKeys;
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.#state.hits = 0;
    this.#state.misses = 0;
    this.#state.expiredKeys = 0;
    this.#state.expiredFields = 0;
    this.#state.evictedKeys = 0;
    this.#freesBeforeReset = this.#totalFrees;
    for (const part of [this.compaction, this.expiry, this.eviction]) part.resetStatistics();
  }

  /** Keys in all databases. */
  get count(): number {
    return this.#databases.reduce((sum, database) => sum + database.count, 0);
  }

  indexBytesOf(database: number): number {
    return this.#state.dictionary.sizeBytes(this.database(database).indexRoot);
  }

  /** Bytes of the indexes. */
  get indexBytes(): number {
    return this.#databases.reduce((sum, { index }) => sum + this.indexBytesOf(index), 0);
  }

  /** A database that no client can select and no file has: for values on their way in. To be left empty after each use. */
  createHiddenDatabase(): Database {
    return new Database(this.#state, HIDDEN_INDEX);
  }

  /** For data that is to take the place of all there is at once. */
  get spare(): SpareDatabases {
    this.#spare ??= this.#makeSpare();
    return this.#spare;
  }

  swap(first: number, second: number): void {
    if (first !== second) this.database(first).swap(this.database(second));
  }

  flushAll(): void {
    for (const database of this.#databases) database.flush();
  }

  /** Frees memory of flushed databases and large deleted values for about this long; true when nothing is left to free. */
  reclaim(budgetMs: number): boolean {
    const endUs = this.#clock.monotonicUs() + budgetMs * 1000;
    return this.#state.reclaim(() => this.#clock.monotonicUs() < endUs);
  }

  /** Records and values that `reclaim` has still to free. */
  get waitingFrees(): number {
    return this.#state.owners.waiting + this.#state.values.waitingFrees;
  }

  /** Those it has freed. */
  get finishedFrees(): number {
    return this.#totalFrees - this.#freesBeforeReset;
  }

  get #totalFrees(): number {
    return this.#state.owners.freed + this.#state.values.finishedFrees;
  }

  countInSlot(slot: number): number {
    return this.slots?.countIn(slot) ?? 0;
  }

  /** Up to `max` keys of a cluster slot, as copies. */
  keysInSlot(slot: number, max: number): Buffer[] {
    const { slots } = this;
    const wanted = Math.min(max, this.countInSlot(slot));
    if (slots === undefined || wanted === 0) return [];
    const database = this.database(0);
    slots.listed ??= listSlotKeys(database, this.records, slots);
    const found = new Set<Handle>();
    const hasKey = (hash: number): boolean => {
      let isThere = false;
      database.findByHash(hash, (record) => {
        if (this.records.slotOf(record) !== slot) return false;
        found.add(record);
        isThere = true;
        return false;
      });
      return isThere;
    };
    slots.listed.visit(slot, hasKey, () => found.size < wanted);
    return Array.from(found, (record) => database.keyOf(record)).slice(0, wanted);
  }

  /** Visits copies of the keys of some cluster slots, in one pass over the database; a visit may delete its key. */
  visitKeysInSlots(slots: readonly number[], visit: (key: Buffer) => void): void {
    const isWanted = new Uint8Array(SLOT_COUNT);
    for (const slot of slots) isWanted[slot] = this.countInSlot(slot) > 0 ? 1 : 0;
    if (!isWanted.includes(1)) return;
    const database = this.database(0);
    let cursor = 0;
    do {
      const keys: Buffer[] = [];
      cursor = database.scan(cursor, SLOT_SCAN_STEP, (record) => {
        if (isWanted[this.records.slotOf(record)] === 1) keys.push(database.keyOf(record));
      });
      for (const key of keys) visit(key);
    } while (cursor !== 0);
  }
}

function listSlotKeys(database: Database, records: Records, slots: SlotCounts): SlotKeys {
  return new SlotKeys(
    database.count,
    (slot) => slots.countIn(slot),
    (visit) => {
      database.forEach((record) => {
        visit(records.slotOf(record), database.hashOf(record));
      });
    },
  );
}
