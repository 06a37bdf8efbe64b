/**
 * Consumer groups of a stream. A group has a last delivered id, a count of entries read (negative: not known), its
 * consumers, and the tree of all its pending entries; a consumer has the tree of its own. The group's tree holds, beside
 * each id, the consumer's number, the time and the number of deliveries; the consumer's tree the ids only. Both are changed
 * together, here and nowhere else. Handles of groups and consumers are good until the next compaction; a consumer's number
 * in its group stays, so that a consumer can move without a walk over its pending entries.
 */

import type { Arena } from "../memory/arena.ts";
import type { ByteSpan } from "../memory/byte-span.ts";
import { IdTree, TREE_POSITIONS } from "../memory/id-tree.ts";
import { Int64 } from "../memory/int64.ts";
import { ID_WORDS, StreamId } from "../memory/stream-id.ts";
import { NameTable } from "./name-table.ts";
import { SlotTable } from "./slot-table.ts";

/** Words of a group's record. */
const CONSUMERS = 1;
const PENDING = 2;
const LAST_ID = 3;
const ENTRIES_READ = LAST_ID + ID_WORDS;
const SLOTS = ENTRIES_READ + 2;
/** Words of a consumer's record: the tree, then two doubles. */
const OWN_PENDING = 1;
const SEEN_TIME = 2;
const ACTIVE_TIME = 4;
const NUMBER = 6;

/** Words beside an id in the tree of a group. */
const CONSUMER = 0;
const TIME = 1;
const DELIVERIES = 3;
const PENDING_WORDS = 5;
const TWO_TO_32 = 4294967296;
/** Entries read: nobody knows. */
export const UNKNOWN_COUNT = -1;
/** Small trees, or parts of large ones of at most 50 leaves, that are moved at once: some 100 µs. */
const PARTS_MOVED_AT_ONCE = 4;

export class StreamGroups {
  readonly names: NameTable;
  readonly pending: IdTree;
  readonly ownPending: IdTree;
  readonly #arena: Arena;
  readonly #slots: SlotTable;
  readonly #scratch = new StreamId();
  readonly #integer = new Int64();

  constructor(arena: Arena) {
    this.#arena = arena;
    this.names = new NameTable(arena);
    this.#slots = new SlotTable(arena);
    this.pending = new IdTree(arena, PENDING_WORDS);
    this.ownPending = new IdTree(arena, 0);
  }

  /** A group's record with this name, in no table yet. */
  createGroup(name: ByteSpan, lastId: StreamId): number {
    const group = this.names.createRecord(name.buffer, name.offset, name.length);
    this.#set(group, CONSUMERS, this.names.create());
    this.#set(group, SLOTS, this.#slots.create());
    this.#set(group, PENDING, this.pending.create());
    this.setLastId(group, lastId);
    this.setEntriesRead(group, UNKNOWN_COUNT, UNKNOWN_COUNT);
    return group;
  }

  createConsumer(group: number, name: ByteSpan, seenMs: number, activeMs: number): number {
    const consumer = this.names.createRecord(name.buffer, name.offset, name.length);
    this.#set(consumer, OWN_PENDING, this.ownPending.create());
    this.setSeen(consumer, seenMs);
    this.setActive(consumer, activeMs);
    this.#set(group, CONSUMERS, this.names.add(this.#get(group, CONSUMERS), consumer));
    this.#set(group, SLOTS, this.#slots.add(this.#get(group, SLOTS), consumer));
    this.#set(consumer, NUMBER, this.#slots.added);
    return consumer;
  }

