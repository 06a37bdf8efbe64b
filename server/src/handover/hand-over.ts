/**
 * Before a server is stopped: if it is a primary that owns slots, the replica that has most of its data takes over first, by
 * CLUSTER FAILOVER, which loses nothing. The server is left as it is where there is no such replica, or where none takes over
 * in time: an election follows then, as after a crash.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type Account, TargetConnection } from "../backup/target-connection.ts";

export interface HandOverOptions extends Account {
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
    if (!ownsSlots(await ask(own, "CLUSTER", "NODES"))) return "Nothing to hand over: no slots";
    const [best] = replicasOf(await ask(own, "INFO", "replication"));
    if (best === undefined) return "Nobody to hand over to: no replica is in sync";
    const replica = new TargetConnection(best.address, options);
    open.push(replica);
    await ask(replica, "CLUSTER", "FAILOVER");
    const endMs = Date.now() + options.timeoutMs;
    while (Date.now() < endMs) {
      if (/^role:slave/m.test(await ask(own, "INFO", "replication"))) return `Handed over to ${best.address}`;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return `${best.address} did not take over in ${options.timeoutMs} ms`;
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

interface Replica {
  readonly address: string;
  readonly offset: number;
}

/** Those whose link is up, who has most first. */
function replicasOf(info: string): readonly Replica[] {
  const lines = info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online,offset=(\d+)/gm);
  const replicas = [...lines].map(([, host, port, offset]) => ({ address: `${host}:${port}`, offset: Number(offset) }));
  return replicas.sort((a, b) => b.offset - a.offset);
}
