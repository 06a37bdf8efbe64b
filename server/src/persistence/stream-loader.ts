/** Builds a stream out of what an RDB file tells of it. */

import type { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import type { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import type { StreamFacts, StreamHandler } from "./stream-reader.ts";

export class StreamLoader implements StreamHandler {
  readonly view: StreamValue;
  #group = 0;
  #consumer = 0;

  constructor(view: StreamValue) {
    this.view = view;
  }

  /** To be called before anything else: an empty stream is one too. */
  begin(): void {
    this.view.create();
  }

  block(firstId: StreamId, block: ByteSpan, entries: number): void {
    const { view } = this;
    view.ring = view.blocks.appendBlock(view.ring, firstId, block.buffer, block.offset, block.length, entries);
  }

  facts(facts: StreamFacts): void {
    const { view } = this;
    view.setLastId(facts.lastId);
    if (facts.isComplete) {
      view.setFirstId(facts.firstId);
      view.setMaxDeleted(facts.maxDeletedId);
      view.setAdded(facts.added.high, facts.added.low);
    } else {
      view.noteFirstEntry();
      view.setAdded(0, view.count);
    }
  }

  group(name: ByteSpan, lastId: StreamId, entriesRead: Int64 | undefined): string | undefined {
    const { view } = this;
    if (view.findGroup(name) !== 0) return "A stream has a consumer group twice";
    this.#group = view.createGroup(name, lastId);
    const read = entriesRead ?? new Int64();
    if (entriesRead === undefined) view.entriesUpTo(lastId, read);
    view.groups.setEntriesRead(this.#group, read.high, read.low);
    return undefined;
  }

  pending(id: StreamId, deliveryMs: number, deliveries: Int64): string | undefined {
    const { groups } = this.view;
    if (!groups.addUnowned(this.#group, id)) return "A consumer group has a pending entry twice";
    groups.deliveryMs = deliveryMs;
    groups.setDeliveries(deliveries.high, deliveries.low);
    return undefined;
  }

  consumer(name: ByteSpan, seenMs: number, activeMs: number): string | undefined {
    const { groups } = this.view;
    if (groups.findConsumer(this.#group, name) !== 0) return "A consumer group has a consumer twice";
    this.#consumer = groups.createConsumer(this.#group, name, seenMs, activeMs);
    return undefined;
  }

  own(id: StreamId): string | undefined {
    const isNew = this.view.groups.own(this.#group, id, this.#consumer);
    return isNew ? undefined : "A consumer has a pending entry that its group has not";
  }
}
