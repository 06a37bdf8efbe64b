/**
 * A backup back into a server or cluster of any number of shards: every key goes to where its slot is. What is there already
 * is not touched unless that is asked for: then the first key that exists ends it.
 */

import fs from "node:fs";
import path from "node:path";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { RestoreBackup } from "./backup-arguments.ts";
import { checkFile, type RestoredKey, readManifest, restoredPieces } from "./restore-files.ts";
import { type KeyedCommand, RestoreTarget } from "./restore-target.ts";

export interface RestoreResult {
  readonly keys: number;
  readonly libraries: number;
  /** Their time has passed since the backup was taken. */
  readonly expired: number;
}

export interface RestoreSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (message: string) => void;
}

/** Commands that are sent before their replies are waited for. */
const BATCH_COMMANDS = 200;
const BATCH_BYTES = 8 << 20;

export async function restoreBackup(
  task: RestoreBackup,
  { clock, random, log }: RestoreSurroundings,
): Promise<RestoreResult> {
  const { directory } = task;
  const manifest = readManifest(directory);
  for (const shard of manifest.shards) await checkFile(directory, shard);
  const password = task.passwordFile === "" ? "" : fs.readFileSync(task.passwordFile, "utf8").replace(/\r?\n$/, "");
  const target = await RestoreTarget.connect({ addresses: task.addresses, userName: task.userName, password, log });
  const total = { keys: 0, libraries: 0 };
  const known = new Set<string>();
  try {
    for (const { file, keys: expected } of manifest.shards) {
      for await (const { keys, libraries } of restoredPieces(path.join(directory, file), clock, random)) {
        // Each shard has them all.
        for (const source of libraries.filter((one) => !known.has(one.toString("latin1")))) {
          known.add(source.toString("latin1"));
          await target.runEverywhere("FUNCTION", "LOAD", "REPLACE", source);
        }
        for (const batch of batchesOf(keys)) await target.run(batch.map((key) => restoreCommand(key, task, target)));
        total.keys += keys.length;
      }
      log(`${file}: ${total.keys} keys so far, ${expected} in this file when it was taken`);
    }
  } finally {
    target.close();
  }
  return { keys: total.keys, libraries: known.size, expired: manifest.keys - total.keys };
}

function restoreCommand(
  { database, key, expireAtMs, payload }: RestoredKey,
  { replace }: RestoreBackup,
  { isCluster }: RestoreTarget,
): KeyedCommand {
  if (isCluster && database !== 0) throw new Error(`A cluster has no database ${database}, where the backup has keys`);
  const options = [...(expireAtMs === 0 ? [] : ["ABSTTL"]), ...(replace ? ["REPLACE"] : [])];
  return { key, database, words: ["RESTORE", key, String(expireAtMs), payload, ...options] };
}

function* batchesOf(keys: readonly RestoredKey[]): Generator<readonly RestoredKey[]> {
  let batch: RestoredKey[] = [];
  let bytes = 0;
  for (const key of keys) {
    batch.push(key);
    bytes += key.payload.length;
    if (batch.length < BATCH_COMMANDS && bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
