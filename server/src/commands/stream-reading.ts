/**
 * XREAD and XREADGROUP: entries of several streams behind given ids. What is asked of each stream is resolved first (`$`,
 * `+`, `>`), then those that have something are replied to. Reading for a group changes it; see stream-delivery.ts.
 */

import { StreamId } from "../memory/stream-id.ts";
import { ValueType } from "../values/value-type.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { defineCommands, type KeySpec } from "./command.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";
import {
  groupArgument,
  insertArrayHeader,
  insertMapHeader,
  openStream,
  openStreamForWrite,
  replyEntries,
} from "./stream-access.ts";
import { type DeliveryNames, deliverHistory, deliverNew, reachConsumer } from "./stream-delivery.ts";

const LARGEST = new StreamId().setLargest();

export const streamReadingCommands = defineCommands([
  {
    name: "xread",
    arity: -4,
    flags: ["readonly", "blocking", "movablekeys"],
    keys: [streamsKeys(1)],
    group: "stream",
    since: "5.0.0",
    complexity: "O(N) in the number of entries given",
    summary: "Gives the entries of streams behind given ids, waiting for some if there are none.",
    syntax: "[COUNT count] [BLOCK milliseconds] STREAMS <key [key ...] id [id ...]>",
    run: (call) => read(call, false),
  },
  {
    name: "xreadgroup",
    arity: -7,
    flags: ["write", "blocking", "movablekeys"],
    keys: [streamsKeys(4)],
    group: "stream",
    since: "5.0.0",
    complexity: "O(M+N): M entries given, N pending entries looked at",
    summary: "Gives entries to a consumer of a group: new ones, or those that it has not acknowledged.",
    syntax: "GROUP <group consumer> [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS <key [key ...] id [id ...]>",
    run: (call) => read(call, true),
  },
]);

function streamsKeys(startFrom: number): KeySpec {
  return {
    flags: ["RO", "access"],
    begin: { keyword: "STREAMS", startFrom },
    find: { last: -1, step: 1, limit: 2 },
  };
}

interface ReadRequest {
  readonly isForGroup: boolean;
  count: number;
  isNoAck: boolean;
  /** Milliseconds, 0 for ever; undefined: does not wait. */
  timeoutMs: number | undefined;
  /** Arguments of group and consumer. */
  group: number;
  /** Argument of the first key, and how many there are. */
  firstKey: number;
  streams: number;
  /** Entries behind these are wanted; of a group the largest id stands for new ones. */
  readonly ids: StreamId[];
}

function read(call: Call, isForGroup: boolean): void {
  const request = readOptions(call, isForGroup);
  for (let k = 0; k < request.streams; k++) request.ids.push(resolveId(call, request, k));
  if (isForGroup) call.propagateNothing();
  const start = call.reply.position;
  let served = 0;
  for (let k = 0; k < request.streams; k++) if (serve(call, request, k)) served++;
  if (served > 0) insertMapHeader(call, start, served);
  else if (request.timeoutMs === undefined) call.reply.nilArray();
  else waitForEntries(call, request, request.timeoutMs);
}

/** The command runs again as it is: ids that stand for a place in the stream of now become that place. */
function waitForEntries(call: Call, request: ReadRequest, timeoutMs: number): void {
  const keys = call.copies(request.firstKey, request.firstKey + request.streams);
  if (!request.isForGroup) fixIds(call, request);
  const { isForGroup: wakesOnLoss } = request;
  call.server.blocking.block(call, { keys, type: ValueType.stream, timeoutMs, emptyReply: "array", wakesOnLoss });
}

function fixIds(call: Call, request: ReadRequest): void {
  const firstId = request.firstKey + request.streams;
  const words = Array.from({ length: call.argc }, (_, index) => {
    const id = request.ids[index - firstId];
    return id === undefined ? call.copy(index) : Buffer.from(String(id), "latin1");
  });
  let offset = 0;
  for (const [index, word] of words.entries()) {
    call.offset[index] = offset;
    call.length[index] = word.length;
    offset += word.length;
  }
  call.buffer = Buffer.concat(words);
}

function readOptions(call: Call, isForGroup: boolean): ReadRequest {
  const request: ReadRequest = {
    isForGroup,
    ...{ count: 0, isNoAck: false, timeoutMs: undefined, group: 0, firstKey: 0, streams: 0, ids: [] },
  };
  for (let at = 1; at < call.argc; at++) {
    const hasMore = at + 1 < call.argc;
    if (hasMore && call.is(at, "block")) request.timeoutMs = blockTimeout(call, ++at);
    else if (hasMore && call.is(at, "count")) request.count = Math.max(0, integerArgument(call, ++at));
    else if (hasMore && call.is(at, "streams")) {
      takeStreams(call, request, at + 1);
      break;
    } else if (at + 2 < call.argc && call.is(at, "group")) {
      if (!isForGroup) throw onlyForGroups("GROUP");
      request.group = at + 1;
      at += 2;
    } else if (call.is(at, "noack")) {
      if (!isForGroup) throw onlyForGroups("NOACK");
      request.isNoAck = true;
    } else throw new CommandError(ERRORS.syntax);
  }
  if (request.firstKey === 0) throw new CommandError(ERRORS.syntax);
  if (isForGroup && request.group === 0) throw new CommandError("ERR Missing GROUP option for XREADGROUP");
  return request;
}

