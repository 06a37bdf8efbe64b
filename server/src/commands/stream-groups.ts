/** XGROUP and XACK: consumer groups, their consumers, and what they have acknowledged. */

import { EventClass } from "../keyspace/event-classes.ts";
import { UNKNOWN_COUNT } from "../values/stream-groups.ts";
import { ValueType } from "../values/value-type.ts";
import { integerArgument, parseInt64 } from "./arguments.ts";
import type { Call } from "./call.ts";
import { type CommandFlag, type CommandRow, defineCommands, type KeyFlag, keyAt, oneKey } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, cString, ERRORS, wrongSubcommandArguments } from "./errors.ts";
import { consumerArgument, createStream, groupArgument, openStreamForWrite, streamReady } from "./stream-access.ts";
import { createConsumer } from "./stream-delivery.ts";
import { MissingSequence, strictIds } from "./stream-ids.ts";

const MISSING_KEY =
  "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.";
const KEY = 2;
const GROUP = 3;

interface SubcommandWords {
  readonly name: string;
  readonly arity: number;
  readonly key: KeyFlag;
  readonly complexity: string;
  readonly summary: string;
  readonly syntax: string;
  readonly since?: string;
  readonly run: (call: Call) => void;
}

function subcommand(words: SubcommandWords, ...flags: readonly CommandFlag[]): CommandRow {
  const { key, since = "5.0.0", ...rest } = words;
  return { ...rest, flags, keys: [keyAt(KEY, "RW", key)], group: "stream", since };
}

export const streamGroupCommands = defineCommands([
  {
    name: "xgroup",
    arity: -2,
    flags: [],
    group: "stream",
    since: "5.0.0",
    complexity: "Depends on the subcommand",
    summary: "Consumer groups of streams.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("xgroup", "stream", "5.0.0", [
      subcommand(
        {
          ...{ name: "create", arity: -5, key: "insert", complexity: "O(1)", run: create },
          summary: "Makes a group.",
          syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
        },
        "write",
        "denyoom",
      ),
      subcommand(
        {
          ...{ name: "createconsumer", arity: 5, key: "insert", complexity: "O(1)", since: "6.2.0" },
          summary: "Makes a consumer in a group; 0 if there is one of that name.",
          syntax: "key group consumer",
          run: makeConsumer,
        },
        "write",
        "denyoom",
      ),
      subcommand(
        {
          ...{ name: "delconsumer", arity: 5, key: "delete", complexity: "O(N) in its pending entries" },
          summary: "Deletes a consumer; gives how many entries were pending for it.",
          syntax: "key group consumer",
          run: deleteConsumer,
        },
        "write",
      ),
      subcommand(
        {
          ...{ name: "destroy", arity: 4, key: "delete", complexity: "O(N) in its pending entries", run: destroy },
          summary: "Deletes a group.",
          syntax: "key group",
        },
        "write",
      ),
      subcommand(
        {
          ...{ name: "setid", arity: -5, key: "update", complexity: "O(1)", run: setId },
          summary: "Sets the last delivered id of a group.",
          syntax: "key group <id | $> [ENTRIESREAD entries-read]",
        },
        "write",
      ),
    ]),
  },
  {
    name: "xack",
    arity: -4,
    flags: ["write", "fast"],
    keys: oneKey("RW", "update"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(log N) for each id, N being the pending entries",
    summary: "Acknowledges entries: they are not pending any more.",
    syntax: "key group id [id ...]",
    run: acknowledge,
  },
]);

/** Behind the id: ENTRIESREAD and, for CREATE, MKSTREAM. */
function readOptions(call: Call, isCreate: boolean): { readonly entriesRead: bigint; readonly makesStream: boolean } {
  let entriesRead = BigInt(UNKNOWN_COUNT);
  let makesStream = false;
  for (let at = 5; at < call.argc; at++) {
    if (isCreate && call.is(at, "mkstream")) makesStream = true;
    else if (at + 1 < call.argc && call.is(at, "entriesread")) {
      at++;
      if (integerArgument(call, at) < UNKNOWN_COUNT) {
        throw new CommandError("ERR value for ENTRIESREAD must be positive or -1");
      }
      entriesRead = parseInt64(call.buffer, call.offset[at] as number, call.length[at] as number) ?? entriesRead;
    } else throw wrongArguments(call);
  }
  return { entriesRead, makesStream };
}

