/** A file as a row of sectors, which a disk writes whole or not at all. */

import type { DiskFile } from "./disk.ts";

export const SECTOR_BYTES = 512;
const READ_BYTES = 1 << 20;

/** What lies behind `start`: pieces end with whole sectors, but for the last. Ends, and gives true, once `found` does. */
export function forEachPiece(
  file: DiskFile,
  start: number,
  found: (piece: Buffer, position: number) => boolean,
): boolean {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = start; ; ) {
    const length = readFully(file, buffer, READ_BYTES - (position % SECTOR_BYTES), position);
    if (length === 0) return false;
    if (found(buffer.subarray(0, length), position)) return true;
    position += length;
  }
}

/** The same for each sector; of the first only what lies behind `start`, of the last what is in the file. */
export function forEachSector(
  file: DiskFile,
  start: number,
  found: (sector: Buffer, position: number) => boolean,
): boolean {
  return forEachPiece(file, start, (piece, position) => {
    for (let at = 0; at < piece.length; ) {
      const end = Math.min(at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES), piece.length);
      if (found(piece.subarray(at, end), position + at)) return true;
      at = end;
    }
    return false;
  });
}

/** Less than `room` only at the end of the file. */
function readFully(file: DiskFile, buffer: Buffer, room: number, position: number): number {
  let length = 0;
  while (length < room) {
    const count = file.read(buffer, length, room, position + length);
    if (count === 0) break;
    length += count;
  }
  return length;
}
