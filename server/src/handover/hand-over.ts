/**
 * Before a server is stopped: if it is a primary that owns slots, or one outside of a cluster, the replica that has most of its
 * data takes over first, by CLUSTER FAILOVER or FAILOVER, which lose nothing. The server is left as it is where there is no such
 * replica, or where none takes over in time: an election follows then, as after a crash.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type Access, TargetConnection } from "../backup/target-connection.ts";

export interface HandOverOptions extends Access {
  readonly port: number;
  readonly timeoutMs: number;
}

const LOOK_EVERY_MS = 50;

/** Says of a shard whose servers are all stopped that each keeps its role. */
const NO_FAILOVER = "cluster-replica-no-failover";

/** What came of it, in a sentence. */
export async function handOver(options: HandOverOptions): Promise<string> {
  const own = new TargetConnection(`127.0.0.1:${options.port}`, options);
  const open = [own];
  try {
    if ((await ask(own, "CONFIG", "GET", NO_FAILOVER)).endsWith("yes")) return "Not handed over: failovers are off";
    const isInCluster = (await ask(own, "CONFIG", "GET", "cluster-enabled")).endsWith("yes");
    if (isInCluster && !ownsSlots(await ask(own, "CLUSTER", "NODES"))) return "Nothing to hand over: no slots";
    const info = await ask(own, "INFO", "replication");
    if (isReplica(info)) return "Nothing to hand over: it is a replica";
    const [best] = replicasOf(info);
    if (best === undefined) return "Nobody to hand over to: no replica is in sync";
    const address = `${best.host}:${best.port}`;
    if (isInCluster) {
      const replica = new TargetConnection(address, options);
      open.push(replica);
      await ask(replica, "CLUSTER", "FAILOVER");
    } else await ask(own, "FAILOVER", "TO", best.host, best.port, "TIMEOUT", String(options.timeoutMs));
    const endMs = Date.now() + options.timeoutMs;
    while (Date.now() < endMs) {
      if (hasHandedOver(await ask(own, "INFO", "replication"))) return `Handed over to ${address}`;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return `${address} did not take over in ${options.timeoutMs} ms`;
  } finally {
    for (const connection of open) connection.close();
  }
}

async function ask(connection: TargetConnection, ...words: readonly string[]): Promise<string> {
  const [reply] = await connection.run([words]);
  if (reply instanceof RespError) throw reply;
  return String(reply as RespValue);
}

const FIRST_SLOT = 8;

/** Slots on their way from or to another node stand in brackets. */
function ownsSlots(nodes: string): boolean {
  const mine = nodes.split("\n").find((line) => /\bmyself\b/.test(line.split(" ")[2] ?? ""));
  const fields = mine?.trim().split(" ").slice(FIRST_SLOT) ?? [];
  return fields.some((field) => !field.startsWith("["));
}

function isReplica(info: string): boolean {
  return /^role:slave/m.test(info);
}

/** FAILOVER makes it a replica before the other has said that it takes over. */
function hasHandedOver(info: string): boolean {
  return isReplica(info) && /^master_failover_state:no-failover/m.test(info) && !/^group_state:held/m.test(info);
}

interface Replica {
  readonly host: string;
  readonly port: string;
  readonly offset: number;
}

/** Those whose link is up, who has most first. */
function replicasOf(info: string): readonly Replica[] {
  const lines = info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online,offset=(\d+)/gm);
  const replicas = [...lines].map(([, host = "", port = "", offset]) => ({ host, port, offset: Number(offset) }));
  return replicas.sort((a, b) => b.offset - a.offset);
}
