/**
 * CLUSTER as a whole: what it tells about the cluster, and the commands by which a client says how it wants to be served
 * there (READONLY, READWRITE, ASKING). Subcommands that change slots: cluster-slots.ts; that compare them:
 * cluster-slot-stats.ts; nodes and roles: cluster-nodes.ts.
 */

import { formatNodes } from "../cluster/nodes-conf.ts";
import { clusterInfo, links as linkViews, type NodeView, shards as shardViews, slotRanges } from "../cluster/views.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { clusterOf, inClusterOnly, VIEW_FLAGS } from "./cluster-access.ts";
import { clusterMigrationCommands } from "./cluster-migrations.ts";
import { clusterNodeCommands } from "./cluster-nodes.ts";
import { clusterSlotStatsCommands } from "./cluster-slot-stats.ts";
import { clusterSlotCommands } from "./cluster-slots.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";

const VARYING = ["nondeterministic_output"] as const;

const clusterViewCommands = defineCommands([
  {
    name: "info",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Tells the state of the cluster as this node sees it.",
    syntax: "",
    run: (call) => call.reply.verbatim(clusterInfo(clusterOf(call).state, clusterOf(call).linkLimitExceeded)),
  },
  {
    name: "myid",
    arity: 2,
    flags: VIEW_FLAGS,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Gives the id of this node.",
    syntax: "",
    run: (call) => call.reply.bulkString(clusterOf(call).myId),
  },
  {
    name: "myshardid",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "7.2.0",
    complexity: "O(1)",
    summary: "Gives the id of this node's shard.",
    syntax: "",
    run: (call) => call.reply.bulkString(clusterOf(call).state.myself.shardId),
  },
  {
    name: "nodes",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Lists all nodes with their roles, slots and links, a line each.",
    syntax: "",
    run: (call) => call.reply.verbatim(formatNodes(clusterOf(call).state, call.client)),
  },
  {
    name: "slots",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "3.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Lists the ranges of slots with the nodes that serve each.",
    syntax: "",
    run: slots,
  },
  {
    name: "shards",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "7.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Lists the shards with their slots and nodes.",
    syntax: "",
    run: shards,
  },
  {
    name: "links",
    arity: 2,
    flags: VIEW_FLAGS,
    tips: VARYING,
    group: "cluster",
    since: "7.0.0",
    complexity: "O(N) in the number of nodes",
    summary: "Lists the connections of the bus to and from other nodes.",
    syntax: "",
    run: links,
  },
]);

export const clusterCommands = defineCommands([
  {
    name: "cluster",
    arity: -2,
    flags: [],
    group: "cluster",
    since: "3.0.0",
    complexity: "Depends on the subcommand",
    summary: "Looks at the cluster and changes it.",
    syntax: "",
    run: containerOnly,
    subcommands: inClusterOnly(
      withHelp("cluster", "cluster", "5.0.0", [
        ...clusterViewCommands,
        ...clusterSlotCommands,
        ...clusterMigrationCommands,
        ...clusterSlotStatsCommands,
        ...clusterNodeCommands,
      ]),
    ),
  },
  {
    name: "readonly",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    group: "cluster",
    categories: ["connection"],
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Allows this client to read from a replica.",
    syntax: "",
    run: (call) => setClientFlag(call, ClientFlag.readOnly, true),
  },
  {
    name: "readwrite",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    group: "cluster",
    categories: ["connection"],
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Sends reads of this client to the primary again.",
    syntax: "",
    run: (call) => setClientFlag(call, ClientFlag.readOnly, false),
  },
  {
    name: "asking",
    arity: 1,
    flags: ["fast"],
    group: "cluster",
    categories: ["connection"],
    since: "3.0.0",
    complexity: "O(1)",
    summary: "Lets the next command of this client use a slot that is being imported.",
    syntax: "",
    run: (call) => setClientFlag(call, ClientFlag.asking, true),
  },
]);

