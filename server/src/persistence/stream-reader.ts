/**
 * Reads the value of a stream from an RDB file, a part at a time: a block, the facts about the ids, a group, a pending
 * entry, a consumer. Each step takes all of its bytes before it tells the handler, so that it can start again when they
 * were not all there.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import { StreamId } from "../memory/stream-id.ts";
import { RdbType } from "./rdb-format.ts";
import type { RdbInput, Scratch } from "./rdb-input.ts";
import { StreamBlockCheck } from "./stream-block-check.ts";
import { ID_BYTES } from "./stream-encoder.ts";

export interface StreamFacts {
  readonly lastId: StreamId;
  /** Files before 7.0 have neither of the following: `isComplete` is false. */
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly added: Int64;
  isComplete: boolean;
}

/** What is told of a stream, in this order. Each may give a reason why the file cannot be right. */
export interface StreamHandler {
  /** A valid block with so many live entries. */
  block(firstId: StreamId, block: ByteSpan, entries: number): void;
  facts(facts: StreamFacts): void;
  /** `entriesRead` is undefined in files before 7.0. */
  group(name: ByteSpan, lastId: StreamId, entriesRead: Int64 | undefined): string | undefined;
  pending(id: StreamId, deliveryMs: number, deliveries: Int64): string | undefined;
  /** `activeMs` is negative where the file does not tell. */
  consumer(name: ByteSpan, seenMs: number, activeMs: number): string | undefined;
  /** A pending entry of the consumer just told. */
  own(id: StreamId): string | undefined;
}

const Part = { blocks: 0, facts: 1, groups: 2, pending: 3, consumers: 4, own: 5 } as const;

export class StreamReader {
  readonly #input: RdbInput;
  readonly #check = new StreamBlockCheck();
  readonly #span = new ByteSpan();
  readonly #scratch: Scratch = { buffer: Buffer.alloc(256) };
  readonly #second = new ByteSpan();
  readonly #secondScratch: Scratch = { buffer: Buffer.alloc(ID_BYTES) };
  readonly #id = new StreamId();
  readonly #integer = new Int64();
  readonly #facts: StreamFacts = {
    ...{ lastId: new StreamId(), firstId: new StreamId(), maxDeletedId: new StreamId(), added: new Int64() },
    isComplete: false,
  };
  #handler: StreamHandler | undefined;
  #type = 0;
  #part: number = Part.blocks;
  #left = 0;
  #groups = 0;
  #consumers = 0;
  #entries = 0;
  /** Pending entries of the group that no consumer has yet. */
  #unowned = 0;

  constructor(input: RdbInput) {
    this.#input = input;
  }

  begin(handler: StreamHandler, type: number, blocks: number): void {
    this.#handler = handler;
    this.#type = type;
    this.#part = Part.blocks;
    this.#left = blocks;
    this.#entries = 0;
    this.#check.restart();
  }

  /** Reads one part; true once the stream is whole. */
  step(): boolean {
    const handler = this.#handler as StreamHandler;
    switch (this.#part) {
      case Part.blocks:
        if (this.#left === 0) this.#part = Part.facts;
        else this.#block(handler);
        return false;
      case Part.facts:
        this.#readFacts(handler);
        return false;
      case Part.groups:
        if (this.#groups === 0) return true;
        this.#group(handler);
        return false;
      case Part.pending:
        this.#pendingEntry(handler);
        return false;
      case Part.consumers:
        this.#consumer(handler);
        return false;
      default:
        this.#ownEntry(handler);
        return false;
    }
  }

  #block(handler: StreamHandler): void {
    const input = this.#input;
    input.string(this.#second, this.#secondScratch);
    if (this.#second.length !== ID_BYTES) input.fail("A block of a stream without an id");
    this.#id.readBytes(this.#second.buffer, this.#second.offset);
    input.string(this.#span, this.#scratch);
    const { buffer, offset, length } = this.#span;
    const entries = this.#check.liveEntries(this.#id, buffer, offset, length);
    if (entries < 0) input.fail("Damaged block of a stream");
    handler.block(this.#id, this.#span, entries);
    this.#entries += entries;
    this.#left--;
  }

  #readFacts(handler: StreamHandler): void {
    const input = this.#input;
    const facts = this.#facts;
    const count = input.length();
    if (count !== this.#entries) input.fail(`A stream of ${count} entries has ${this.#entries} in its blocks`);
    this.#readId(facts.lastId);
    facts.isComplete = this.#type !== RdbType.streamListpacks;
    if (facts.isComplete) {
      this.#readId(facts.firstId);
      this.#readId(facts.maxDeletedId);
      input.length64(facts.added);
    }
    this.#groups = input.length();
    handler.facts(facts);
    this.#part = Part.groups;
  }

  #group(handler: StreamHandler): void {
    const input = this.#input;
    input.string(this.#span, this.#scratch);
    this.#readId(this.#id);
    const hasCount = this.#type !== RdbType.streamListpacks;
    if (hasCount) input.length64(this.#integer);
    const pending = input.length();
    this.#refuse(handler.group(this.#span, this.#id, hasCount ? this.#integer : undefined));
    this.#groups--;
    this.#left = pending;
    this.#unowned = pending;
    this.#part = Part.pending;
  }

  #pendingEntry(handler: StreamHandler): void {
    const input = this.#input;
    if (this.#left === 0) {
      this.#consumers = input.length();
      this.#part = Part.consumers;
      return;
    }
    this.#rawId();
    const deliveryMs = input.int64();
    input.length64(this.#integer);
    this.#refuse(handler.pending(this.#id, deliveryMs, this.#integer));
    this.#left--;
  }

  #consumer(handler: StreamHandler): void {
    const input = this.#input;
    if (this.#consumers === 0) {
      if (this.#unowned !== 0) input.fail("A pending entry of a stream belongs to no consumer");
      this.#part = Part.groups;
      return;
    }
    input.string(this.#span, this.#scratch);
    const seenMs = input.int64();
    const activeMs = this.#type === RdbType.streamListpacks3 ? input.int64() : -1;
    const own = input.length();
    this.#refuse(handler.consumer(this.#span, seenMs, activeMs));
    this.#consumers--;
    this.#left = own;
    this.#part = Part.own;
  }

  #ownEntry(handler: StreamHandler): void {
    if (this.#left === 0) {
      this.#part = Part.consumers;
      return;
    }
    this.#rawId();
    this.#refuse(handler.own(this.#id));
    this.#left--;
    this.#unowned--;
  }

  #refuse(reason: string | undefined): void {
    if (reason !== undefined) this.#input.fail(reason);
  }

  #rawId(): void {
    const input = this.#input;
    input.need(ID_BYTES);
    this.#id.readBytes(input.buffer, input.position);
    input.position += ID_BYTES;
  }

  #readId(id: StreamId): void {
    this.#input.length64(this.#integer);
    const { high, low } = this.#integer;
    this.#input.length64(this.#integer);
    id.set(high, low, this.#integer.high, this.#integer.low);
  }
}
