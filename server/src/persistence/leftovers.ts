/**
 * Temporary snapshots are named for the process that writes them, each with a number of its own: one that was given up may
 * still be written to for a moment while the next begins. Those that a crash left behind are removed at start: servers that
 * save nothing may share a directory, so a file whose process lives is somebody's.
 */

import path from "node:path";
import type { Disk } from "../platform/disk.ts";

const TEMPORARY = /^temp-(?:kv-)?(\d+)(?:-\d+)?\.rdb$/;

export function temporarySnapshotName(processId: number, snapshot: number): string {
  return `temp-kv-${processId}-${snapshot}.rdb`;
}

export function removeLeftovers(disk: Disk, directory: string, isInUse: (processId: number) => boolean): void {
  for (const name of disk.list(directory)) {
    const processId = TEMPORARY.exec(name)?.[1];
    if (processId !== undefined && !isInUse(Number(processId))) disk.remove(path.join(directory, name));
  }
}
