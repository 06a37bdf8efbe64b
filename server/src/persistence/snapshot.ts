/**
 * The data set as it was at one moment, written while it changes. At the cut the arena is told; from then on a block of
 * records (4 KiB) is written when the walk comes to it or just before it changes for the first time, whichever is
 * earlier, so each record leaves exactly once with its content at the cut. The walk follows the arena, not the index:
 * memory is read in order, and splits or moves in the index do not matter. Large values are written in pieces
 * (large-values.ts); until they are, their block counts as not written, so that each change to them is heard of.
 *
 * Which database an id in a record stands for is noted at the cut, because flushing and swapping give ids to others.
 */

import type { Keyspace } from "../keyspace/keyspace.ts";
import { BLOCK_SHIFT, BLOCKS_PER_PAGE_SHIFT, type Handle } from "../memory/arena-layout.ts";
import { forEachRecordInBlock } from "../memory/arena-records.ts";
import type { SnapshotVisitor } from "../memory/snapshot-visitor.ts";
import type { Collections } from "../values/collections.ts";
import { LargeValues } from "./large-values.ts";
import type { RdbHeader } from "./rdb-frame.ts";
import type { RdbOutput } from "./rdb-output.ts";
import { RecordWriter } from "./record-writer.ts";
import type { SnapshotForm } from "./snapshot-form.ts";

export interface SnapshotOptions {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly output: RdbOutput;
  readonly form: SnapshotForm;
  readonly header: RdbHeader;
}

export class Snapshot implements SnapshotVisitor {
  readonly #keyspace: Keyspace;
  readonly #output: RdbOutput;
  readonly #form: SnapshotForm;
  readonly #writer: RecordWriter;
  readonly #large: LargeValues;
  readonly #visitRecord: (record: Handle) => void;
  readonly #blockEnd: number;
  #nextBlock = 0;
  /** Of the block that is being visited: the record that is about to change. */
  #touched: Handle = 0;
  #isOver = false;
  /** Keys written so far, and how many there were at the cut. */
  keysWritten = 0;
  readonly keysAtCut: number;

  /** Makes the cut. */
  constructor(options: SnapshotOptions) {
    const { keyspace, output, collections, form } = options;
    const databaseOfId = keyspace.databaseIndexes();
    this.#keyspace = keyspace;
    this.#output = output;
    this.#form = form;
    const parts = { keyspace, collections, databaseOfId, form };
    this.#writer = new RecordWriter(parts, output);
    this.#large = new LargeValues(parts, output);
    this.#visitRecord = (record) => this.#visit(record);
    this.#blockEnd = keyspace.arena.pageEnd << BLOCKS_PER_PAGE_SHIFT;
    this.keysAtCut = keyspace.count;
    form.begin(output, keyspace, options.header);
    keyspace.arena.beginSnapshot(this);
  }

  /** The arena says: this block is about to change, or the walk has come to it. */
  block(block: number, touched: Handle): boolean {
    if (this.#large.hasBlock(block)) {
      if (this.#large.has(touched)) this.#writeLarge(touched);
    } else {
      this.#touched = touched;
      forEachRecordInBlock(this.#keyspace.arena, block, this.#visitRecord);
    }
    return !this.#large.hasBlock(block);
  }

  /** Whether the value of this record is large and still to be written, which is done next then: changing it had better wait. */
  holds(record: Handle): boolean {
    const { arena } = this.#keyspace;
    const block = record >>> BLOCK_SHIFT;
    if (this.#isOver || arena.isVisited(block)) return false;
    if (!this.#large.hasBlock(block)) {
      if (!this.#writer.knows(record) || !this.#large.isLarge(record)) return false;
      arena.visitBlock(block);
    }
    if (!this.#large.has(record)) return false;
    this.#large.hurry(record);
    return true;
  }

  /** Large values written so far. */
  get largeValuesWritten(): number {
    return this.#large.written;
  }

  /** Pre-images that wait in memory for the end of a large value. */
  get waitingBytes(): number {
    return this.#large.waitingBytes;
  }

  /** Writes until `isTimeOver` says stop, which is asked for about every 4 KiB; true when all is written. */
  walk(isTimeOver: () => boolean): boolean {
    const { arena } = this.#keyspace;
    while (!this.#isOver) {
      if (!this.#large.isEmpty) {
        this.#stepLarge();
        if (isTimeOver()) return false;
        continue;
      }
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
    this.#form.end(this.#output);
    this.#output.flush();
  }

  #visit(record: Handle): void {
    if (!this.#writer.knows(record)) return;
    if (record !== this.#touched && this.#large.isLarge(record)) {
      this.#large.add(record);
      return;
    }
    this.#write(record);
  }

  #write(record: Handle): void {
    (this.#large.side ?? this.#writer).write(record);
    this.keysWritten++;
  }

  #stepLarge(): void {
    const { written } = this.#large;
    // It selects a database of its own.
    this.#writer.forgetDatabase();
    this.#large.step();
    this.keysWritten += this.#large.written - written;
  }

  /** Nobody waits for this one to be written in pieces. */
  #writeLarge(record: Handle): void {
    if (this.#large.finish(record)) this.keysWritten++;
    else this.#write(record);
  }
}
