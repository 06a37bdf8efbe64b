/**
 * One numbered database: its keys, in an index over records in the shared arena.
 * A record's handle is valid until the record is deleted or moves; whatever may move it returns the new handle. All lookups
 * and setString work on byte ranges and allocate nothing on the heap. Expired keys do not exist for any lookup: a primary
 * deletes them when it meets one and tells the listener; a replica leaves them until the primary's DEL comes.
 *
 * After `lookupWrite` the value may be changed in place: a running snapshot has seen the old one. Commands call
 * `signalModified` for each key they changed.
 */

import type { Arena } from "../memory/arena.ts";
import { copyBytes } from "../memory/arena-bytes.ts";
import type { Handle } from "../memory/arena-layout.ts";
import { isExpiringHash, ValueType } from "../values/value-type.ts";
import { EventClass } from "./event-classes.ts";
import { ExpirySums } from "./expiry-sums.ts";
import { FieldExpiries } from "./field-expiries.ts";
import { KeyChanges } from "./key-changes.ts";
import type { KeyspaceState } from "./keyspace-state.ts";
import { drawKey } from "./random-key.ts";
import { KEEP_TTL, NO_EXPIRY, type Records } from "./record.ts";
import type { SlotCounts } from "./slot-counts.ts";
import { RAW_STRING, stringTypeByte } from "./string-encoding.ts";

/** Strings that grow get as much again, up to this, so that appending copies each byte a few times only. */
const MAX_SLACK_BYTES = 1024 * 1024;

export class Database {
  readonly arena: Arena;
  readonly index: number;
  readonly changes: KeyChanges;
  readonly #state: KeyspaceState;
  readonly #records: Records;
  readonly #slots: SlotCounts | undefined;
  /** Stands in each record; changes when the database is flushed or swapped, so records left over belong to nobody. */
  #id: number;
  #root: Handle;
  readonly expiry: ExpirySums;
  /** Hashes with fields that expire. */
  readonly fieldExpiries: FieldExpiries;

  constructor(state: KeyspaceState, index: number, slots?: SlotCounts) {
    this.arena = state.arena;
    this.index = index;
    this.#slots = slots;
    this.changes = new KeyChanges(state, index, slots);
    this.#state = state;
    this.#records = state.records;
    this.expiry = new ExpirySums(state);
    this.fieldExpiries = new FieldExpiries(state, this);
    this.#id = state.owners.take(this);
    this.#root = state.dictionary.create();
  }

  get count(): number {
    return this.#state.dictionary.count(this.#root);
  }

