/** What is behind the place where the data of a prepared file ends (prepared-file.ts), as a crash may have left it. */

import type { DiskFile } from "../../platform/disk.ts";
import { type Filler, SECTOR_BYTES } from "./filler.ts";

export type Tail =
  /** Filler, and of what was still being prepared some sectors. */
  | { readonly kind: "filler" }
  /** Data that a power cut has left with holes; filler is behind it. */
  | { readonly kind: "torn" }
  /** Nothing but filler up to this position, and then what another server has appended. */
  | { readonly kind: "more"; readonly position: number };

const READ_BYTES = 128 * SECTOR_BYTES;

/** Data ends at `position`, and filler begins. */
export function readTail(file: DiskFile, filler: Filler, position: number): Tail {
  const buffer = Buffer.alloc(READ_BYTES);
  const found = { position, end: -1, hasFillerBehind: false, hasZeros: true };
  for (;;) {
    const room = READ_BYTES - (found.position % SECTOR_BYTES);
    const count = readFully(file, buffer, room, found.position);
    if (count === 0) break;
    for (let at = 0; at < count; ) {
      const end = Math.min(at + SECTOR_BYTES - ((found.position + at) % SECTOR_BYTES), count);
      look(filler, buffer.subarray(at, end), found.position + at, found);
      at = end;
    }
    found.position += count;
  }
  if (found.end < 0 || found.hasZeros) return { kind: "filler" };
  return found.hasFillerBehind || found.end % SECTOR_BYTES !== 0
    ? { kind: "torn" }
    : { kind: "more", position: found.end };
}

interface Found {
  position: number;
  /** Where something else than filler begins; −1 before that. */
  end: number;
  hasFillerBehind: boolean;
  /** Behind `end` there is nothing but zeros and filler. */
  hasZeros: boolean;
}

/** Takes the next sector into account, or the part of one that is in the file. */
function look(filler: Filler, sector: Buffer, position: number, found: Found): void {
  if (filler.continues(sector, 0, sector.length, position)) {
    if (found.end >= 0 && sector.length === SECTOR_BYTES) found.hasFillerBehind = true;
    return;
  }
  if (found.end < 0) found.end = position;
  if (!sector.every((byte) => byte === 0)) found.hasZeros = false;
}

function readFully(file: DiskFile, buffer: Buffer, room: number, position: number): number {
  let length = 0;
  while (length < room) {
    const count = file.read(buffer, length, room, position + length);
    if (count === 0) break;
    length += count;
  }
  return length;
}
