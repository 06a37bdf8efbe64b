/** Whole databases: FLUSHDB, FLUSHALL, SWAPDB, DBSIZE. */

import { int32Argument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

export const databaseCommands = defineCommands([
  {
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    group: "server",
    tips: ["request_policy:all_shards", "response_policy:agg_sum"],
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the number of keys in the database.",
    syntax: "",
    run: (call) => call.reply.integer(call.db.ownCount),
  },
  {
    name: "flushdb",
    arity: -1,
    flags: ["write"],
    categories: ["keyspace", "dangerous"],
    group: "server",
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    since: "1.0.0",
    complexity: "O(1); memory is freed in slices afterwards",
    summary: "Deletes all keys of the database.",
    syntax: "[ASYNC | SYNC]",
    run: (call) => flush(call, [call.db.index]),
  },
  {
    name: "flushall",
    arity: -1,
    flags: ["write"],
    categories: ["keyspace", "dangerous"],
    group: "server",
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    since: "1.0.0",
    complexity: "O(1); memory is freed in slices afterwards",
    summary: "Deletes all keys of all databases.",
    syntax: "[ASYNC | SYNC]",
    run: (call) =>
      flush(
        call,
        Array.from({ length: call.server.keyspace.databaseCount }, (_, index) => index),
      ),
  },
  {
    name: "swapdb",
    arity: 3,
    flags: ["write", "fast"],
    categories: ["keyspace", "dangerous"],
    group: "server",
    since: "4.0.0",
    complexity: "O(N) in the number of watched keys",
    summary: "Swaps two databases.",
    syntax: "index1 index2",
    run: swapdb,
  },
]);

function flush(call: Call, databases: readonly number[]): void {
  if (call.argc > 2 || (call.argc === 2 && !call.is(1, "async") && !call.is(1, "sync"))) {
    throw new CommandError(ERRORS.syntax);
  }
  for (const index of databases) call.server.keyspace.database(index).flush();
  call.server.flushed();
  call.server.keyspace.dirty++;
  call.reply.ok();
}

function swapdb(call: Call): void {
  const { keyspace, isClusterEnabled } = call.server;
  if (isClusterEnabled) throw new CommandError("ERR SWAPDB is not allowed in cluster mode");
  const first = int32Argument(call, 1, "ERR invalid first DB index");
  const second = int32Argument(call, 2, "ERR invalid second DB index");
  const isOut = (index: number): boolean => index < 0 || index >= keyspace.databaseCount;
  if (isOut(first) || isOut(second)) throw new CommandError(ERRORS.databaseIndexOutOfRange);
  keyspace.swap(first, second);
  keyspace.dirty++;
  call.reply.ok();
}