  /** Without the keys that are another node's. */
  get ownCount(): number {
    let foreign = 0;
    for (const slot of this.#state.foreignSlots) foreign += this.#slots?.countIn(slot) ?? 0;
    return this.count - foreign;
  }

  /** The root of the index: compaction may move it. */
  get indexRoot(): Handle {
    return this.#root;
  }

  set indexRoot(root: Handle) {
    this.#root = root;
  }

  /** The record for reading, or 0. Counts as use, hit or miss. */
  lookupRead(buffer: Buffer, offset: number, length: number): Handle {
    const record = this.lookupUnused(buffer, offset, length);
    if (record !== 0) this.#use(record);
    return record;
  }

  /** The record for what TTL, TYPE and EXISTS tell of it, or 0. Counts as hit or miss. */
  lookupUnused(buffer: Buffer, offset: number, length: number): Handle {
    const record = this.lookupState(buffer, offset, length);
    if (record !== 0) {
      this.#state.hits++;
      return record;
    }
    this.#state.misses++;
    this.changes.notify(EventClass.keyMiss, "keymiss", buffer, offset, length);
    return 0;
  }

  /** The record for changing, or 0. Counts as use. */
  lookupWrite(buffer: Buffer, offset: number, length: number): Handle {
    const record = this.lookupState(buffer, offset, length);
    if (record !== 0) {
      this.arena.touch(record);
      this.#use(record);
    }
    return record;
  }

  /** The record for looking at its state: no use, no event if there is none. */
  lookupState(buffer: Buffer, offset: number, length: number): Handle {
    const record = this.#find(buffer, offset, length);
    return record === 0 || (this.#records.isVolatile(record) && this.#isGone(record)) ? 0 : record;
  }

  /** The record without any effect: no use, no statistics, no deletion if it has expired (then it is 0 too). */
  peek(buffer: Buffer, offset: number, length: number): Handle {
    const record = this.#find(buffer, offset, length);
    return record === 0 || this.isExpired(record) ? 0 : record;
  }

  /** Whether the key is there but has expired. */
  peekExpired(buffer: Buffer, offset: number, length: number): boolean {
    return this.peek(buffer, offset, length) === 0 && this.#find(buffer, offset, length) !== 0;
  }

  /** Stores a string, whatever was there. `expireAtMs`: NO_EXPIRY, KEEP_TTL or a time. Gives the record. */
  setString(
    keyBuffer: Buffer,
    keyOffset: number,
    keyLength: number,
    valueBuffer: Buffer,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
  ): Handle {
    const records = this.#records;
    const { dictionary } = this.#state;
    const hash = dictionary.hash(keyBuffer, keyOffset, keyLength);
    const old = dictionary.find(this.#root, hash, keyBuffer, keyOffset, keyLength);
    const typeByte = stringTypeByte(valueBuffer, valueOffset, valueLength);
    const before = old === 0 ? NO_EXPIRY : records.expireAtOf(old);
    const after = expireAtMs === KEEP_TTL ? before : expireAtMs;
    if (old !== 0 && (before === NO_EXPIRY) === (after === NO_EXPIRY) && records.canHoldString(old, valueLength)) {
      this.arena.touch(old);
      records.setTypeByte(old, typeByte);
      records.setValueLength(old, valueLength);
      records.setAccess(old, this.#state.access.used(records.accessOf(old)));
      if (before !== after) this.#changeExpiry(old, before, after);
      copyBytes(records.bytesOf(old), records.valueOffset(old), valueBuffer, valueOffset, valueLength);
      return old;
    }
    const access = old === 0 ? this.#newAccess() : records.accessWord(old);
    const record = records.create(typeByte, keyBuffer, keyOffset, keyLength, valueLength, after, access);
    copyBytes(records.bytesOf(record), records.valueOffset(record), valueBuffer, valueOffset, valueLength);
    if (old === 0) {
      dictionary.insertMissed(this.#root, hash, record);
      this.changes.entered(keyBuffer, keyOffset, keyLength);
    } else {
      dictionary.replaceFound(record);
      records.setAccess(record, this.#state.access.used(records.accessOf(record)));
      if (before !== NO_EXPIRY) this.expiry.leave(before);
      if (this.fieldExpiries.isExpiring(old)) this.fieldExpiries.leave(old);
      this.#state.destroy(old);
      this.changes.ready(keyBuffer, keyOffset, keyLength);
    }
    if (after !== NO_EXPIRY) this.expiry.enter(after);
    return record;
  }

  /** Puts another string into a record that `lookupWrite` has just given, expiry kept; false if it does not fit there. */
  overwriteString(record: Handle, valueBuffer: Buffer, valueOffset: number, valueLength: number): boolean {
    const records = this.#records;
    if (!records.canHoldString(record, valueLength)) return false;
    records.setTypeByte(record, stringTypeByte(valueBuffer, valueOffset, valueLength));
    records.setValueLength(record, valueLength);
    copyBytes(records.bytesOf(record), records.valueOffset(record), valueBuffer, valueOffset, valueLength);
    return true;
  }

  /** Makes a string this long (not shorter than it is), new bytes zero. For APPEND and SETRANGE: what grows again may get slack. */
  growString(record: Handle, newLength: number): Handle {
    const records = this.#records;
    const length = records.valueLength(record);
    const header = records.sizeBytes(records.keyLength(record), 0, records.isVolatile(record));
    let target = record;
    this.arena.touch(record);
    if (header + newLength > this.arena.capacityOf(record)) {
      const slack = length === 0 ? 0 : Math.min(newLength, MAX_SLACK_BYTES);
      target = records.createWithRoom(record, newLength + slack);
      this.#reindex(record, target);
      this.arena.free(record);
    }
    records.setTypeByte(target, RAW_STRING);
    records.setValueLength(target, newLength);
    const start = records.valueOffset(target);
    records.bytesOf(target).fill(0, start + length, start + newLength);
    return target;
  }

  /** Stores a collection at an absent key. */
  addCollection(
    buffer: Buffer,
    offset: number,
    length: number,
    type: number,
    encoding: number,
    root: Handle,
    expireAtMs = NO_EXPIRY,
    isReplacement = false,
  ): Handle {
    const records = this.#records;
    const typeByte = (type << 4) | encoding;
    const access = this.#newAccess();
    const record = records.create(typeByte, buffer, offset, length, records.rootBytes, expireAtMs, access);
    records.setRoot(record, root);
    this.#adopt(record, isReplacement);
    return record;
  }

  rootOf(record: Handle): Handle {
    return this.#records.rootOf(record);
  }

  /** The collection has another root or encoding now. */
  setRoot(record: Handle, root: Handle, encoding: number): void {
    this.arena.touch(record);
    this.#records.setRoot(record, root);
    this.#records.setTypeByte(record, (this.#records.typeOf(record) << 4) | encoding);
    if (isExpiringHash(encoding)) this.fieldExpiries.enter(record);
  }

  /** Deletes a key and its value; false if it is not there (or has expired). */
  delete(buffer: Buffer, offset: number, length: number): boolean {
    const record = this.lookupState(buffer, offset, length);
    if (record === 0) return false;
    this.#removeFound(record);
    this.#state.destroy(record);
    return true;
  }

  expireAtOf(record: Handle): number {
    return this.#records.expireAtOf(record);
  }

  isExpired(record: Handle): boolean {
    const expireAtMs = this.#records.expireAtOf(record);
    return expireAtMs !== NO_EXPIRY && expireAtMs < this.#state.nowMs && !this.#state.ignoresExpiry;
  }

  setExpire(record: Handle, expireAtMs: number): Handle {
    const before = this.#records.expireAtOf(record);
    this.arena.touch(record);
    if (before !== NO_EXPIRY) {
      this.#changeExpiry(record, before, expireAtMs);
      return record;
    }
    this.expiry.enter(expireAtMs);
    return this.#move(record, expireAtMs);
  }

  /** Takes the expiry time off. */
  persist(record: Handle): Handle {
    const before = this.#records.expireAtOf(record);
    if (before === NO_EXPIRY) return record;
    this.expiry.leave(before);
    return this.#move(record, NO_EXPIRY);
  }

  typeOf(record: Handle): number {
    return this.#records.typeOf(record);
  }

  encodingOf(record: Handle): number {
    return this.#records.encodingOf(record);
  }

  bytesOf(record: Handle): Buffer {
    return this.#records.bytesOf(record);
  }

  keyOffset(record: Handle): number {
    return this.#records.keyOffset(record);
  }

  keyLength(record: Handle): number {
    return this.#records.keyLength(record);
  }

  valueOffset(record: Handle): number {
    return this.#records.valueOffset(record);
  }

  valueLength(record: Handle): number {
    return this.#records.valueLength(record);
  }

  /** A copy of the key. */
  keyOf(record: Handle): Buffer {
    const start = this.#records.keyOffset(record);
    return Buffer.from(this.#records.bytesOf(record).subarray(start, start + this.#records.keyLength(record)));
  }

  /** Gives a key another name; a key that has this name already is deleted. False if there is none of the old name. */
  rename(buffer: Buffer, fromOffset: number, fromLength: number, toOffset: number, toLength: number): boolean {
    this.delete(buffer, toOffset, toLength);
    const record = this.#find(buffer, fromOffset, fromLength);
    if (record === 0) return false;
    const expireAtMs = this.#records.expireAtOf(record);
    this.#removeFound(record);
    this.#adopt(this.#records.createLike(record, buffer, toOffset, toLength, expireAtMs));
    this.arena.free(record);
    return true;
  }

  /** Moves a key to another database, which must not have it. */
  moveTo(target: Database, buffer: Buffer, offset: number, length: number): boolean {
    const record = this.#find(buffer, offset, length);
    if (record === 0) return false;
    this.arena.touch(record);
    this.#removeFound(record);
    target.#adopt(record);
    return true;
  }

  /** Stores a copy of the record's value at an absent key of a database. */
  copyTo(record: Handle, target: Database, buffer: Buffer, offset: number, length: number): Handle {
    const records = this.#records;
    const created = records.createLike(record, buffer, offset, length, records.expireAtOf(record));
    const type = records.typeOf(record);
    if (type !== ValueType.string) {
      const copy = this.#state.values.copy(type, records.encodingOf(record), records.rootOf(record));
      records.setRoot(created, copy.root);
      records.setTypeByte(created, (type << 4) | copy.encoding);
    }
    target.#adopt(created);
    return created;
  }

  /** A key was changed: for the count of changes, and for those who watch it. */
  signalModified(buffer: Buffer, offset: number, length: number): void {
    this.#state.dirty++;
    if (this.#state.watches.clientCount !== 0) this.#state.watches.touch(this, buffer, offset, length);
    this.#state.modified?.(buffer, offset, length);
  }

  /** About `count` records from the cursor on, expired ones included; gives the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (record: Handle) => void): number {
    return this.#state.dictionary.scan(this.#root, cursor, count, visit);
  }

  /** All records, expired ones included. The visitor must not change the database. */
  forEach(visit: (record: Handle) => void): void {
    this.#state.dictionary.forEach(this.#root, visit);
  }

  /** A record, each with the same probability; 0 if there is none. */
  randomKey(): Handle {
    return drawKey(this.#state, this);
  }

  /** As randomKey, expired ones included. */
  randomRecord(): Handle {
    return this.#state.dictionary.random(this.#root, this.#state.random);
  }

  /** Deletes all keys at once; their memory is reclaimed in steps (see Keyspace.reclaim). Gives their number. */
  flush(): number {
    const { watches, owners, dictionary } = this.#state;
    const count = this.count;
    watches.touchAll(this);
    const root = this.#root;
    this.#root = dictionary.create();
    this.#id = owners.retire(this.#id, root, this);
    this.expiry.clear();
    this.fieldExpiries.clear();
    this.#slots?.clear();
    this.#state.waited.allChanged(this.index);
    return count;
  }

  /** Exchanges all keys with another database. */
  swap(other: Database): void {
    const { watches, owners } = this.#state;
    watches.touchAll(this, other);
    watches.touchAll(other, this);
    [this.#id, other.#id] = [other.#id, this.#id];
    [this.#root, other.#root] = [other.#root, this.#root];
    this.expiry.swap(other.expiry);
    this.fieldExpiries.swap(other.fieldExpiries);
    if (this.#slots !== undefined && other.#slots !== undefined) this.#slots.swap(other.#slots);
    owners.set(this.#id, this);
    owners.set(other.#id, other);
    this.#state.waited.allChanged(this.index);
    this.#state.waited.allChanged(other.index);
  }

  /** Deletes a key because its time has come, and tells the listener. */
  expireRecord(record: Handle): void {
    this.#state.expiredKeys++;
    this.#remove(record, this.#state.listener.expired);
  }

  /** Deletes a key to make room, and tells the listener. */
  evictRecord(record: Handle): void {
    this.#state.evictedKeys++;
    this.#remove(record, this.#state.listener.evicted);
  }

  /** Deletes a key whose collection has become empty by itself; the listener knows. */
  removeEmptied(record: Handle): void {
    this.#remove(record);
  }

  /** Tells those who watch the key that it has changed. */
  touchWatches(record: Handle): void {
    const { watches } = this.#state;
    const records = this.#records;
    if (watches.clientCount === 0) return;
    watches.touch(this, records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
  }

  /** The first record with this hash of its key that is accepted, or 0. */
  findByHash(hash: number, accepts: (record: Handle) => boolean): Handle {
    return this.#state.dictionary.findHash(this.#root, hash, accepts);
  }

  /** The hash of a record's key in the index. */
  hashOf(record: Handle): number {
    const records = this.#records;
    return this.#state.dictionary.hash(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
  }

  #find(buffer: Buffer, offset: number, length: number): Handle {
    const { dictionary } = this.#state;
    return dictionary.find(this.#root, dictionary.hash(buffer, offset, length), buffer, offset, length);
  }

  #use(record: Handle): void {
    const state = this.#state;
    if (!state.isUntouched) this.#records.setAccess(record, state.access.used(this.#records.accessOf(record)));
  }

  /** Whether the volatile record that was just found counts as missing; deletes it where that is ours to do. */
  #isGone(record: Handle): boolean {
    if (!this.isExpired(record)) return false;
    if (!this.#state.keepsExpired) this.expireRecord(record);
    return true;
  }

  #newAccess(): number {
    return this.#state.access.initial() | (this.#id << 24);
  }

  /** Takes a record that no index holds into this database. */
  #adopt(record: Handle, isReplacement = false): void {
    this.#state.dictionary.insert(this.#root, this.hashOf(record), record);
    this.entered(record, isReplacement);
  }

  /** The index holds this record from now on: it becomes one of this database's. */
  entered(record: Handle, isReplacement = false): void {
    const records = this.#records;
    const expireAtMs = records.expireAtOf(record);
    records.setDatabaseId(record, this.#id);
    this.changes.entered(records.bytesOf(record), records.keyOffset(record), records.keyLength(record), isReplacement);
    if (expireAtMs !== NO_EXPIRY) this.expiry.enter(expireAtMs);
    if (this.fieldExpiries.isExpiring(record)) this.fieldExpiries.enterNew(record);
  }

  /** Takes the record that was just found out of the index, and leaves it as it is. */
  #removeFound(record: Handle): void {
    const records = this.#records;
    const expireAtMs = records.expireAtOf(record);
    this.#state.dictionary.removeFound(this.#root);
    this.changes.left(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
    if (expireAtMs !== NO_EXPIRY) this.expiry.leave(expireAtMs);
    if (this.fieldExpiries.isExpiring(record)) this.fieldExpiries.leave(record);
  }

  /** The same record with or without expiry time, at another place; the old one is freed. */
  #move(record: Handle, expireAtMs: number): Handle {
    const records = this.#records;
    const bytes = records.bytesOf(record);
    const moved = records.createLike(record, bytes, records.keyOffset(record), records.keyLength(record), expireAtMs);
    this.#reindex(record, moved);
    this.arena.free(record);
    return moved;
  }

  #remove(record: Handle, tell?: (database: Database, record: Handle) => void): void {
    this.#seek(record);
    this.#removeFound(record);
    tell?.(this, record);
    this.touchWatches(record);
    this.#state.destroy(record);
  }

  #seek(record: Handle): void {
    const isHeld = this.#state.dictionary.seek(this.#root, this.hashOf(record), record);
    if (!isHeld) throw new Error(`Index of database ${this.index} does not hold record ${record}`);
  }

  #reindex(from: Handle, to: Handle): void {
    this.#seek(from);
    this.#state.dictionary.replaceFound(to);
  }

  #changeExpiry(record: Handle, before: number, after: number): void {
    this.expiry.leave(before);
    this.expiry.enter(after);
    this.#records.setExpireAt(record, after);
  }
}
