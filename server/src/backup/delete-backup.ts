/**
 * Removes a backup's directory: only if nothing lies there but what a backup is made of. The manifest goes first, so an
 * interrupted removal never looks like a complete backup.
 */

import fs from "node:fs";
import path from "node:path";
import { readTextFile, systemDisk } from "../platform/disk.ts";
import { isOurManifest, MANIFEST_NAME } from "./manifest.ts";

const OURS = /^(shard-\d+\.rdb(\.partial)?|(manifest|restored-[\w-]+)\.json(\.tmp)?)$/;

/** False if there was no such directory. */
export function deleteBackup(directory: string): boolean {
  if (!fs.existsSync(directory)) return false;
  const names = fs.readdirSync(directory);
  const strange = names.filter((name) => !OURS.test(name));
  if (strange.length > 0) {
    throw new Error(`Cannot delete "${directory}": it is no backup, "${strange[0]}" lies in it`);
  }
  const manifest = path.join(directory, MANIFEST_NAME);
  if (names.includes(MANIFEST_NAME)) {
    if (!isOurManifest(readTextFile(systemDisk, manifest))) {
      throw new Error(`Cannot delete "${directory}": its ${MANIFEST_NAME} is not of a backup`);
    }
    fs.rmSync(manifest);
  }
  for (const name of names) fs.rmSync(path.join(directory, name), { force: true });
  fs.rmdirSync(directory);
  systemDisk.syncDirectory(path.dirname(path.resolve(directory)));
  return true;
}

/** Takes away what a failed run has written, so that it is not taken for data and leaves room on a full disk. */
export function discardBackup(directory: string): void {
  for (const name of fs.readdirSync(directory)) {
    if (OURS.test(name)) fs.rmSync(path.join(directory, name), { force: true });
  }
  if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
}
