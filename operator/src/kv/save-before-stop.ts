/**
 * The last save of a server that is going to be stopped. Writes are held back first, or the save would miss some; the hold ends by
 * itself, should nobody come back.
 */

import { isSaved, parseFields } from "../topology/node-info.ts";
import type { NodeConnection } from "./node-connection.ts";

export type SaveState = "saved" | "saving" | "failed";

/** Longer than the time between two looks, and than a stop takes to be heard of. */
const HOLD_MS = 120_000;
/** The same of a server that is needed again at once, by whoever carries on. */
const PAUSE_MS = 30_000;

/**
 * Before a long sleep. Failovers are off, so that servers which stop one after another keep their roles: `kv-handover` asks for
 * the same directive.
 */
export async function holdAndSave(connection: NodeConnection): Promise<SaveState> {
  await connection.command("CONFIG", "SET", "cluster-replica-no-failover", "yes");
  return await pauseAndSave(connection, HOLD_MS);
}

export async function pauseAndSave(connection: NodeConnection, pauseMs = PAUSE_MS): Promise<SaveState> {
  await connection.command("CLIENT", "PAUSE", pauseMs, "WRITE");
  const fields = parseFields(String(await connection.command("INFO", "persistence")));
  if (fields.get("loading") === "1" || fields.get("rdb_bgsave_in_progress") === "1") return "saving";
  if (isSaved(fields)) return "saved";
  await connection.command("BGSAVE", "SCHEDULE");
  return fields.get("rdb_last_bgsave_status") === "ok" ? "saving" : "failed";
}

export async function release(connection: NodeConnection, mayFailOver: boolean): Promise<void> {
  await connection.command("CONFIG", "SET", "cluster-replica-no-failover", mayFailOver ? "no" : "yes");
  await resume(connection);
}

export async function resume(connection: NodeConnection): Promise<void> {
  await connection.command("CLIENT", "UNPAUSE");
}