function setClientFlag(call: Call, flag: number, isOn: boolean): void {
  clusterOf(call);
  call.client.set(flag, isOn);
  call.reply.ok();
}

function slots(call: Call): void {
  const { reply } = call;
  const { settings } = clusterOf(call).state;
  const ranges = slotRanges(clusterOf(call).state, call.client);
  reply.array(ranges.length);
  for (const { start, end, nodes } of ranges) {
    reply.array(2 + nodes.length);
    reply.integer(start);
    reply.integer(end);
    for (const node of nodes) {
      reply.array(4);
      endpoint(call, node);
      reply.integer(node.port);
      reply.bulkString(node.id);
      // The addresses that are not the preferred endpoint.
      const others: [string, string][] = [];
      if (settings.preferredEndpointType !== "ip") others.push(["ip", node.ip]);
      if (settings.preferredEndpointType !== "hostname" && node.hostname !== "")
        others.push(["hostname", node.hostname]);
      textMap(call, others);
    }
  }
}

function endpoint(call: Call, node: NodeView): void {
  if (node.endpoint === undefined) call.reply.nil();
  else call.reply.bulkString(node.endpoint);
}

function textMap(call: Call, pairs: readonly (readonly [string, string])[]): void {
  call.reply.map(pairs.length);
  for (const [name, value] of pairs) {
    call.reply.bulkString(name);
    call.reply.bulkString(value);
  }
}

function shards(call: Call): void {
  const { reply } = call;
  const views = shardViews(clusterOf(call).state, call.client);
  reply.array(views.length);
  for (const { ranges, nodes } of views) {
    reply.map(2);
    reply.bulkString("slots");
    reply.array(ranges.length * 2);
    for (const { start, end } of ranges) {
      reply.integer(start);
      reply.integer(end);
    }
    reply.bulkString("nodes");
    reply.array(nodes.length);
    for (const node of nodes) shardNode(call, node);
  }
}

function shardNode(call: Call, node: NodeView): void {
  const { reply } = call;
  const { isEncrypted } = clusterOf(call).state.settings;
  const ports: [name: string, port: number][] = [];
  if (!isEncrypted) ports.push(["port", node.port]);
  else if (node.plainPort !== 0) ports.push(["port", node.plainPort], ["tls-port", node.port]);
  else ports.push(["tls-port", node.port]);
  reply.map(6 + ports.length + (node.hostname === "" ? 0 : 1));
  reply.bulkString("id");
  reply.bulkString(node.id);
  for (const [name, port] of ports) {
    reply.bulkString(name);
    reply.integer(port);
  }
  reply.bulkString("ip");
  reply.bulkString(node.ip);
  reply.bulkString("endpoint");
  // CLUSTER SLOTS says nil where there is none, here Redis says "".
  reply.bulkString(node.endpoint ?? "");
  if (node.hostname !== "") {
    reply.bulkString("hostname");
    reply.bulkString(node.hostname);
  }
  reply.bulkString("role");
  reply.bulkString(node.role);
  reply.bulkString("replication-offset");
  reply.integer(node.offset);
  reply.bulkString("health");
  reply.bulkString(node.health);
}

function links(call: Call): void {
  const { reply } = call;
  const cluster = clusterOf(call);
  const views = linkViews(cluster.state);
  reply.array(views.length);
  for (const link of views) {
    const unsentBytes = cluster.unsentBytes(link.id);
    reply.map(6);
    reply.bulkString("direction");
    reply.bulkString(link.direction);
    reply.bulkString("node");
    reply.bulkString(link.nodeId);
    reply.bulkString("create-time");
    reply.integer(link.createdAt);
    reply.bulkString("events");
    reply.bulkString(unsentBytes > 0 ? "rw" : "r");
    reply.bulkString("send-buffer-allocated");
    reply.integer(unsentBytes);
    reply.bulkString("send-buffer-used");
    reply.integer(unsentBytes);
  }
}
