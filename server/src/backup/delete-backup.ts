/**
 * Removes a backup: only if nothing lies there but what a backup is made of. The manifest goes first, so an interrupted removal
 * never looks like a complete backup.
 */

import type { BackupPlace } from "./backup-place.ts";
import { isOurManifest, MANIFEST_NAME } from "./manifest.ts";

const OURS = /^(shard-\d+\.rdb(\.partial)?|(manifest|restored-[\w-]+)\.json(\.tmp)?)$/;

/** False if there was none. */
export async function deleteBackup(place: BackupPlace): Promise<boolean> {
  const names = await place.list();
  if (names === undefined) return false;
  const strange = names.filter((name) => !OURS.test(name));
  if (strange.length > 0) {
    throw new Error(`Cannot delete "${place.name}": it is no backup, "${strange[0]}" lies in it`);
  }
  if (names.includes(MANIFEST_NAME)) {
    if (!isOurManifest((await place.readText(MANIFEST_NAME)) ?? "")) {
      throw new Error(`Cannot delete "${place.name}": its ${MANIFEST_NAME} is not of a backup`);
    }
    await place.remove(MANIFEST_NAME);
  }
  for (const name of names) await place.remove(name);
  await place.removeItself();
  return true;
}

/** Takes away what a failed run has written, so that it is not taken for data and leaves room on a full disk. */
export async function discardBackup(place: BackupPlace): Promise<void> {
  const names = (await place.list()) ?? [];
  for (const name of names.filter((one) => OURS.test(one))) await place.remove(name);
  if (names.every((name) => OURS.test(name)) && (await place.list())?.length === 0) await place.removeItself();
}
