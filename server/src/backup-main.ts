/**
 * kv-backup: takes, restores and deletes backups, as a Job in Kubernetes or by hand. The result is one line of JSON on standard
 * output and in the file that Kubernetes reads; a failure is one sentence there. Exit code 0: done, 1: failed, 2: wrong use.
 */

import fs from "node:fs";
import { type BackupTask, parseBackupArguments, USAGE, UsageError } from "./backup/backup-arguments.ts";
import { type BackupPlace, directoryPlace } from "./backup/backup-place.ts";
import { deleteBackup } from "./backup/delete-backup.ts";
import type { Manifest } from "./backup/manifest.ts";
import { restoreBackup } from "./backup/restore-backup.ts";
import { takeBackup } from "./backup/take-backup.ts";
import { systemClock } from "./platform/clock.ts";
import { createSystemRandom } from "./platform/random.ts";
import { describeSystemError } from "./platform/system-error.ts";

const TERMINATION_LOG = "/dev/termination-log";
/** What Kubernetes keeps of a termination message. */
const MAX_RESULT_BYTES = 4096;

/** What the operator reads; the shards are left to the manifest where they would not fit. */
function resultOf({ keys, sizeBytes, verified, shards }: Manifest): string {
  const whole = JSON.stringify({ keys, sizeBytes, verified, shards });
  return Buffer.byteLength(whole) <= MAX_RESULT_BYTES ? whole : JSON.stringify({ keys, sizeBytes, verified });
}

async function run(task: BackupTask): Promise<string> {
  if (task.kind === "help") return USAGE.trimEnd();
  const place = await placeOf(task);
  try {
    return await runAt(task, place);
  } finally {
    place.close();
  }
}

/** The library for S3 is large: it is loaded by those who use it. */
async function placeOf({ s3, directory }: Exclude<BackupTask, { kind: "help" }>): Promise<BackupPlace> {
  return s3 === undefined ? directoryPlace(directory) : (await import("./backup/s3-place.ts")).s3Place(s3);
}

async function runAt(task: Exclude<BackupTask, { kind: "help" }>, place: BackupPlace): Promise<string> {
  const log = (message: string): void => void process.stderr.write(`${message}\n`);
  switch (task.kind) {
    case "take":
      return resultOf(await takeBackup(task, place, { clock: systemClock, log }));
    case "restore":
      return JSON.stringify(
        await restoreBackup(task, place, { clock: systemClock, random: createSystemRandom(), log }),
      );
    case "delete":
      return JSON.stringify({ deleted: await deleteBackup(place) });
  }
}

function writeResult(task: BackupTask | undefined, text: string): void {
  if (task === undefined || task.kind === "help") return;
  const file = task.resultFile ?? (fs.existsSync(TERMINATION_LOG) ? TERMINATION_LOG : undefined);
  if (file !== undefined) fs.writeFileSync(file, text);
}

async function main(words: readonly string[]): Promise<void> {
  let task: BackupTask | undefined;
  try {
    task = parseBackupArguments(words);
    const result = await run(task);
    writeResult(task, result);
    process.stdout.write(`${result}\n`);
  } catch (reason) {
    const message = describeSystemError(reason);
    process.stderr.write(`${message}\n${reason instanceof UsageError ? `\n${USAGE}` : ""}`);
    process.exitCode = reason instanceof UsageError ? 2 : 1;
    writeResult(task, message);
  }
}

await main(process.argv.slice(2));
