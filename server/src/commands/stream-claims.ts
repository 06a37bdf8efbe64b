/** XCLAIM and XAUTOCLAIM: pending entries change hands; those whose entry is gone stop being pending. */

import { StreamId } from "../memory/stream-id.ts";
import { integerArgument, parseInt64 } from "./arguments.ts";
import type { Call } from "./call.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";
import { insertArrayHeader, replyEntry, replyId, requireGroup } from "./stream-access.ts";
import { type DeliveryNames, propagateClaim, propagateGroupId, reachConsumer } from "./stream-delivery.ts";

const NAMES: DeliveryNames = { key: 1, group: 2, consumer: 3 };
const DEFAULT_COUNT = 100;
/** So many pending entries are looked at for each that is wanted. */
const ATTEMPTS_FACTOR = 10;
/** So many ids of 16 bytes as a signed 64-bit number of bytes can say. */
const LARGEST_COUNT = 2 ** 59 - 1;

interface Claim {
  readonly minIdleMs: number;
  readonly ids: StreamId[];
  deliveryMs: number | undefined;
  /** Negative: counts one more. */
  retryCount: bigint;
  isForced: boolean;
  isJustId: boolean;
  readonly lastId: StreamId;
}

export function claim(call: Call): void {
  const group = requireGroup(call, NAMES.key, NAMES.group);
  const request = readClaim(call);
  const { stream } = call.server.collections;
  const { groups } = stream;
  call.propagateNothing();
  let isIdUntold = false;
  if (request.lastId.compare(groups.readLastId(group, new StreamId())) > 0) {
    groups.setLastId(group, request.lastId);
    isIdUntold = true;
  }
  const consumer = reachConsumer(call, group, NAMES);
  const start = call.reply.position;
  const deliveryMs = request.deliveryMs ?? call.nowMs;
  const isOdd = deliveryMs < 0 || deliveryMs > call.nowMs;
  let claimed = 0;
  for (const id of request.ids) {
    const isPending = groups.findPending(group, id);
    if (!stream.find(id)) {
      if (!isPending) continue;
      propagateClaim(call, NAMES, group, id);
      groups.acknowledge(group, id);
      call.server.keyspace.dirty++;
      isIdUntold = false;
      continue;
    }
    if (!isPending && !request.isForced) continue;
    if (isPending && request.minIdleMs > 0 && call.nowMs - groups.deliveryMs < request.minIdleMs) continue;
    if (groups.assign(group, id, consumer)) groups.setDeliveries(0, 1);
    groups.deliveryMs = isOdd ? call.nowMs : deliveryMs;
    countDelivery(call, request);
    groups.setActive(consumer, call.nowMs);
    if (request.isJustId) replyId(call, id);
    else replyEntry(call, stream.cursor);
    claimed++;
    propagateClaim(call, NAMES, group, id);
    call.server.keyspace.dirty++;
    isIdUntold = false;
  }
  if (isIdUntold) {
    propagateGroupId(call, NAMES, group);
    call.server.keyspace.dirty++;
  }
  insertArrayHeader(call, start, claimed);
}

function countDelivery(call: Call, request: Claim): void {
  const { groups } = call.server.collections.stream;
  const { integer } = call.server.streamArguments;
  if (request.retryCount >= 0n) {
    integer.setBigInt(request.retryCount);
    groups.setDeliveries(integer.high, integer.low);
  } else if (!request.isJustId) groups.countDelivery();
}

function readClaim(call: Call): Claim {
  const { reader } = call.server.streamArguments;
  const minIdleMs = integerArgument(call, 4, "ERR Invalid min-idle-time argument for XCLAIM");
  const request: Claim = {
    ...{ minIdleMs, ids: [], deliveryMs: undefined, retryCount: -1n, isForced: false, isJustId: false },
    lastId: new StreamId(),
  };
  let at = 5;
  for (; at < call.argc; at++) {
    const id = new StreamId();
    if (!reader.tryStrict(call, at, id)) break;
    request.ids.push(id);
  }
  for (; at < call.argc; at++) {
    const hasMore = at + 1 < call.argc;
    if (call.is(at, "force")) request.isForced = true;
    else if (call.is(at, "justid")) request.isJustId = true;
    else if (hasMore && call.is(at, "idle")) request.deliveryMs = call.nowMs - claimOption(call, ++at, "IDLE");
    else if (hasMore && call.is(at, "time")) request.deliveryMs = claimOption(call, ++at, "TIME");
    else if (hasMore && call.is(at, "retrycount")) {
      claimOption(call, ++at, "RETRYCOUNT");
      request.retryCount = parseInt64(call.buffer, call.offset[at] as number, call.length[at] as number) ?? -1n;
    } else if (hasMore && call.is(at, "lastid")) reader.readStrict(call, ++at, request.lastId);
    else throw new CommandError(`ERR Unrecognized XCLAIM option '${cString(call.text(at))}'`);
  }
  // The reference takes the time −1 for none.
  if (request.deliveryMs === -1) request.deliveryMs = undefined;
  return request;
}

