/** Writes a stream in the form that redis-server 7.0 reads: its blocks as they are, what is known of its ids, its groups. */

import type { ByteSpan } from "../memory/byte-span.ts";
import { Int64 } from "../memory/int64.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import type { Pieces } from "./pieces.ts";
import type { RdbOutput } from "./rdb-output.ts";

export const ID_BYTES = 16;

/** Between two pieces the stream must not change. */
export function* streamPieces(output: RdbOutput, stream: StreamValue, span: ByteSpan): Pieces {
  const id = new StreamId();
  const idBytes = Buffer.alloc(ID_BYTES);
  const ring = stream.ring;
  const blocks = stream.blocks.blockCount(ring);
  output.length(blocks);
  for (let block = 0; block < blocks; block++) {
    stream.blocks.readFirstId(ring, block, id).writeBytes(idBytes, 0);
    output.string(idBytes, 0, ID_BYTES);
    stream.blocks.readPacked(ring, block, span);
    output.string(span.buffer, span.offset, span.length);
    yield;
  }
  output.length(stream.count);
  writeId(output, stream.readLastId(id));
  writeId(output, stream.readFirstId(id));
  writeId(output, stream.readMaxDeleted(id));
  const added = stream.readAdded(new Int64());
  output.length64(added.high, added.low);
  output.length(stream.groupCount);
  for (let k = 0; k < stream.groupCount; k++) yield* groupPieces(output, stream, stream.groupAt(k), span);
}

function writeId(output: RdbOutput, id: StreamId): void {
  output.length64(id.msHigh, id.msLow);
  output.length64(id.seqHigh, id.seqLow);
}

function* groupPieces(output: RdbOutput, stream: StreamValue, group: number, span: ByteSpan): Pieces {
  const { groups } = stream;
  const id = new StreamId();
  const integer = new Int64();
  const idBytes = Buffer.alloc(ID_BYTES);
  groups.names.readName(group, span);
  output.string(span.buffer, span.offset, span.length);
  writeId(output, groups.readLastId(group, id));
  groups.readEntriesRead(group, integer);
  output.length64(integer.high, integer.low);
  const tree = groups.tree(group);
  output.length(groups.pending.count(tree));
  for (let more = groups.pending.seek(tree, id.setZero()); more; more = groups.pending.next(tree)) {
    groups.pending.readId(id).writeBytes(idBytes, 0);
    output.raw(idBytes, 0, ID_BYTES);
    output.int64(groups.deliveryMs);
    groups.readDeliveries(integer);
    output.length64(integer.high, integer.low);
    yield;
  }
  const count = groups.consumerCount(group);
  output.length(count);
  for (let k = 0; k < count; k++) {
    const consumer = groups.consumerAt(group, k);
    groups.names.readName(consumer, span);
    output.string(span.buffer, span.offset, span.length);
    output.int64(groups.seenMs(consumer));
    const own = groups.ownTree(consumer);
    output.length(groups.ownPending.count(own));
    for (let more = groups.ownPending.seek(own, id.setZero()); more; more = groups.ownPending.next(own)) {
      groups.ownPending.readId(id).writeBytes(idBytes, 0);
      output.raw(idBytes, 0, ID_BYTES);
      yield;
    }
  }
}
