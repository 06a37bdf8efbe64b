/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing itself is the dispatcher's. */

import type { Call } from "./call.ts";
import { type Client, ClientFlag, type QueuedCommand } from "./client.ts";
import { defineCommands, keyRange } from "./command.ts";
import { ERRORS, executionAborted } from "./errors.ts";

export const transactionCommands = defineCommands([
  {
    name: "multi",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    group: "transactions",
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Starts a transaction: the commands after it are queued.",
    syntax: "",
    run: multi,
  },
  {
    name: "exec",
    arity: 1,
    flags: ["noscript", "loading", "stale", "skip_slowlog"],
    group: "transactions",
    since: "1.2.0",
    complexity: "Depends on the queued commands",
    summary: "Runs the queued commands as one.",
    syntax: "",
    run: exec,
  },
  {
    name: "discard",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    group: "transactions",
    since: "2.0.0",
    complexity: "O(N) in the number of queued commands",
    summary: "Forgets the queued commands and leaves the transaction.",
    syntax: "",
    run: discard,
  },
  {
    name: "watch",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: keyRange(1, -1, 1, "RO"),
    group: "transactions",
    since: "2.2.0",
    complexity: "O(1) for each key",
    summary: "Makes the next EXEC fail if one of the keys changes before it.",
    syntax: "key [key ...]",
    run: watch,
  },
  {
    name: "unwatch",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    group: "transactions",
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Forgets all watched keys.",
    syntax: "",
    run: unwatch,
  },
]);

function multi(call: Call): void {
  const { client } = call;
  if (client.has(ClientFlag.multi)) {
    call.reply.error(ERRORS.nestedMulti);
    return;
  }
  client.set(ClientFlag.multi, true);
  call.reply.ok();
}

function exec(call: Call): void {
  const { client } = call;
  if (!client.has(ClientFlag.multi)) {
    call.reply.error(ERRORS.execWithoutMulti);
    return;
  }
  const queued = client.queued ?? [];
  const failed = client.has(ClientFlag.transactionFailed);
  const watchBroken = call.server.keyspace.watches.isBroken(client);
  resetTransaction(call, client);
  const { buffer, argc, offset, length } = call;
  const objection = firstObjection(call, queued);
  if (objection !== undefined)
    call.reply.error(IS_REDIRECTION.test(objection) ? objection : executionAborted(objection));
  else if (failed) call.reply.error(ERRORS.executionAborted);
  else if (watchBroken) call.reply.nilArray();
  else runQueued(call, queued);
  Object.assign(call, { buffer, argc, offset, length });
}

/** A client follows these, so they are answered as they are. */
const IS_REDIRECTION = /^(MOVED|ASK|TRYAGAIN|CROSSSLOT|CLUSTERDOWN) /;

/** What of the server's present state refuses one of the commands; they passed when they were queued. */
function firstObjection(call: Call, queued: readonly QueuedCommand[]): string | undefined {
  let slot = -1;
  for (const command of queued) {
    load(call, command);
    const next = call.server.executor.slotOf(call, command.command);
    if (next >= 0 && slot >= 0 && next !== slot) return ERRORS.crossSlot;
    if (next >= 0) slot = next;
    const objection = call.server.executor.objection(call, command.command);
    if (objection !== undefined) return objection;
  }
  return undefined;
}

function load(call: Call, command: QueuedCommand): void {
  call.buffer = command.buffer;
  call.argc = command.argc;
  call.offset = command.offset;
  call.length = command.length;
}

function runQueued(call: Call, queued: readonly QueuedCommand[]): void {
  const { client, server } = call;
  call.reply.array(queued.length);
  client.set(ClientFlag.inExec, true);
  server.executor.beginTransaction();
  for (const command of queued) {
    load(call, command);
    server.executor.runQueued(call, command.command);
  }
  server.executor.endTransaction(client);
  client.set(ClientFlag.inExec, false);
}

function discard(call: Call): void {
  const { client } = call;
  if (!client.has(ClientFlag.multi)) {
    call.reply.error(ERRORS.discardWithoutMulti);
    return;
  }
  resetTransaction(call, client);
  call.reply.ok();
}

function watch(call: Call): void {
  const { client } = call;
  if (client.has(ClientFlag.multi)) {
    call.reply.error(ERRORS.watchInMulti);
    return;
  }
  const { watches } = call.server.keyspace;
  for (let i = 1; i < call.argc; i++) watches.watch(client, call.db, call.copy(i));
  call.reply.ok();
}

function unwatch(call: Call): void {
  call.server.keyspace.watches.unwatchAll(call.client);
  call.reply.ok();
}

/** Leaves the transaction, if there is one, and forgets its commands and watched keys. */
export function resetTransaction(call: Call, client: Client): void {
  client.queued = undefined;
  client.queuedBytes = 0;
  client.queuesChange = false;
  client.set(ClientFlag.multi | ClientFlag.transactionFailed, false);
  call.server.keyspace.watches.unwatchAll(client);
}
