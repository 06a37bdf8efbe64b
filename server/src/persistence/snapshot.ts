/**
 * The data set as it was at one moment, written while it changes. At the cut the arena is told; from then on a block of
 * records (4 KiB) is written when the walk comes to it or just before it changes for the first time, whichever is
 * earlier, so each record leaves exactly once with its content at the cut. The walk follows the arena, not the index:
 * memory is read in order, and splits or moves in the index do not matter.
 *
 * Records of different databases lie mixed; each change of database puts a SELECTDB between them. Which database an id in
 * a record stands for is noted at the cut, because flushing and swapping give ids to others.
 */

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { SnapshotVisitor } from "../memory/arena.ts";
import { BLOCKS_PER_PAGE_SHIFT } from "../memory/arena-layout.ts";
import { forEachRecordInBlock } from "../memory/arena-records.ts";
import type { Collections } from "../values/collections.ts";
import { RDB_WRITE_VERSION, RDB_WRITE_VERSION_WITH_FIELD_EXPIRY } from "./rdb-format.ts";
import { type RdbHeader, writeRdbEnd, writeRdbHeader, writeResize, writeSelectDatabase } from "./rdb-frame.ts";
import type { RdbOutput } from "./rdb-output.ts";
import { ValueEncoder } from "./value-encoder.ts";

const NO_DATABASE = -1;

export interface SnapshotOptions {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly output: RdbOutput;
  readonly header: RdbHeader;
}

export class Snapshot implements SnapshotVisitor {
  readonly #keyspace: Keyspace;
  readonly #output: RdbOutput;
  readonly #encoder: ValueEncoder;
  readonly #databaseOfId: Int16Array;
  readonly #visitRecord: (record: number) => void;
  readonly #blockEnd: number;
  #nextBlock = 0;
  #database = NO_DATABASE;
  #isOver = false;
  /** Keys written so far, and how many there were at the cut. */
  keysWritten = 0;
  readonly keysAtCut: number;

  /** Makes the cut. */
  constructor(options: SnapshotOptions) {
    const { keyspace, output } = options;
    this.#keyspace = keyspace;
    this.#output = output;
    this.#encoder = new ValueEncoder(keyspace.records, options.collections, output);
    this.#databaseOfId = keyspace.databaseIndexes();
    this.#visitRecord = (record) => this.#record(record);
    this.#blockEnd = keyspace.arena.pageEnd << BLOCKS_PER_PAGE_SHIFT;
    this.keysAtCut = keyspace.count;
    const hasFieldExpiry = keyspace.expiringHashes > 0;
    writeRdbHeader(output, options.header, hasFieldExpiry ? RDB_WRITE_VERSION_WITH_FIELD_EXPIRY : RDB_WRITE_VERSION);
    this.#writeSizes();
    keyspace.arena.beginSnapshot(this);
  }

  /** The arena says: this block is about to change, or the walk has come to it. */
  block(block: number): void {
    forEachRecordInBlock(this.#keyspace.arena, block, this.#visitRecord);
  }

  /** Writes until `isTimeOver` says stop, which is asked for about every 4 KiB; true when all is written. */
  walk(isTimeOver: () => boolean): boolean {
    const { arena } = this.#keyspace;
    while (!this.#isOver) {
      if (this.#nextBlock === this.#blockEnd) {
        this.#finish();
        break;
      }
      const block = this.#nextBlock;
      const page = block >>> BLOCKS_PER_PAGE_SHIFT;
      if (!arena.isRecordPage(page)) {
        this.#nextBlock = (page + 1) << BLOCKS_PER_PAGE_SHIFT;
        continue;
      }
      this.#nextBlock = block + 1;
      arena.visitBlock(block);
      if (isTimeOver()) return false;
    }
    return true;
  }

  /** The rest is not wanted any more. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#keyspace.arena.endSnapshot();
  }

  #finish(): void {
    this.#isOver = true;
    this.#keyspace.arena.endSnapshot();
    writeRdbEnd(this.#output);
    this.#output.flush();
  }

  #record(record: number): void {
    const database = this.#databaseOfId[this.#keyspace.records.databaseIdOf(record)] as number;
    if (database === NO_DATABASE) return;
    if (database !== this.#database) {
      this.#database = database;
      writeSelectDatabase(this.#output, database);
    }
    this.#encoder.write(record);
    this.keysWritten++;
  }

  #writeSizes(): void {
    for (let index = 0; index < this.#keyspace.databaseCount; index++) {
      const database = this.#keyspace.database(index);
      if (database.count === 0) continue;
      writeSelectDatabase(this.#output, index);
      writeResize(this.#output, database.count, database.expiry.count);
    }
  }
}
