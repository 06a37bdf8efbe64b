/**
 * A backup back into a server or cluster of any number of shards: every key goes to where its slot is. What is there already
 * is not touched unless that is asked for: the first key that exists ends it.
 *
 * With the name of a target (`--once`) it happens once, whoever starts it how often: the target must be empty, a run that was
 * cut off is gone through again, one that came to its end is not. It counts as done when every key is there, and with the
 * replicas that are connected.
 */

import fs from "node:fs";
import path from "node:path";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { RestoreBackup } from "./backup-arguments.ts";
import type { BackupPlace } from "./backup-place.ts";
import type { Manifest } from "./manifest.ts";
import { checkFile, type RestoredKey, readManifest, restoredPieces } from "./restore-files.ts";
import { openRestoreRecord, type RestoreRecord, type RestoreResult } from "./restore-record.ts";
import { RestoreTarget } from "./restore-target.ts";
import type { KeyedCommand } from "./target-connection.ts";

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
  place: BackupPlace,
  surroundings: RestoreSurroundings,
): Promise<RestoreResult> {
  const { passwordFile, once } = task;
  const { directory } = place;
  const manifest = await readManifest(place);
  const record = once === undefined ? undefined : await openRestoreRecord(place, once);
  if (record?.result !== undefined) {
    surroundings.log("Restored before: nothing is left to do");
    return record.result;
  }
  for (const shard of manifest.shards) {
    await place.fetch(shard.file);
    await checkFile(directory, shard);
  }
  const password = passwordFile === "" ? "" : fs.readFileSync(passwordFile, "utf8").replace(/\r?\n$/, "");
  const { log } = surroundings;
  const { addresses, userName, tls } = task;
  const target = await RestoreTarget.connect({ addresses, userName, password, tls, log });
  try {
    if (record !== undefined) await begin(record, target, log);
    const replace = task.replace || record !== undefined;
    const { lasting, ...written } = await writeAll({ directory, manifest, replace }, target, surroundings);
    const result = { ...written, expired: manifest.keys - written.keys };
    if (record === undefined) return result;
    await expectAll(target, lasting);
    await target.waitForReplicas();
    await record.finish(result);
    return result;
  } finally {
    target.close();
  }
}

async function begin(record: RestoreRecord, target: RestoreTarget, log: (message: string) => void): Promise<void> {
  if (record.isBegun) {
    log("Going on with a restore that was cut off: what it wrote is written again");
    return;
  }
  const keys = await target.countKeys();
  if (keys > 0) throw new Error(`The target is not empty: it holds ${keys} keys`);
  await record.begin();
}

/** A primary that was lost on the way may have taken keys with it. */
async function expectAll(target: RestoreTarget, lasting: number): Promise<void> {
  const found = await target.countKeys();
  if (found < lasting) throw new Error(`Only ${found} of ${lasting} keys are there: a primary was lost meanwhile`);
}

interface Written {
  readonly keys: number;
  readonly libraries: number;
  /** Keys that do not expire. */
  readonly lasting: number;
}

interface Source {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly replace: boolean;
}

async function writeAll(
  { directory, manifest, replace }: Source,
  target: RestoreTarget,
  { clock, random, log }: RestoreSurroundings,
): Promise<Written> {
  const total = { keys: 0, lasting: 0 };
  const known = new Set<string>();
  for (const { file, keys: expected } of manifest.shards) {
    for await (const { keys, libraries } of restoredPieces(path.join(directory, file), clock, random)) {
      // Each shard has them all.
      for (const source of libraries.filter((one) => !known.has(one.toString("latin1")))) {
        known.add(source.toString("latin1"));
        await target.runEverywhere("FUNCTION", "LOAD", "REPLACE", source);
      }
      for (const batch of batchesOf(keys)) await target.run(batch.map((key) => restoreCommand(key, replace, target)));
      total.keys += keys.length;
      total.lasting += keys.filter(({ expireAtMs }) => expireAtMs === 0).length;
    }
    log(`${file}: ${total.keys} keys so far, ${expected} in this file when it was taken`);
  }
  return { ...total, libraries: known.size };
}

function restoreCommand(
  { database, key, expireAtMs, payload }: RestoredKey,
  replace: boolean,
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
