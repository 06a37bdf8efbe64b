/**
 * Asks one server what the plan needs to know: its id, its table of nodes, its replication state and how much it holds.
 * Three questions, each answered in one go; what they say is parsed by topology/.
 */

import { parseClusterNodes } from "../topology/cluster-nodes.ts";
import type { NodeObservation } from "../topology/cluster-view.ts";
import { parseClusterInfo, parseNodeInfo } from "../topology/node-info.ts";
import type { NodeConnection } from "./node-connection.ts";

export async function observeNode(connection: NodeConnection): Promise<NodeObservation> {
  const entries = parseClusterNodes(await ask(connection, "CLUSTER", "NODES"));
  const self = entries.find((entry) => entry.flags.has("myself"));
  if (self === undefined) throw new Error("Failed to observe node: CLUSTER NODES names no node as myself");
  const cluster = parseClusterInfo(await ask(connection, "CLUSTER", "INFO"));
  const info = parseNodeInfo(await ask(connection, "INFO"));
  return { id: self.id, info, cluster, entries };
}

async function ask(connection: NodeConnection, ...command: readonly string[]): Promise<string> {
  const reply = await connection.command(...command);
  if (Buffer.isBuffer(reply)) return reply.toString("utf8");
  if (typeof reply === "string") return reply;
  throw new Error(`Failed to observe node: ${command.join(" ")} answered with no text`);
}
