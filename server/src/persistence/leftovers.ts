/**
 * Temporary snapshots are named for the process that writes them, each with a number of its own: one that was given up may
 * still be written to for a moment while the next begins. Those that a crash left behind are removed at start.
 */

import path from "node:path";
import type { Disk } from "../platform/disk.ts";

const TEMPORARY = /^temp-(kv-\d+-)?\d+\.rdb$/;

export function temporarySnapshotName(processId: number, snapshot: number): string {
  return `temp-kv-${processId}-${snapshot}.rdb`;
}

/** Call only while no one else can use the directory. */
export function removeLeftovers(disk: Disk, directory: string): void {
  for (const name of disk.list(directory)) if (TEMPORARY.test(name)) disk.remove(path.join(directory, name));
}
