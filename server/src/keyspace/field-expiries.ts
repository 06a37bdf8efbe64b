/**
 * The hashes of a database that have fields with an expiry time, in the order of the earliest of those times: an ordered
 * index in the arena over pairs of time and hash of the key, so it does not care where records lie. The time under which
 * a hash is listed stands in the hash itself. Fields that are due go a few at a time, and the key with the last of them.
 */

import type { Handle } from "../memory/arena-layout.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { relocateNodes } from "../memory/ordered-index-walks.ts";
import { isExpiringHash, ValueType } from "../values/value-type.ts";
import type { Database } from "./database.ts";
import type { ExpiringHash, KeyspaceState } from "./keyspace-state.ts";

const NOT_LISTED = 0;
const FREED_LEAVES = 256;
/** So many hashes of other nodes are passed over; behind more of them, ours wait until those are ours or gone. */
const FOREIGN_HASHES_A_LOOK = 100;

export class FieldExpiries {
  readonly #state: KeyspaceState;
  readonly #database: Database;
  /** Handle of the index, made when first needed. */
  #index: Handle = 0;
  #wantedMs = 0;
  readonly #isWanted = (record: Handle): boolean =>
    this.isExpiring(record) && this.#open(record).listedMs === this.#wantedMs;

  constructor(state: KeyspaceState, database: Database) {
    this.#state = state;
    this.#database = database;
  }

  /** Hashes with at least one field that has an expiry time. */
  get count(): number {
    return this.#index === 0 ? 0 : this.#state.fieldIndex.count(this.#index);
  }

  /** Whether the record's value is a hash that has, or had, expiring fields. */
  isExpiring(record: Handle): boolean {
    const { records } = this.#state;
    return records.typeOf(record) === ValueType.hash && isExpiringHash(records.encodingOf(record));
  }

  /** Lists a hash anew: after it came, or changed. */
  enter(record: Handle): void {
    const hash = this.#open(record);
    this.#relist(record, hash.listedMs, hash.earliest);
  }

  /** The same for a hash that cannot be listed yet: one that was moved or copied here. */
  enterNew(record: Handle): void {
    this.#open(record).listedMs = NOT_LISTED;
    this.enter(record);
  }

  /** A hash goes from this database. */
  leave(record: Handle): void {
    this.#relist(record, this.#open(record).listedMs, NOT_LISTED);
  }

  /** Compaction: moves some of the list from this rank on; gives the next, 0 at the end. */
  relocate(rank: number): number {
    const { arena } = this.#state;
    if (this.#index === 0) return 0;
    if (rank === 0) this.#index = arena.relocate(this.#index);
    return relocateNodes(arena, this.#index, rank);
  }

  clear(): void {
    const { fieldIndex } = this.#state;
    if (this.#index !== 0) while (!fieldIndex.freeSome(this.#index, FREED_LEAVES));
    this.#index = 0;
  }

  swap(other: FieldExpiries): void {
    [this.#index, other.#index] = [other.#index, this.#index];
  }

  /** When the first field of the database expires; infinite for never. */
  get earliestMs(): number {
    if (this.count === 0) return Number.POSITIVE_INFINITY;
    this.#state.fieldIndex.seek(this.#index, 0);
    return this.#state.fieldIndex.score;
  }

  /** Deletes due fields of the hash that has waited longest, at most so many; gives their number, 0 if none is due. */
  expireNext(most: number): number {
    const state = this.#state;
    for (let rank = 0; rank <= FOREIGN_HASHES_A_LOOK && rank < this.count; rank++) {
      state.fieldIndex.seek(this.#index, rank);
      if (state.fieldIndex.score >= state.nowMs) return 0;
      this.#wantedMs = state.fieldIndex.score;
      const record = this.#database.findByHash(state.fieldIndex.record, this.#isWanted);
      if (record === 0) throw new Error("The list of hashes with expiring fields names one that is not there");
      if (!state.isForeign(record)) return this.expireDue(record, most);
    }
    return 0;
  }

  /** Deletes fields of a hash that are due, at most so many, and the key if none is left. Gives their number. */
  expireDue(record: Handle, most: number): number {
    const state = this.#state;
    const hash = this.#open(record);
    state.arena.touch(record);
    const tell = (field: ByteSpan): void => state.listener.fieldExpired(this.#database, record, field);
    let expired = 0;
    while (expired < most && hash.earliest !== 0 && hash.earliest < state.nowMs) {
      hash.takeEarliest(tell);
      expired++;
    }
    if (expired > 0) this.#finish(record, hash, expired);
    return expired;
  }

  /** Deletes one field, which has expired, and the key if it was the last one; true if the key is still there. */
  expireField(record: Handle, field: ByteSpan): boolean {
    const state = this.#state;
    const hash = this.#open(record);
    state.arena.touch(record);
    state.listener.fieldExpired(this.#database, record, field);
    hash.delete(field.buffer, field.offset, field.length);
    return this.#finish(record, hash, 1);
  }

  #finish(record: Handle, hash: ExpiringHash, expired: number): boolean {
    const state = this.#state;
    const isEmpty = hash.count === 0;
    state.expiredFields += expired;
    state.listener.fieldsExpired(this.#database, record, isEmpty);
    if (isEmpty) this.#database.removeEmptied(record);
    else {
      this.enter(record);
      this.#database.touchWatches(record);
    }
    return !isEmpty;
  }

  #relist(record: Handle, before: number, after: number): void {
    if (before === after) return;
    const { fieldIndex } = this.#state;
    const keyHash = this.#database.hashOf(record);
    if (this.#index === 0) this.#index = fieldIndex.create();
    if (before !== NOT_LISTED) fieldIndex.delete(this.#index, before, keyHash);
    if (after !== NOT_LISTED) fieldIndex.insert(this.#index, after, keyHash);
    else if (fieldIndex.count(this.#index) === 0) this.clear();
    this.#open(record).listedMs = after;
  }

  #open(record: Handle): ExpiringHash {
    const { values, records } = this.#state;
    return values.openHash(records.encodingOf(record), records.rootOf(record));
  }
}
