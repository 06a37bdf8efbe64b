/** The commands that make a stream anew: entries, what is known of its ids, groups, consumers and what is pending. */

import { ByteSpan } from "../../memory/byte-span.ts";
import { Int64 } from "../../memory/int64.ts";
import { StreamId } from "../../memory/stream-id.ts";
import type { StreamValue } from "../../values/stream.ts";
import type { Pieces } from "../pieces.ts";
import type { CommandOutput } from "./command-output.ts";

export function* streamCommands(out: CommandOutput, stream: StreamValue, key: ByteSpan): Pieces {
  yield* entries(out, stream, key);
  const id = new StreamId();
  out.begin(7, "XSETID");
  out.span(key);
  out.text(stream.readLastId(id).toString());
  out.text("ENTRIESADDED");
  out.text(stream.readAdded(new Int64()).toBigInt().toString());
  out.text("MAXDELETEDID");
  out.text(stream.readMaxDeleted(id).toString());
  for (let k = 0; k < stream.groupCount; k++) yield* groupCommands(out, stream, key, stream.groupAt(k));
}

function* entries(out: CommandOutput, stream: StreamValue, key: ByteSpan): Pieces {
  if (stream.count === 0) {
    // An entry that is trimmed at once: there is no other way to make an empty stream.
    out.begin(7, "XADD");
    out.span(key);
    for (const word of ["MAXLEN", "0", "0-1", "x", "y"]) out.text(word);
    return;
  }
  const [field, value] = [new ByteSpan(), new ByteSpan()];
  const { cursor } = stream;
  stream.seek(stream.readFirstId(new StreamId()), stream.readLastId(new StreamId()));
  while (cursor.next()) {
    const { fieldCount } = cursor;
    out.begin(3 + fieldCount * 2, "XADD");
    out.span(key);
    out.text(cursor.id.toString());
    for (let k = 0; k < fieldCount; k++) {
      cursor.readPair(field, value);
      out.span(field);
      out.span(value);
    }
    yield;
  }
}

function* groupCommands(out: CommandOutput, stream: StreamValue, key: ByteSpan, group: number): Pieces {
  const { groups } = stream;
  const [name, consumerName] = [new ByteSpan(), new ByteSpan()];
  const [id, integer] = [new StreamId(), new Int64()];
  groups.names.readName(group, name);
  out.begin(7, "XGROUP", "CREATE");
  out.span(key);
  out.span(name);
  out.text(groups.readLastId(group, id).toString());
  out.text("ENTRIESREAD");
  out.text(groups.readEntriesRead(group, integer).toBigInt().toString());
  for (let k = 0; k < groups.consumerCount(group); k++) {
    const consumer = groups.consumerAt(group, k);
    groups.names.readName(consumer, consumerName);
    out.begin(5, "XGROUP", "CREATECONSUMER");
    out.span(key);
    out.span(name);
    out.span(consumerName);
    const own = groups.ownTree(consumer);
    for (let more = groups.ownPending.seek(own, id.setZero()); more; more = groups.ownPending.next(own)) {
      groups.ownPending.readId(id);
      if (!groups.findPending(group, id)) continue;
      writeClaim(out, { key, name, consumerName }, id, {
        deliveryMs: groups.deliveryMs,
        deliveries: groups.readDeliveries(integer).toBigInt(),
      });
      yield;
    }
  }
}

/** Makes an entry pending again, delivered as it was. One that the stream has lost meanwhile cannot be. */
function writeClaim(
  out: CommandOutput,
  owner: { readonly key: ByteSpan; readonly name: ByteSpan; readonly consumerName: ByteSpan },
  id: StreamId,
  delivery: { readonly deliveryMs: number; readonly deliveries: bigint },
): void {
  out.begin(12, "XCLAIM");
  out.span(owner.key);
  out.span(owner.name);
  out.span(owner.consumerName);
  out.text("0");
  out.text(id.toString());
  out.text("TIME");
  out.text(String(delivery.deliveryMs));
  out.text("RETRYCOUNT");
  out.text(delivery.deliveries.toString());
  out.text("JUSTID");
  out.text("FORCE");
}