function onlyForGroups(option: string): CommandError {
  return new CommandError(`ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`);
}

function blockTimeout(call: Call, index: number): number {
  if (call.client.has(ClientFlag.script)) {
    throw new CommandError(`ERR ${cString(call.text(0))} command is not allowed with BLOCK option from scripts`);
  }
  const timeoutMs = integerArgument(call, index, "ERR timeout is not an integer or out of range");
  if (timeoutMs < 0) throw new CommandError("ERR timeout is negative");
  return timeoutMs;
}

function takeStreams(call: Call, request: ReadRequest, first: number): void {
  const words = call.argc - first;
  if ((words & 1) === 1) {
    throw new CommandError("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
  }
  request.firstKey = first;
  request.streams = words / 2;
}

/** The id behind which entries of stream `k` are wanted. */
function resolveId(call: Call, request: ReadRequest, k: number): StreamId {
  const key = request.firstKey + k;
  const index = key + request.streams;
  const { stream } = call.server.collections;
  const isThere = openStream(call, key);
  if (request.isForGroup && (!isThere || groupArgument(call, request.group) === 0)) throw noGroup(call, request, key);
  const id = new StreamId();
  if (call.is(index, "$")) {
    if (request.isForGroup) throw meaningless("$");
    return isThere ? stream.readLastId(id) : id;
  }
  if (call.is(index, "+")) {
    if (request.isForGroup) throw meaningless("+");
    if (isThere && (stream.readLastEntry(id) || !stream.readLastId(id).isZero)) id.decrement();
    return id;
  }
  if (call.is(index, ">")) {
    if (request.isForGroup) return id.setLargest();
    throw new CommandError(
      "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
  }
  return call.server.streamArguments.reader.readStrict(call, index, id);
}

export function noGroup(call: Call, request: { readonly group: number }, key: number): CommandError {
  const names = `'${cString(call.text(key))}' or consumer group '${cString(call.text(request.group))}'`;
  return new CommandError(`NOGROUP No such key ${names} in XREADGROUP with GROUP option`);
}

function meaningless(id: string): CommandError {
  return new CommandError(
    `ERR The ${id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The ${id} ID would just return an empty result set.`,
  );
}

/** Replies with what there is of stream `k`; false if it has nothing. */
function serve(call: Call, request: ReadRequest, k: number): boolean {
  const key = request.firstKey + k;
  const id = request.ids[k] as StreamId;
  return request.isForGroup ? serveGroup(call, request, key, id) : serveAll(call, request, key, id);
}

function serveAll(call: Call, request: ReadRequest, key: number, id: StreamId): boolean {
  const { end } = call.server.streamArguments;
  const { stream } = call.server.collections;
  if (!openStream(call, key) || !stream.readLastEntry(end) || end.compare(id) <= 0) return false;
  replyKey(call, key);
  id.increment();
  stream.seek(id, LARGEST);
  replyEntries(call, stream, request.count);
  return true;
}

function serveGroup(call: Call, request: ReadRequest, key: number, wanted: StreamId): boolean {
  const { end } = call.server.streamArguments;
  const { stream } = call.server.collections;
  if (!openStreamForWrite(call, key)) return false;
  const group = groupArgument(call, request.group);
  if (group === 0) return false;
  const names: DeliveryNames = { key, group: request.group, consumer: request.group + 1 };
  const consumer = reachConsumer(call, group, names);
  const isHistory = !wanted.isLargest;
  const after = isHistory ? wanted : stream.groups.readLastId(group, new StreamId());
  if (!isHistory && (!stream.readLastEntry(end) || end.compare(after) <= 0)) return false;
  replyKey(call, key);
  const start = call.reply.position;
  const delivery = { group, consumer, names, count: request.count, isNoAck: request.isNoAck };
  after.increment();
  if (!isHistory) stream.seek(after, LARGEST);
  const delivered = isHistory ? deliverHistory(call, delivery, after) : deliverNew(call, delivery);
  insertArrayHeader(call, start, delivered);
  call.server.keyspace.dirty++;
  return true;
}

function replyKey(call: Call, key: number): void {
  if (!call.reply.resp3) call.reply.array(2);
  call.reply.bulk(call.buffer, call.offset[key] as number, call.length[key] as number);
}