function wrongArguments(call: Call): CommandError {
  return new CommandError(wrongSubcommandArguments("xgroup", call.text(1)));
}

function create(call: Call): void {
  const { entriesRead, makesStream } = readOptions(call, true);
  const { reader, id, integer } = call.server.streamArguments;
  const { stream, span } = call.server.collections;
  const isThere = openStreamForWrite(call, KEY);
  if (!isThere && !makesStream) throw new CommandError(MISSING_KEY);
  if (call.argc > 8) throw wrongArguments(call);
  if (!call.is(4, "$")) reader.readStrict(call, 4, id);
  else if (isThere) stream.readLastId(id);
  else id.setZero();
  if (!isThere) {
    createStream(call, KEY);
    call.signalModified(KEY);
  }
  if (groupArgument(call, GROUP) !== 0) throw new CommandError(ERRORS.groupExists);
  span.set(call.buffer, call.offset[GROUP] as number, call.length[GROUP] as number);
  const group = stream.createGroup(span, id);
  integer.setBigInt(entriesRead);
  stream.groups.setEntriesRead(group, integer.high, integer.low);
  call.reply.ok();
  call.server.keyspace.dirty++;
  call.notify(EventClass.stream, "xgroup-create", KEY);
}

/** The group of a subcommand that needs it; throws if it is not there, or its key. */
function existingGroup(call: Call): number {
  if (!openStreamForWrite(call, KEY)) throw new CommandError(MISSING_KEY);
  const group = groupArgument(call, GROUP);
  if (group !== 0) return group;
  const names = `'${cString(call.text(GROUP))}' for key name '${cString(call.text(KEY))}'`;
  throw new CommandError(`NOGROUP No such consumer group ${names}`);
}

function setId(call: Call): void {
  const { entriesRead } = readOptions(call, false);
  const { reader, id, integer } = call.server.streamArguments;
  const { stream } = call.server.collections;
  const group = existingGroup(call);
  if (call.argc > 7) throw wrongArguments(call);
  if (call.is(4, "$")) stream.readLastId(id);
  else reader.read(call, 4, id, MissingSequence.first);
  stream.groups.setLastId(group, id);
  integer.setBigInt(entriesRead);
  stream.groups.setEntriesRead(group, integer.high, integer.low);
  call.reply.ok();
  call.server.keyspace.dirty++;
  call.notify(EventClass.stream, "xgroup-setid", KEY);
}

function destroy(call: Call): void {
  if (!openStreamForWrite(call, KEY)) throw new CommandError(MISSING_KEY);
  const group = groupArgument(call, GROUP);
  if (group !== 0) {
    const { stream } = call.server.collections;
    call.server.keyspace.values.free(ValueType.stream, stream.encoding, stream.detachGroup(group));
    call.server.keyspace.dirty++;
    call.notify(EventClass.stream, "xgroup-destroy", KEY);
    streamReady(call, KEY);
  }
  call.reply.integer(group === 0 ? 0 : 1);
}

function makeConsumer(call: Call): void {
  const group = existingGroup(call);
  const isNew = consumerArgument(call, group, 4) === 0;
  if (isNew) createConsumer(call, group, { key: KEY, group: GROUP, consumer: 4 });
  call.reply.integer(isNew ? 1 : 0);
}

function deleteConsumer(call: Call): void {
  const { groups } = call.server.collections.stream;
  const group = existingGroup(call);
  const consumer = consumerArgument(call, group, 4);
  let pending = 0;
  if (consumer !== 0) {
    pending = groups.ownPending.count(groups.ownTree(consumer));
    groups.deleteConsumer(group, consumer);
    call.server.keyspace.dirty++;
    call.notify(EventClass.stream, "xgroup-delconsumer", KEY);
  }
  call.reply.integer(pending);
}

function acknowledge(call: Call): void {
  const group = openStreamForWrite(call, 1) ? groupArgument(call, 2) : 0;
  if (group === 0) {
    call.reply.integer(0);
    return;
  }
  const { groups } = call.server.collections.stream;
  let acknowledged = 0;
  for (const id of strictIds(call, 3, call.argc, call.server.streamArguments.reader)) {
    if (groups.acknowledge(group, id)) acknowledged++;
  }
  call.server.keyspace.dirty += acknowledged;
  call.reply.integer(acknowledged);
}
