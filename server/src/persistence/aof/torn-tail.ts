/**
 * The end of a file as a power cut can leave it: of what was written and not synced, some sectors reached the disk and some
 * are holes, which read as zeros. Damage with such a hole in it is taken for the trace of a power cut, any other is not.
 */

import type { Disk } from "../../platform/disk.ts";

const SECTOR_BYTES = 512;
const READ_BYTES = 1 << 20;

/** Whether behind `start` a sector, or the file, ends in a zero: a hole may begin in the middle of a sector that was there before. */
export function isTorn(disk: Disk, file: string, start: number): boolean {
  return forEachPiece(disk, file, start, (piece, position) => {
    let sector = position;
    while (sector < position + piece.length) {
      const end = Math.min(sector - (sector % SECTOR_BYTES) + SECTOR_BYTES, position + piece.length);
      if (piece[end - position - 1] === 0) return true;
      sector = end;
    }
    return false;
  });
}

/** Copies what lies behind `start` to a new file, and makes sure that it is on the disk; if it can't be, there is none. */
export function copyTail(disk: Disk, file: string, start: number, target: string): void {
  const copy = disk.create(target);
  try {
    forEachPiece(disk, file, start, (piece) => {
      copy.append(piece, 0, piece.length);
      return false;
    });
    copy.sync();
  } catch (reason) {
    disk.remove(target);
    throw reason;
  } finally {
    copy.close();
  }
}

/** Pieces begin at whole sectors, but for the first. Ends, and gives true, once `found` does. */
function forEachPiece(
  disk: Disk,
  file: string,
  start: number,
  found: (piece: Buffer, position: number) => boolean,
): boolean {
  const opened = disk.openToRead(file);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  try {
    let position = start;
    for (;;) {
      const count = opened.read(buffer, 0, READ_BYTES - (position % SECTOR_BYTES), position);
      if (count === 0) return false;
      if (found(buffer.subarray(0, count), position)) return true;
      position += count;
    }
  } finally {
    opened.close();
  }
}
