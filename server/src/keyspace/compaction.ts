/**
 * Gives memory back that deleted and resized values have left in holes. A pass first empties sparse pages, then whole chunks
 * (arena-compaction.ts chooses them), by walking from the owners down: the index of each database, then the records page by
 * page, and below each record its collection. So whoever holds a handle is met together with what it names, and no block
 * needs a reference back. A pass works in slices; what changes between two of them is met or missed, and a missed block
 * only means that its page stays until the next pass. While a snapshot runs a pass waits: moving is changing.
 *
 * Records of flushed databases and values that wait to be freed belong to nobody and stay where they are.
 */

import type { Arena } from "../memory/arena.ts";
import { CompactionPlan } from "../memory/arena-compaction.ts";
import {
  type Handle,
  PAGE_GRANULES,
  PAGE_SHIFT,
  type PageKind,
  RECORD,
  VOLATILE_RECORD,
} from "../memory/arena-layout.ts";
import { HASH_SPACE } from "../memory/dictionary.ts";
import type { Clock } from "../platform/clock.ts";
import { ValueType } from "../values/value-type.ts";
import type { Database } from "./database.ts";
import type { KeyspaceState } from "./keyspace-state.ts";

/** What a pass has to do first, and what then. */
type Stage = "indexes" | "records" | "volatile records" | "end";

/** Work between two looks at the clock: a record looked at counts 1, one that moves or a step of a collection more. */
const CLOCK_INTERVAL = 256;
const MOVE_COST = 16;
const STEP_COST = 128;

export class Compaction {
  readonly #state: KeyspaceState;
  readonly #arena: Arena;
  readonly #databases: readonly Database[];
  readonly #clock: Clock;
  readonly #plan: CompactionPlan;
  #isOnChunks = false;
  #stage: Stage = "end";
  /** Index stage: the database, and the hash position in its index; above those, ranks in its list of expiring hashes. */
  #database = 0;
  #position = 0;
  /** Record stages: place in the list of pages, going down, and the record to go on with (0: start of the page). */
  #page = 0;
  #next: Handle = 0;
  /** Where to go on inside the collection of that record, if its root is still this one. */
  #valueRoot: Handle = 0;
  #valuePosition = 0;
  #work = 0;
  /** Blocks that were looked at and stayed; keys of which something moved, and of which nothing did. */
  misses = 0;
  keyHits = 0;
  keyMisses = 0;
  #hasMoved = false;
  #movedBeforeReset = 0;

  constructor(state: KeyspaceState, databases: readonly Database[], clock: Clock) {
    this.#state = state;
    this.#arena = state.arena;
    this.#databases = databases;
    this.#clock = clock;
    this.#plan = new CompactionPlan(state.arena);
  }

  get isRunning(): boolean {
    return this.#stage !== "end";
  }

  /** A running pass can do nothing now. */
  get isWaiting(): boolean {
    return this.isRunning && this.#arena.isSnapshotRunning;
  }

  get hits(): number {
    return this.#arena.movedBlocks - this.#movedBeforeReset;
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.#movedBeforeReset = this.#arena.movedBlocks;
    this.misses = 0;
    this.keyHits = 0;
    this.keyMisses = 0;
  }