function claimOption(call: Call, index: number, option: string): number {
  return integerArgument(call, index, `ERR Invalid ${option} option argument for XCLAIM`);
}

interface AutomaticClaim {
  readonly minIdleMs: number;
  count: number;
  isJustId: boolean;
}

export function autoclaim(call: Call): void {
  const { reader, start: from } = call.server.streamArguments;
  const minIdleMs = integerArgument(call, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM");
  reader.readStart(call, 5, from);
  const request: AutomaticClaim = { minIdleMs, count: DEFAULT_COUNT, isJustId: false };
  for (let at = 6; at < call.argc; at++) {
    if (at + 1 < call.argc && call.is(at, "count")) request.count = countOption(call, ++at);
    else if (call.is(at, "justid")) request.isJustId = true;
    else throw new CommandError(ERRORS.syntax);
  }
  const group = requireGroup(call, NAMES.key, NAMES.group);
  call.propagateNothing();
  claimIdle(call, group, request, from);
}

function countOption(call: Call, index: number): number {
  const count = integerArgument(call, index, "ERR COUNT must be > 0");
  if (count < 1 || count > LARGEST_COUNT) throw new CommandError("ERR COUNT must be > 0");
  return count;
}

function claimIdle(call: Call, group: number, request: AutomaticClaim, from: StreamId): void {
  const { stream } = call.server.collections;
  const { groups } = stream;
  const { reply } = call;
  const consumer = reachConsumer(call, group, NAMES);
  const tree = groups.tree(group);
  const id = new StreamId();
  const gone: StreamId[] = [];
  reply.array(3);
  const start = reply.position;
  let { count } = request;
  let attempts = count * ATTEMPTS_FACTOR;
  let claimed = 0;
  let more = groups.pending.seek(tree, from);
  let isFirst = true;
  for (; more && attempts > 0 && count > 0; attempts--) {
    groups.pending.readId(id);
    const isThere = stream.findAscending(id, isFirst);
    isFirst = false;
    if (!isThere) {
      propagateClaim(call, NAMES, group, id);
      groups.acknowledge(group, id);
      call.server.keyspace.dirty++;
      gone.push(new StreamId().copy(id));
      count--;
      more = groups.pending.seek(tree, id);
      continue;
    }
    if (request.minIdleMs <= 0 || call.nowMs - groups.deliveryMs >= request.minIdleMs) {
      groups.assign(group, id, consumer);
      groups.deliveryMs = call.nowMs;
      if (!request.isJustId) groups.countDelivery();
      groups.setActive(consumer, call.nowMs);
      if (request.isJustId) replyId(call, id);
      else replyEntry(call, stream.cursor);
      claimed++;
      count--;
      propagateClaim(call, NAMES, group, id);
      call.server.keyspace.dirty++;
    }
    more = groups.pending.next(tree);
  }
  insertArrayHeader(call, start, claimed);
  insertCursor(call, start, more ? groups.pending.readId(id) : id.setZero());
  reply.array(gone.length);
  for (const deleted of gone) replyId(call, deleted);
}

/** The id to go on from stands before the entries, but is known only after them. */
function insertCursor(call: Call, start: number, id: StreamId): void {
  const { reply } = call;
  const end = reply.position;
  replyId(call, id);
  const size = reply.position - end;
  const text = Buffer.from(reply.buffer.subarray(end, end + size));
  reply.buffer.copyWithin(start + size, start, end);
  text.copy(reply.buffer, start);
}
