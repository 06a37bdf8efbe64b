/** A backup from beginning to end: every shard's file, then the manifest. It is whole or, as far as that is up to us, not there. */

import fs from "node:fs";
import type { Clock } from "../platform/clock.ts";
import { systemDisk } from "../platform/disk.ts";
import type { TakeBackup } from "./backup-arguments.ts";
import type { BackupPlace } from "./backup-place.ts";
import { discardBackup } from "./delete-backup.ts";
import { createManifest, MANIFEST_NAME, type Manifest, type ManifestShard } from "./manifest.ts";
import { downloadShard } from "./shard-download.ts";

export interface BackupSurroundings {
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export async function takeBackup(
  task: TakeBackup,
  place: BackupPlace,
  { clock, log }: BackupSurroundings,
): Promise<Manifest> {
  const { verify, userName, tls, name, cluster } = task;
  const { directory } = place;
  const password = task.passwordFile === "" ? "" : fs.readFileSync(task.passwordFile, "utf8").replace(/\r?\n$/, "");
  const startedAt = new Date(clock.nowMs()).toISOString();
  fs.mkdirSync(directory, { recursive: true });
  // A run before us may have come this far; what it says is not true any more once a file is replaced.
  await place.remove(MANIFEST_NAME);
  try {
    const shards: ManifestShard[] = [];
    for (const shard of task.shards) {
      const taken = await downloadShard({ disk: systemDisk, directory, shard, userName, password, tls, verify, log });
      await place.keep(taken.file, verify ? taken.sha256 : undefined);
      shards.push(taken);
    }
    const completedAt = new Date(clock.nowMs()).toISOString();
    const manifest = createManifest({ name, cluster, startedAt, completedAt, verified: verify, shards });
    await place.writeText(MANIFEST_NAME, `${JSON.stringify(manifest, undefined, 2)}\n`);
    return manifest;
  } catch (reason) {
    // That it failed is what counts; what cannot be taken away has no manifest.
    await discardBackup(place).catch((error: Error) => log(`What was written stays: ${error.message}`));
    throw reason;
  }
}