  findConsumer(group: number, name: ByteSpan): number {
    return this.names.find(this.#get(group, CONSUMERS), name.buffer, name.offset, name.length);
  }

  consumerCount(group: number): number {
    return this.names.count(this.#get(group, CONSUMERS));
  }

  consumerAt(group: number, index: number): number {
    return this.names.at(this.#get(group, CONSUMERS), index);
  }

  /** Forgets a consumer with its pending entries. */
  deleteConsumer(group: number, consumer: number): void {
    const own = this.ownTree(consumer);
    const id = this.#scratch;
    for (let more = this.ownPending.seek(own, id.setZero()); more; more = this.ownPending.next(own)) {
      this.pending.delete(this.tree(group), this.ownPending.readId(id));
    }
    this.names.remove(this.#get(group, CONSUMERS), consumer);
    this.#slots.remove(this.#get(group, SLOTS), this.#get(consumer, NUMBER));
    while (!this.ownPending.freeSome(own, Number.POSITIVE_INFINITY));
    this.#arena.free(consumer);
  }

  tree(group: number): number {
    return this.#get(group, PENDING);
  }

  ownTree(consumer: number): number {
    return this.#get(consumer, OWN_PENDING);
  }

  readLastId(group: number, id: StreamId): StreamId {
    return id.readWords(this.#words(group), this.#wordOf(group, LAST_ID));
  }

  setLastId(group: number, id: StreamId): void {
    id.writeWords(this.#words(group), this.#wordOf(group, LAST_ID));
  }

  readEntriesRead(group: number, integer: Int64): Int64 {
    integer.high = this.#get(group, ENTRIES_READ);
    integer.low = this.#get(group, ENTRIES_READ + 1);
    return integer;
  }

  setEntriesRead(group: number, high: number, low: number): void {
    this.#set(group, ENTRIES_READ, high);
    this.#set(group, ENTRIES_READ + 1, low);
  }

  seenMs(consumer: number): number {
    return this.#double(consumer, SEEN_TIME);
  }

  setSeen(consumer: number, timeMs: number): void {
    this.#setDouble(consumer, SEEN_TIME, timeMs);
  }

  /** Negative: never active. */
  activeMs(consumer: number): number {
    return this.#double(consumer, ACTIVE_TIME);
  }

  setActive(consumer: number, timeMs: number): void {
    this.#setDouble(consumer, ACTIVE_TIME, timeMs);
  }

  /** Puts the cursor of `pending` on this id; false if it is not pending. */
  findPending(group: number, id: StreamId): boolean {
    return this.pending.find(this.tree(group), id);
  }

  /** The consumer, of this group, of the pending entry under the cursor of `pending`. */
  pendingConsumer(group: number): number {
    return this.#slots.at(this.#get(group, SLOTS), this.pending.value(CONSUMER));
  }

  /** Of the pending entry under the cursor of `pending`; the same for the following. */
  get deliveryMs(): number {
    return this.pending.value(TIME) * TWO_TO_32 + (this.pending.value(TIME + 1) >>> 0);
  }

  set deliveryMs(timeMs: number) {
    this.pending.setValue(TIME, Math.floor(timeMs / TWO_TO_32) | 0);
    this.pending.setValue(TIME + 1, timeMs | 0);
  }

  readDeliveries(integer: Int64): Int64 {
    integer.high = this.pending.value(DELIVERIES);
    integer.low = this.pending.value(DELIVERIES + 1);
    return integer;
  }

  setDeliveries(high: number, low: number): void {
    this.pending.setValue(DELIVERIES, high);
    this.pending.setValue(DELIVERIES + 1, low);
  }

  countDelivery(): void {
    const low = (this.pending.value(DELIVERIES + 1) + 1) | 0;
    this.pending.setValue(DELIVERIES + 1, low);
    if (low === 0) this.pending.setValue(DELIVERIES, (this.pending.value(DELIVERIES) + 1) | 0);
  }

  /**
   * Makes an entry pending for a consumer, or gives it to the consumer if it is already; the cursor of `pending` is on it.
   * True if it is new; time and deliveries are then the caller's to set.
   */
  assign(group: number, id: StreamId, consumer: number): boolean {
    const isNew = this.pending.insert(this.tree(group), id);
    const number = this.#get(consumer, NUMBER);
    if (!isNew) {
      if (this.pending.value(CONSUMER) === number) return false;
      this.ownPending.delete(this.ownTree(this.pendingConsumer(group)), id);
    }
    this.ownPending.insert(this.ownTree(consumer), id);
    this.pending.setValue(CONSUMER, number);
    return isNew;
  }

  /** Takes an id out of both trees; false if it was not pending. */
  acknowledge(group: number, id: StreamId): boolean {
    if (!this.findPending(group, id)) return false;
    this.ownPending.delete(this.ownTree(this.pendingConsumer(group)), id);
    return this.pending.delete(this.tree(group), id);
  }

  /** For the loader of files, which tells a group's pending entries before their consumers: nobody's yet. */
  addUnowned(group: number, id: StreamId): boolean {
    const isNew = this.pending.insert(this.tree(group), id);
    if (isNew) this.pending.setValue(CONSUMER, 0);
    return isNew;
  }

  /** Gives such an entry to its consumer; false if it is not pending or has one. */
  own(group: number, id: StreamId, consumer: number): boolean {
    if (!this.findPending(group, id) || this.pending.value(CONSUMER) !== 0) return false;
    this.pending.setValue(CONSUMER, this.#get(consumer, NUMBER));
    return this.ownPending.insert(this.ownTree(consumer), id);
  }

  /** A copy of a group with its consumers and pending entries, in no table yet. */
  copyGroup(group: number, name: ByteSpan): number {
    this.names.readName(group, name);
    const copy = this.createGroup(name, this.readLastId(group, this.#scratch));
    const read = this.readEntriesRead(group, this.#integer);
    this.setEntriesRead(copy, read.high, read.low);
    const twins = new Map<number, number>();
    for (let k = 0; k < this.consumerCount(group); k++) {
      const consumer = this.consumerAt(group, k);
      this.names.readName(consumer, name);
      twins.set(
        this.#get(consumer, NUMBER),
        this.createConsumer(copy, name, this.seenMs(consumer), this.activeMs(consumer)),
      );
    }
    const source = new IdTree(this.#arena, PENDING_WORDS);
    const id = new StreamId();
    const from = this.tree(group);
    for (let more = source.seek(from, id.setZero()); more; more = source.next(from)) {
      this.assign(copy, source.readId(id), twins.get(source.value(CONSUMER)) ?? 0);
      for (let word = TIME; word < PENDING_WORDS; word++) this.pending.setValue(word, source.value(word));
    }
    return copy;
  }

  /** Frees a group that is in no table, about so many leaves of its trees a call; true when nothing is left. */
  freeGroup(group: number, leaves: number): boolean {
    if (this.tree(group) !== 0) {
      if (this.pending.freeSome(this.tree(group), leaves)) this.#set(group, PENDING, 0);
      return false;
    }
    const consumers = this.#get(group, CONSUMERS);
    for (; leaves > 0 && this.names.count(consumers) > 0; leaves--) {
      const consumer = this.names.at(consumers, this.names.count(consumers) - 1);
      if (!this.ownPending.freeSome(this.ownTree(consumer), 1)) continue;
      this.#arena.free(consumer);
      this.names.removeLast(consumers);
    }
    if (this.names.count(consumers) > 0) return false;
    this.#arena.free(consumers);
    this.#arena.free(this.#get(group, SLOTS));
    this.#arena.free(group);
    return true;
  }

  /** See Relocatable: some trees, or parts of one, of the groups in this table, which is the caller's to move. */
  relocate(table: number, position: number): number {
    const { names } = this;
    const ordinal = Math.floor(position / TREE_POSITIONS);
    let treePosition = position % TREE_POSITIONS;
    let parts = PARTS_MOVED_AT_ONCE;
    for (let index = 0, first = 0; index < names.count(table); index++) {
      const trees = this.consumerCount(names.at(table, index)) + 1;
      for (let tree = Math.max(0, ordinal - first); tree < trees; tree++) {
        do {
          if (parts-- === 0) return (first + tree) * TREE_POSITIONS + treePosition;
          treePosition = this.#relocatePart(table, index, tree, treePosition);
        } while (treePosition !== 0);
      }
      first += trees;
    }
    return 0;
  }

  /** Tree 0 is the group's, the others its consumers'. Records and tables move with the first part of their tree. */
  #relocatePart(table: number, index: number, tree: number, position: number): number {
    if (tree === 0) {
      if (position === 0) this.#relocateGroup(table, index);
      return this.pending.relocate(this.tree(this.names.at(table, index)), position);
    }
    const group = this.names.at(table, index);
    if (position === 0) this.#relocateConsumer(group, tree - 1);
    return this.ownPending.relocate(this.ownTree(this.consumerAt(group, tree - 1)), position);
  }

  #relocateGroup(table: number, index: number): void {
    const group = this.#arena.relocate(this.names.at(table, index));
    this.names.replace(table, index, group);
    for (const word of [CONSUMERS, PENDING, SLOTS])
      this.#set(group, word, this.#arena.relocate(this.#get(group, word)));
  }

  #relocateConsumer(group: number, index: number): void {
    const consumers = this.#get(group, CONSUMERS);
    const consumer = this.#arena.relocate(this.names.at(consumers, index));
    this.names.replace(consumers, index, consumer);
    this.#slots.replace(this.#get(group, SLOTS), this.#get(consumer, NUMBER), consumer);
    this.#set(consumer, OWN_PENDING, this.#arena.relocate(this.ownTree(consumer)));
  }

  memoryBytes(group: number): number {
    const arena = this.#arena;
    let bytes = arena.capacityOf(group) + this.pending.memoryBytes(this.tree(group));
    bytes += arena.capacityOf(this.#get(group, CONSUMERS)) + arena.capacityOf(this.#get(group, SLOTS));
    for (let k = 0; k < this.consumerCount(group); k++) {
      const consumer = this.consumerAt(group, k);
      bytes += arena.capacityOf(consumer) + this.ownPending.memoryBytes(this.ownTree(consumer));
    }
    return bytes;
  }

  #words(handle: number): Int32Array {
    return this.#arena.words[handle >>> 23] as Int32Array;
  }

  #wordOf(handle: number, word: number): number {
    return ((handle & 0x7fffff) << 1) + word;
  }

  #get(handle: number, word: number): number {
    return (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] as number;
  }

  #set(handle: number, word: number, value: number): void {
    (this.#arena.words[handle >>> 23] as Int32Array)[((handle & 0x7fffff) << 1) + word] = value;
  }

  #double(handle: number, word: number): number {
    return (this.#arena.doubles[handle >>> 23] as Float64Array)[(handle & 0x7fffff) + (word >>> 1)] as number;
  }

  #setDouble(handle: number, word: number, value: number): void {
    (this.#arena.doubles[handle >>> 23] as Float64Array)[(handle & 0x7fffff) + (word >>> 1)] = value;
  }
}
