/**
 * The values of a snapshot that are too large to be written in one go. They wait, as they were at the cut, and are written in
 * pieces, one after another; only whoever would change one of them has to wait for it (`hurry` puts it first), or, where
 * nobody can wait, has it written whole before.
 *
 * The format wants a value in one piece, so what else must leave meanwhile goes to an output on the side, which follows
 * behind the value.
 */

import { BLOCK_SHIFT, type Handle } from "../memory/arena-layout.ts";
import { isPackedEncoding, ValueType } from "../values/value-type.ts";
import { finishPieces, type Pieces } from "./pieces.ts";
import { LONGEST_COMPRESSED, RdbOutput } from "./rdb-output.ts";
import { RecordWriter, type RecordWriterParts } from "./record-writer.ts";
import { SideChunks } from "./side-output.ts";

/** What takes more memory is large: writing it would be felt. */
const LARGE_BYTES = LONGEST_COMPRESSED;
/** So is what has more elements; measuring it would take long too. */
const LARGE_COUNT = 20_000;
/** Elements that stand for all when a collection's size is estimated. */
const SAMPLES = 8;

interface UnderWay {
  readonly record: Handle;
  readonly pieces: Pieces;
}

export class LargeValues {
  readonly #parts: RecordWriterParts;
  readonly #output: RdbOutput;
  /** Those that wait, by the block that they start in. */
  readonly #byBlock = new Map<number, Set<Handle>>();
  /** In order; some may have been written before their turn. */
  readonly #queue: Handle[] = [];
  readonly #sideChunks = new SideChunks();
  #writer: RecordWriter | undefined;
  #side: RecordWriter | undefined;
  #underWay: UnderWay | undefined;
  /** Large values written so far. */
  written = 0;

  constructor(parts: RecordWriterParts, output: RdbOutput) {
    this.#parts = parts;
    this.#output = output;
  }

  isLarge(record: Handle): boolean {
    const { keyspace, collections } = this.#parts;
    const { records } = keyspace;
    const type = records.typeOf(record);
    if (type === ValueType.string) return records.valueLength(record) > LARGE_BYTES;
    const encoding = records.encodingOf(record);
    if (isPackedEncoding(encoding)) return false;
    const view = collections.open(type, records.rootOf(record), encoding);
    return view.count > LARGE_COUNT || view.memoryBytes(SAMPLES) > LARGE_BYTES;
  }

  add(record: Handle): void {
    const block = record >>> BLOCK_SHIFT;
    const waiting = this.#byBlock.get(block);
    if (waiting === undefined) this.#byBlock.set(block, new Set([record]));
    else waiting.add(record);
    this.#queue.push(record);
  }

  /** Whether any value of this block waits. */
  hasBlock(block: number): boolean {
    return this.#byBlock.has(block);
  }

  has(record: Handle): boolean {
    return this.#byBlock.get(record >>> BLOCK_SHIFT)?.has(record) === true;
  }

  get isEmpty(): boolean {
    return this.#byBlock.size === 0;
  }

  /** Of what had to leave while a large value was under way. */
  get waitingBytes(): number {
    return this.#sideChunks.waitingBytes;
  }

  /** It comes next, or is under way already. */
  hurry(record: Handle): void {
    if (this.#underWay?.record !== record && this.#queue[0] !== record) this.#queue.unshift(record);
  }

  /** Where records that cannot wait are to be written while a value is under way; undefined if none is. */
  get side(): RecordWriter | undefined {
    if (this.#underWay === undefined) return undefined;
    this.#side ??= new RecordWriter(
      this.#parts,
      new RdbOutput(this.#sideChunks, { compress: this.#output.compresses }),
    );
    return this.#side;
  }

  /** Writes a piece of the one whose turn it is. At least one must be waiting. */
  step(): void {
    this.#underWay ??= this.#begin();
    if (this.#underWay === undefined || this.#underWay.pieces.next().done !== true) return;
    this.#end(this.#underWay.record);
  }

  /** It is about to change: if it is under way it is finished now; false if it is not, and the caller must write it. */
  finish(record: Handle): boolean {
    if (this.#underWay?.record !== record) {
      this.#remove(record);
      return false;
    }
    finishPieces(this.#underWay.pieces);
    this.#end(record);
    return true;
  }

  #begin(): UnderWay | undefined {
    for (;;) {
      const record = this.#queue.shift();
      if (record === undefined) return undefined;
      if (!this.has(record)) continue;
      this.#writer ??= new RecordWriter(this.#parts, this.#output);
      this.#writer.forgetDatabase();
      return { record, pieces: this.#writer.pieces(record) };
    }
  }

  #end(record: Handle): void {
    this.#underWay = undefined;
    this.#remove(record);
    if (this.#side === undefined) return;
    this.#side.output.flush();
    this.#side.forgetDatabase();
    this.#sideChunks.moveTo(this.#output);
  }

  #remove(record: Handle): void {
    const block = record >>> BLOCK_SHIFT;
    const waiting = this.#byBlock.get(block);
    this.written++;
    if (waiting === undefined) return;
    waiting.delete(record);
    if (waiting.size > 0) return;
    this.#byBlock.delete(block);
    this.#parts.keyspace.arena.markVisited(block);
  }
}