  /** Begins a pass; false when there is nothing to gain, or another one runs. */
  start(): boolean {
    if (this.isRunning || this.#arena.isSnapshotRunning) return false;
    this.#isOnChunks = false;
    if (this.#plan.markSparsePages() > 0) this.#begin();
    else this.#startOnChunks();
    return this.isRunning;
  }

  /** Begins a pass that moves every block it meets: for tests, which want the moves and not the gain. */
  startOnEverything(): void {
    if (this.isRunning || this.#arena.isSnapshotRunning) return;
    this.#isOnChunks = true;
    this.#plan.markAllPages();
    this.#begin();
  }

  /** Goes on for about this long; true when the pass is over. */
  run(budgetMs: number): boolean {
    if (!this.isRunning) return true;
    if (this.#arena.isSnapshotRunning) return false;
    const endUs = this.#clock.monotonicUs() + budgetMs * 1000;
    while (this.isRunning) {
      this.#step();
      if (this.#work < CLOCK_INTERVAL) continue;
      this.#work = 0;
      if (this.#clock.monotonicUs() >= endUs) return !this.isRunning;
    }
    return true;
  }

  #begin(): void {
    this.#stage = "indexes";
    this.#database = 0;
    this.#position = 0;
  }

  #startOnChunks(): void {
    this.#isOnChunks = true;
    if (this.#plan.markUpperChunks() > 0) this.#begin();
    else this.#finish();
  }

  #finish(): void {
    this.#stage = "end";
    this.#plan.unmark();
    this.#arena.dropSpare();
  }

  #step(): void {
    if (this.#stage === "indexes") this.#stepIndexes();
    else if (this.#stage === "records") this.#stepRecords(RECORD);
    else this.#stepRecords(VOLATILE_RECORD);
  }

  #stepIndexes(): void {
    const database = this.#databases[this.#database];
    if (database === undefined) {
      this.#stage = "records";
      this.#beginKind(RECORD);
      return;
    }
    this.#work += STEP_COST;
    if (this.#position >= HASH_SPACE) {
      const rank = database.fieldExpiries.relocate(this.#position - HASH_SPACE);
      this.#position = rank === 0 ? 0 : HASH_SPACE + rank;
      if (rank === 0) this.#database++;
      return;
    }
    if (this.#position === 0) database.indexRoot = this.#arena.relocate(database.indexRoot);
    this.#position = this.#state.dictionary.relocate(database.indexRoot, this.#position, keep);
    if (this.#position === 0) this.#position = HASH_SPACE;
  }

  #beginKind(kind: PageKind): void {
    this.#page = this.#arena.pageCountOf(kind) - 1;
    this.#next = 0;
  }

  #endKind(kind: PageKind): void {
    if (kind === RECORD) {
      this.#stage = "volatile records";
      this.#beginKind(VOLATILE_RECORD);
      return;
    }
    this.#plan.unmark();
    if (this.#isOnChunks) this.#finish();
    else this.#startOnChunks();
  }

  /** One record, or one step of a large one. Pages come and go between two steps. */
  #stepRecords(kind: PageKind): void {
    const arena = this.#arena;
    this.#page = Math.min(this.#page, arena.pageCountOf(kind) - 1);
    if (this.#page < 0) {
      this.#endKind(kind);
      return;
    }
    const page = arena.pageOfKind(kind, this.#page);
    const stride = arena.pageStride(page);
    const start = page << PAGE_SHIFT;
    // Behind the last record of a full page the next page starts.
    const isSamePage = this.#next > start && this.#next <= start + PAGE_GRANULES && (this.#next - start) % stride === 0;
    const record = isSamePage ? this.#next : start;
    this.#work++;
    if (record >= arena.pageLimit(page)) {
      this.#page--;
      this.#next = 0;
      return;
    }
    this.#next = record;
    // The last record of the page may be the one that moves: then the page is gone, and another one stands in its place.
    if (!arena.isLive(record) || this.#relocate(record)) this.#next = record + stride;
  }

  /** Moves a record and what belongs to it; false when its collection needs another step first. */
  #relocate(record: Handle): boolean {
    const { records, owners } = this.#state;
    const database = owners.get(records.databaseIdOf(record));
    if (database === undefined) return true;
    const before = this.#arena.movedBlocks;
    if (records.typeOf(record) !== ValueType.string && !this.#relocateValue(record)) {
      if (this.#arena.movedBlocks !== before) this.#hasMoved = true;
      return false;
    }
    if (this.#arena.isLeaving(record)) this.#relocateRecord(database, record);
    if (this.#arena.movedBlocks !== before || this.#hasMoved) {
      this.keyHits++;
      this.#work += MOVE_COST;
    } else {
      this.keyMisses++;
      this.misses++;
    }
    this.#hasMoved = false;
    return true;
  }

  /** A step of the collection; true when it was the last. */
  #relocateValue(record: Handle): boolean {
    const { records, values } = this.#state;
    const root = records.rootOf(record);
    const position = this.#valueRoot === root ? this.#valuePosition : 0;
    const step = values.relocate(records.typeOf(record), records.encodingOf(record), root, position);
    if (step.root !== root) records.setRoot(record, step.root);
    this.#valueRoot = step.next === 0 ? 0 : step.root;
    this.#valuePosition = step.next;
    if (step.next === 0 && position === 0) return true;
    this.#work += STEP_COST;
    return step.next === 0;
  }

  #relocateRecord(database: Database, record: Handle): void {
    const { records, dictionary } = this.#state;
    const hash = dictionary.hash(records.bytesOf(record), records.keyOffset(record), records.keyLength(record));
    if (!dictionary.seek(database.indexRoot, hash, record)) {
      throw new Error(`Index of database ${database.index} does not hold record ${record}`);
    }
    dictionary.replaceFound(this.#arena.relocate(record));
  }
}

/** Records have their own turn, after the index. */
function keep(record: Handle): Handle {
  return record;
}
