/** CLUSTER subcommands that change which nodes there are and what role this one has. */

import { isIPv4, isIPv6, SocketAddress } from "node:net";
import {
  findNode,
  forget as forgetNode,
  meet as meetNode,
  replicate as replicateNode,
  reset as resetNode,
  failover as startFailover,
} from "../cluster/admin.ts";
import { isPrimary } from "../cluster/cluster-node.ts";
import { countReports } from "../cluster/failure.ts";
import { formatNode } from "../cluster/nodes-conf.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ADMIN_FLAGS, ADMIN_READ_FLAGS, changeCluster, clusterOf } from "./cluster-access.ts";
import { defineCommands } from "./command.ts";
import { CommandError, cString, ERRORS } from "./errors.ts";

const MAX_PORT = 65_535;
const BUS_PORT_OFFSET = 10_000;

export const clusterNodeCommands = defineCommands([
  {
    name: "meet",
    arity: -4,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Introduces this node to another, and with it to its cluster.",
    syntax: "ip port [cluster-bus-port]",
    run: meet,
  },
  {
    name: "forget",
    arity: 3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Removes a node, and does not take it back from gossip for a minute.",
    syntax: "node-id",
    run: (call) => changeCluster(call, (state) => forgetNode(state, call.text(2))),
  },
  {
    name: "replicate",
    arity: 3,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Makes this node a replica of a primary.",
    syntax: "node-id",
    run: (call) => changeCluster(call, (state) => replicateNode(state, call.text(2))),
  },
  {
    name: "failover",
    arity: -2,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Makes this replica the primary of its shard.",
    syntax: "[FORCE | TAKEOVER]",
    run: failover,
  },
  {
    name: "reset",
    arity: -2,
    flags: ["admin", "noscript", "stale"],
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of nodes; a replica also drops its data",
    summary: "Forgets the cluster; HARD also takes a new node id.",
    syntax: "[HARD | SOFT]",
    run: reset,
  },
  {
    name: "saveconfig",
    arity: 2,
    flags: ADMIN_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Writes nodes.conf now.",
    syntax: "",
    run: saveConfig,
  },
  ...(["replicas", "slaves"] as const).map((name) => ({
    name,
    arity: 3,
    flags: ADMIN_READ_FLAGS,
    tips: ["nondeterministic_output"],
    group: "cluster",
    since: name === "replicas" ? "5.0.0" : "3.0.0",
    complexity: "O(N) in the number of replicas",
    summary: "Lists the replicas of a primary.",
    syntax: "node-id",
    run: replicas,
  })),
  {
    name: "count-failure-reports",
    arity: 3,
    flags: ADMIN_READ_FLAGS,
    tips: ["nondeterministic_output"],
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of reports",
    summary: "Counts the primaries that say a node is down.",
    syntax: "node-id",
    run: countFailureReports,
  },
]);

function meet(call: Call): void {
  if (call.argc > 5) throw new CommandError(wrongForm("meet"));
  const ip = call.text(2);
  const port = integerArgument(call, 3, `ERR Invalid TCP base port specified: ${cString(call.text(3))}`);
  const busPort =
    call.argc === 5
      ? integerArgument(call, 4, `ERR Invalid TCP bus port specified: ${cString(call.text(4))}`)
      : port + BUS_PORT_OFFSET;
  const address = canonicalAddress(ip);
  if (address === undefined || port <= 0 || port > MAX_PORT || busPort <= 0 || busPort > MAX_PORT) {
    throw new CommandError(`ERR Invalid node address specified: ${ip}:${cString(call.text(3))}`);
  }
  changeCluster(call, (state) => meetNode(state, address, port, busPort));
}

/** An IPv6 address as all nodes write it, so that they take it for the same: "0:0::1" is "::1". Zones mean nothing to others. */
function canonicalAddress(ip: string): string | undefined {
  if (isIPv4(ip)) return ip;
  return isIPv6(ip) && !ip.includes("%") ? new SocketAddress({ address: ip, family: "ipv6" }).address : undefined;
}

function failover(call: Call): void {
  if (call.argc > 3) throw new CommandError(wrongForm("failover"));
  const isForced = call.argc === 3 && call.is(2, "force");
  const isTakeover = call.argc === 3 && call.is(2, "takeover");
  if (call.argc === 3 && !isForced && !isTakeover) throw new CommandError(ERRORS.syntax);
  changeCluster(call, (state) => startFailover(state, isTakeover ? "takeover" : isForced ? "force" : "normal"));
}

function reset(call: Call): void {
  if (call.argc > 3) throw new CommandError(wrongForm("reset"));
  const isHard = call.argc === 3 && call.is(2, "hard");
  if (call.argc === 3 && !isHard && !call.is(2, "soft")) throw new CommandError(ERRORS.syntax);
  const { myself } = clusterOf(call).state;
  const { keyspace } = call.server;
  const isEmpty = clusterOf(call).state.facts.keyspaceIsEmpty();
  if (isPrimary(myself) && !isEmpty) {
    throw new CommandError("ERR CLUSTER RESET can't be called with master nodes containing keys");
  }
  if (!isEmpty) {
    for (let index = 0; index < keyspace.databaseCount; index++) keyspace.database(index).flush();
    call.server.flushed();
  }
  changeCluster(call, (state) => resetNode(state, isHard));
}

function saveConfig(call: Call): void {
  try {
    clusterOf(call).saveConfig();
  } catch (error) {
    throw new CommandError(`ERR error saving the cluster node config: ${(error as Error).message}`);
  }
  call.reply.ok();
}

function replicas(call: Call): void {
  const { state } = clusterOf(call);
  const node = nodeArgument(call);
  if (!isPrimary(node)) throw new CommandError("ERR The specified node is not a master");
  call.reply.array(node.replicas.length);
  for (const replica of node.replicas) call.reply.bulkString(formatNode(state, replica, call.client));
}

function countFailureReports(call: Call): void {
  call.reply.integer(countReports(clusterOf(call).state, nodeArgument(call)));
}

function nodeArgument(call: Call) {
  const node = findNode(clusterOf(call).state, call.text(2));
  if (node === undefined) throw new CommandError(`ERR Unknown node ${cString(call.text(2))}`);
  return node;
}

function wrongForm(name: string): string {
  return `ERR unknown subcommand or wrong number of arguments for '${name}'. Try CLUSTER HELP.`;
}
