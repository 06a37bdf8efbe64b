/**
 * What happens to a group when entries are delivered or claimed, and how replicas are told: not by the command that a
 * client sent, whose effect depends on time and on what was there, but by XCLAIM with all facts, XGROUP SETID and XGROUP
 * CREATECONSUMER, as redis-server does it.
 */

import { EventClass } from "../keyspace/event-classes.ts";
import { Int64 } from "../memory/int64.ts";
import { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "../values/stream.ts";
import { UNKNOWN_COUNT } from "../values/stream-groups.ts";
import type { Call } from "./call.ts";
import { consumerArgument, replyEntry, replyId } from "./stream-access.ts";

/** Arguments that name the key, the group and the consumer of a command. */
export interface DeliveryNames {
  readonly key: number;
  readonly group: number;
  readonly consumer: number;
}

/** The consumer that the command names; one who is new is made, and told to replicas. */
export function reachConsumer(call: Call, group: number, names: DeliveryNames): number {
  const { stream } = call.server.collections;
  const found = consumerArgument(call, group, names.consumer);
  if (found !== 0) {
    stream.groups.setSeen(found, call.nowMs);
    return found;
  }
  const consumer = createConsumer(call, group, names);
  if (call.isPropagated) {
    const { key, group: name } = names;
    call.propagateInstead("XGROUP", "CREATECONSUMER", call.copy(key), call.copy(name), call.copy(names.consumer));
  }
  return consumer;
}

/** Makes the consumer that an argument names, which is not there. */
export function createConsumer(call: Call, group: number, names: DeliveryNames): number {
  const { span, stream } = call.server.collections;
  span.set(call.buffer, call.offset[names.consumer] as number, call.length[names.consumer] as number);
  const consumer = stream.groups.createConsumer(group, span, call.nowMs, UNKNOWN_COUNT);
  call.server.keyspace.dirty++;
  call.notify(EventClass.stream, "xgroup-createconsumer", names.key);
  return consumer;
}

/** Tells replicas of the pending entry that the cursor of `groups.pending` is on. */
export function propagateClaim(call: Call, names: DeliveryNames, group: number, id: StreamId): void {
  if (!call.isPropagated) return;
  const { span, stream } = call.server.collections;
  const { groups } = stream;
  groups.names.readName(groups.pendingConsumer(group), span);
  const where = ["XCLAIM", call.copy(names.key), call.copy(names.group), span.toBuffer(), "0", String(id)];
  const deliveries = groups.readDeliveries(new Int64()).toBigInt();
  const facts = ["TIME", String(groups.deliveryMs), "RETRYCOUNT", String(deliveries), "FORCE", "JUSTID"];
  call.propagateInstead(...where, ...facts, "LASTID", String(groups.readLastId(group, new StreamId())));
}

export function propagateGroupId(call: Call, names: DeliveryNames, group: number): void {
  if (!call.isPropagated) return;
  const { groups } = call.server.collections.stream;
  const read = groups.readEntriesRead(group, new Int64()).toBigInt();
  const id = String(groups.readLastId(group, new StreamId()));
  const words = ["ENTRIESREAD", String(read)];
  call.propagateInstead("XGROUP", "SETID", call.copy(names.key), call.copy(names.group), id, ...words);
}

export interface NewEntries {
  readonly group: number;
  readonly consumer: number;
  readonly names: DeliveryNames;
  /** 0: all. */
  readonly count: number;
  /** Delivered entries do not become pending. */
  readonly isNoAck: boolean;
}

/** Delivers the entries from the stream's cursor on, each of them new to the group; gives how many. */
export function deliverNew(call: Call, delivery: NewEntries): number {
  const { stream } = call.server.collections;
  const { cursor, groups } = stream;
  const { group, consumer, count } = delivery;
  const last = groups.readLastId(group, new StreamId());
  let hasMoved = false;
  let delivered = 0;
  while ((count === 0 || delivered < count) && cursor.next()) {
    const { id } = cursor;
    if (id.compare(last) > 0) {
      countRead(stream, group, id);
      groups.setLastId(group, last.copy(id));
      hasMoved = true;
    }
    replyEntry(call, cursor);
    if (!delivery.isNoAck) {
      groups.assign(group, id, consumer);
      groups.deliveryMs = call.nowMs;
      groups.setDeliveries(0, 1);
      propagateClaim(call, delivery.names, group, id);
    }
    delivered++;
  }
  if (delivered > 0) groups.setActive(consumer, call.nowMs);
  if (hasMoved) propagateGroupId(call, delivery.names, group);
  return delivered;
}

/** The group's count of entries read goes one up, or becomes known again, or unknown. */
function countRead(stream: StreamValue, group: number, id: StreamId): void {
  const { groups } = stream;
  const read = groups.readEntriesRead(group, new Int64());
  if (read.high >= 0 && !stream.hasTombstonesFrom(id)) {
    read.low = (read.low + 1) | 0;
    if (read.low === 0) read.high = (read.high + 1) | 0;
  } else {
    const added = stream.readAdded(new Int64());
    if (added.high === 0 && added.low === 0) return;
    stream.entriesUpTo(id, read);
  }
  groups.setEntriesRead(group, read.high, read.low);
}

/** Delivers entries that are pending for a consumer once more; those that are gone as nil. Gives how many. */
export function deliverHistory(call: Call, delivery: NewEntries, start: StreamId): number {
  const { stream } = call.server.collections;
  const { groups } = stream;
  const own = groups.ownTree(delivery.consumer);
  const id = new StreamId();
  let delivered = 0;
  for (let more = groups.ownPending.seek(own, start); more; more = groups.ownPending.next(own)) {
    if (delivery.count !== 0 && delivered === delivery.count) break;
    groups.ownPending.readId(id);
    if (!stream.findAscending(id, delivered++ === 0)) {
      call.reply.array(2);
      replyId(call, id);
      call.reply.nilArray();
      continue;
    }
    replyEntry(call, stream.cursor);
    groups.findPending(delivery.group, id);
    groups.deliveryMs = call.nowMs;
    groups.countDelivery();
  }
  return delivered;
}
