/**
 * The end of a file as a power cut can leave it: of what was written and not synced, some sectors reached the disk and some
 * are holes, which read as zeros. Damage with such a hole in it is taken for the trace of a power cut, any other is not.
 */

import type { Disk, DiskFile } from "../../platform/disk.ts";
import { forEachPiece, forEachSector } from "../../platform/sectors.ts";

/** Whether behind `start` a sector, or the file, ends in a zero: a hole may begin in the middle of a sector that was there before. */
export function isTorn(disk: Disk, file: string, start: number): boolean {
  return reading(disk, file, (opened) => forEachSector(opened, start, (sector) => sector.at(-1) === 0));
}

/** Copies what lies behind `start` to a new file, and makes sure that it is on the disk; if it can't be, there is none. */
export function copyTail(disk: Disk, file: string, start: number, target: string): void {
  const copy = disk.create(target);
  try {
    reading(disk, file, (opened) =>
      forEachPiece(opened, start, (piece) => {
        copy.append(piece, 0, piece.length);
        return false;
      }),
    );
    copy.sync();
  } catch (reason) {
    disk.remove(target);
    throw reason;
  } finally {
    copy.close();
  }
}

function reading(disk: Disk, file: string, work: (opened: DiskFile) => boolean): boolean {
  const opened = disk.openToRead(file);
  try {
    return work(opened);
  } finally {
    opened.close();
  }
}
