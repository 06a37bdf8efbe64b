/**
 * GROUP: the roles of servers that wait for an operator to give them (`group-lease`), a command of our own. Each subcommand ends
 * with the ticket that INFO showed when it was decided, and an old one is refused: what was on its way for long, or was decided
 * by an operator that has a successor by now, changes nothing.
 */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, ERRORS } from "./errors.ts";

const COMMON = {
  flags: ["admin", "noscript", "stale"],
  categories: ["dangerous"],
  group: "server",
  since: "7.4.0",
  complexity: "O(1)",
} as const;

const MAX_PORT = 65535;

export const groupCommands = defineCommands([
  {
    name: "group",
    arity: -2,
    flags: [],
    group: "server",
    since: "7.4.0",
    complexity: "Depends on the subcommand",
    summary: "Gives this server its role, where an operator decides on roles.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("group", "server", "7.4.0", [
      {
        ...COMMON,
        name: "lead",
        arity: 3,
        summary: "Makes a server that waits for its role the primary, with the data it has.",
        syntax: "ticket",
        run: lead,
      },
      {
        ...COMMON,
        name: "renew",
        arity: 3,
        summary: "Lets a primary go on taking writes.",
        syntax: "ticket",
        run: renew,
      },
      {
        ...COMMON,
        name: "follow",
        arity: 5,
        summary: "Makes this server the replica of another.",
        syntax: "host port ticket",
        run: follow,
      },
      {
        ...COMMON,
        name: "hold",
        arity: 3,
        summary: "Lets this server wait for its role: it keeps its data, follows nobody and serves nobody.",
        syntax: "ticket",
        run: hold,
      },
      {
        ...COMMON,
        name: "nodes",
        arity: -3,
        complexity: "O(N) where N is the size of the text",
        summary: "Writes the cluster-config-file, with which this server will start as a node of a cluster.",
        syntax: "config [ticket]",
        run: nodes,
      },
    ]),
  },
]);

/** The ticket, the last argument, is of this server and young. */
function checkTicket({ server }: Call, ticket: number): number {
  const { lease, failover } = server.replication;
  if (!lease.isOn) throw new CommandError("ERR GROUP needs group-lease to be set.");
  if (!lease.isFresh(ticket)) throw new CommandError("ERR GROUP ticket is too old.");
  if (failover.isUnderWay) throw new CommandError("ERR GROUP not allowed while failing over.");
  return ticket;
}

function lead(call: Call): void {
  const { replication, config } = call.server;
  const ticket = checkTicket(call, integerArgument(call, 2));
  if (!replication.isHeld) throw new CommandError("ERR GROUP LEAD needs a server that waits for its role.");
  replication.promote();
  replication.lease.grant(ticket);
  config.assign("replicaof", undefined);
  call.reply.ok();
}

function renew(call: Call): void {
  const { replication } = call.server;
  const ticket = checkTicket(call, integerArgument(call, 2));
  if (replication.isReplica) throw new CommandError("ERR GROUP RENEW needs a primary.");
  replication.lease.grant(ticket);
  call.reply.ok();
}

function follow(call: Call): void {
  const { replication, config } = call.server;
  const port = integerArgument(call, 3);
  if (port <= 0 || port > MAX_PORT) throw new CommandError("ERR Invalid master port");
  checkTicket(call, integerArgument(call, 4));
  const host = call.text(2);
  replication.follow(host, port);
  config.assign("replicaof", { host, port });
  call.reply.ok();
}

function hold(call: Call): void {
  const { replication, config } = call.server;
  checkTicket(call, integerArgument(call, 2));
  replication.hold();
  config.assign("replicaof", undefined);
  call.reply.ok();
}

/**
 * The file means nothing until that start. In a cluster there is but one database, so it is not written while others hold keys. A
 * server that waits for its role is going to have the one that is written: what was to give it another before comes too late.
 */
function nodes(call: Call): void {
  const { replication, keyspace, isClusterEnabled, prepareNodes } = call.server;
  if (isClusterEnabled) throw new CommandError("ERR GROUP NODES is for servers outside of a cluster.");
  if (replication.lease.isOn) {
    if (call.argc !== 4) throw new CommandError(ERRORS.syntax);
    checkTicket(call, integerArgument(call, 3));
  }
  if (keyspace.count > keyspace.database(0).count) {
    throw new CommandError("ERR GROUP NODES needs all keys in database 0, a cluster has no other.");
  }
  const problem = prepareNodes(call.text(2));
  if (problem !== undefined) throw new CommandError(`ERR GROUP NODES: ${problem}`);
  if (replication.isHeld) replication.lease.outdateTickets();
  call.reply.ok();
}
