/** A backup from beginning to end: every shard's file, then the manifest. It is whole or, as far as that is up to us, not there. */

import fs from "node:fs";
import path from "node:path";
import type { Clock } from "../platform/clock.ts";
import { replaceTextFile, systemDisk } from "../platform/disk.ts";
import type { TakeBackup } from "./backup-arguments.ts";
import { discardBackup } from "./delete-backup.ts";
import { createManifest, MANIFEST_NAME, type Manifest, type ManifestShard } from "./manifest.ts";
import { downloadShard } from "./shard-download.ts";

export interface BackupSurroundings {
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export async function takeBackup(task: TakeBackup, { clock, log }: BackupSurroundings): Promise<Manifest> {
  const { directory, verify, userName, tls, name, cluster } = task;
  const password = task.passwordFile === "" ? "" : fs.readFileSync(task.passwordFile, "utf8").replace(/\r?\n$/, "");
  const startedAt = new Date(clock.nowMs()).toISOString();
  fs.mkdirSync(directory, { recursive: true });
  const manifestFile = path.join(directory, MANIFEST_NAME);
  // A run before us may have come this far; what it says is not true any more once a file is replaced.
  systemDisk.remove(manifestFile);
  try {
    const shards: ManifestShard[] = [];
    for (const shard of task.shards) {
      shards.push(await downloadShard({ disk: systemDisk, directory, shard, userName, password, tls, verify, log }));
    }
    const completedAt = new Date(clock.nowMs()).toISOString();
    const manifest = createManifest({ name, cluster, startedAt, completedAt, verified: verify, shards });
    replaceTextFile(systemDisk, manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);
    return manifest;
  } catch (reason) {
    discardBackup(directory);
    throw reason;
  }
}
