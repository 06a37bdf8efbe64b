/** WAIT and WAITAOF: a client waits until what it has written is on other servers, or on disks. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { DENIES_BLOCKING, WRITES_UNKNOWN } from "./client.ts";
import { defineCommands } from "./command.ts";
import type { AwaitedCopies } from "./context.ts";
import { CommandError } from "./errors.ts";

export const waitCommands = defineCommands([
  {
    name: "wait",
    arity: 3,
    flags: ["blocking"],
    categories: ["connection"],
    group: "generic",
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Waits until replicas have acknowledged all writes of this connection so far.",
    syntax: "numreplicas timeout",
    run: wait,
  },
  {
    name: "waitaof",
    arity: 4,
    flags: ["blocking"],
    categories: ["connection"],
    group: "generic",
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    since: "7.2.0",
    complexity: "O(1)",
    summary:
      "Waits until all writes of this connection so far are in append-only files on disks, here and on replicas.",
    syntax: "numlocal numreplicas timeout",
    run: waitAof,
  },
]);

function wait(call: Call): void {
  const { client, server, reply } = call;
  const { replicas, isReplica } = server.replication;
  const { appendOnly } = server;
  if (isReplica) {
    throw new CommandError(
      "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.",
    );
  }
  const wanted = integerArgument(call, 1);
  const timeoutMs = timeoutArgument(call, 2);
  const { writeOffset, appendOffset } = client;
  // If we died and came back as the primary without it, replicas would follow and not have it either.
  const isKept = (): boolean => !appendOnly.isOn || appendOnly.filed >= appendOffset;
  const count = (): number => (isKept() ? replicas.countAcknowledged(writeOffset) : 0);
  const copies: AwaitedCopies = { isEnough: () => count() >= wanted, answer: () => Buffer.from(`:${count()}\r\n`) };
  if (!waitFor(call, copies, timeoutMs)) reply.integer(count());
}

function waitAof(call: Call): void {
  const { client, server, reply } = call;
  const { replication, appendOnly } = server;
  const local = integerArgument(call, 1);
  if (local < 0 || local > 1) throw new CommandError("ERR value is out of range, value must between 0 and 1");
  const wanted = integerArgument(call, 2);
  if (wanted < 0) throw new CommandError("ERR value is out of range, must be positive");
  const timeoutMs = timeoutArgument(call, 3);
  if (replication.isReplica) {
    throw new CommandError(
      "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.",
    );
  }
  if (local > 0 && !appendOnly.isOn) {
    throw new CommandError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  }
  const { writeOffset, appendOffset } = client;
  const here = (): number => (appendOnly.isOn && appendOnly.durable >= appendOffset ? 1 : 0);
  const elsewhere = (): number => replication.replicas.countDurable(writeOffset);
  const copies: AwaitedCopies = {
    isEnough: () => here() >= local && elsewhere() >= wanted,
    answer: () => Buffer.from(`*2\r\n:${here()}\r\n:${elsewhere()}\r\n`),
  };
  if (waitFor(call, copies, timeoutMs)) return;
  reply.array(2);
  reply.integer(here());
  reply.integer(elsewhere());
}

/** False if there is nothing to wait for, or no way to. */
function waitFor(call: Call, copies: AwaitedCopies, timeoutMs: number): boolean {
  const { client, server } = call;
  if (copies.isEnough() || client.has(DENIES_BLOCKING)) return false;
  if (client.writeOffset === WRITES_UNKNOWN) return false;
  server.waiters.wait(client, copies, timeoutMs);
  server.replication.replicas.requestAcknowledgements();
  return true;
}

function timeoutArgument(call: Call, index: number): number {
  const timeoutMs = integerArgument(call, index, "ERR timeout is not an integer or out of range");
  if (timeoutMs < 0) throw new CommandError("ERR timeout is negative");
  return timeoutMs;
}
