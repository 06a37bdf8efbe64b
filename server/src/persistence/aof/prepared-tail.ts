/** What is behind the place where the data of a prepared file ends (prepared-file.ts), as a crash may have left it. */

import type { DiskFile } from "../../platform/disk.ts";
import { forEachSector, SECTOR_BYTES } from "../../platform/sectors.ts";
import type { Filler } from "./filler.ts";

export type Tail =
  /** Filler, and of what was still being prepared some sectors. */
  | { readonly kind: "filler" }
  /** Data that a power cut has left with holes; filler is behind it. */
  | { readonly kind: "torn" }
  /** Nothing but filler up to this position, and then what another server has appended. */
  | { readonly kind: "more"; readonly position: number };

/** Data ends at `position`, and filler begins. */
export function readTail(file: DiskFile, filler: Filler, position: number): Tail {
  const found = { end: -1, hasFillerBehind: false, hasZeros: true };
  forEachSector(file, position, (sector, at) => {
    look(filler, sector, at, found);
    return false;
  });
  if (found.end < 0 || found.hasZeros) return { kind: "filler" };
  return found.hasFillerBehind || found.end % SECTOR_BYTES !== 0
    ? { kind: "torn" }
    : { kind: "more", position: found.end };
}

interface Found {
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
