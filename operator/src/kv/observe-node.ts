/**
 * Asks one server what the plan needs to know: its id, its table of nodes, its replication state and how much it holds, and slots on the move.
 * Four questions, each answered in one go; what they say is parsed by topology/.
 */

import { parseClusterNodes } from "../topology/cluster-nodes.ts";
import type { NodeObservation } from "../topology/cluster-view.ts";
import { parseClusterInfo, parseNodeInfo } from "../topology/node-info.ts";
import { parseSlotMigrations, type SlotMigration } from "../topology/slot-migration.ts";
import { NodeCommandError, type NodeConnection } from "./node-connection.ts";

export async function observeNode(connection: NodeConnection): Promise<NodeObservation> {
  const entries = parseClusterNodes(await ask(connection, "CLUSTER", "NODES"));
  const self = entries.find((entry) => entry.flags.has("myself"));
  if (self === undefined) throw new Error("Failed to observe node: CLUSTER NODES names no node as myself");
  const cluster = parseClusterInfo(await ask(connection, "CLUSTER", "INFO"));
  const info = parseNodeInfo(await ask(connection, "INFO"));
  return { id: self.id, info, cluster, entries, migrations: await askMigrations(connection) };
}

/** A server that knows no such command cannot move slots; it answers with an error. */
async function askMigrations(connection: NodeConnection): Promise<readonly SlotMigration[] | undefined> {
  try {
    return parseSlotMigrations(await connection.command("CLUSTER", "GETSLOTMIGRATIONS"));
  } catch (error) {
    if (error instanceof NodeCommandError) return undefined;
    throw error;
  }
}

async function ask(connection: NodeConnection, ...command: readonly string[]): Promise<string> {
  const reply = await connection.command(...command);
  if (Buffer.isBuffer(reply)) return reply.toString("utf8");
  if (typeof reply === "string") return reply;
  throw new Error(`Failed to observe node: ${command.join(" ")} answered with no text`);
}
