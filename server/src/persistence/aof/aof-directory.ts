/**
 * What the append-only directory holds as the server starts: reads the manifest, takes over the single file of Redis before
 * version 7, makes a first base where there is none, and clears away what nobody refers to any more.
 */

import path from "node:path";
import type { Logger } from "../../observability/logger.ts";
import { type Disk, diskErrorCode, readTextFile } from "../../platform/disk.ts";
import {
  type AofFile,
  EMPTY_MANIFEST,
  formatManifest,
  type Manifest,
  ManifestError,
  parseManifest,
} from "./manifest.ts";

export interface AofPlace {
  readonly disk: Disk;
  /** `dir`, and the names below it. */
  readonly dataDirectory: string;
  readonly directoryName: string;
  readonly fileName: string;
}

const TEMPORARY_BASE = /^temp-rewriteaof-bg-\d+(-\d+)?\.aof$/;

export function aofDirectory({ dataDirectory, directoryName }: AofPlace): string {
  return path.join(dataDirectory, directoryName);
}

export function aofPath(place: AofPlace, file: AofFile): string {
  return path.join(aofDirectory(place), file.name);
}

/** Undefined if there is no append-only file of any kind. Throws with the reason if the manifest cannot be used. */
export function openManifest(place: AofPlace, logger: Logger): Manifest | undefined {
  const { disk, fileName } = place;
  const file = manifestPath(place);
  const single = path.join(place.dataDirectory, fileName);
  if (!disk.exists(file)) return isFile(disk, single) ? takeOver(place, single, logger) : undefined;
  try {
    const manifest = parseManifest(readTextFile(disk, file));
    // The crash came between the manifest and the move of the file that it names.
    if (manifest.base?.name === fileName && !disk.exists(aofPath(place, manifest.base)) && disk.exists(single)) {
      disk.rename(single, aofPath(place, manifest.base));
      syncBoth(place);
    }
    return manifest;
  } catch (reason) {
    if (!(reason instanceof ManifestError)) throw reason;
    throw new Error(`Cannot use "${file}": ${reason.message}`, { cause: reason });
  }
}

/** A directory can be opened, but not read. */
function isFile(disk: Disk, name: string): boolean {
  if (!disk.exists(name)) return false;
  const opened = disk.openToRead(name);
  try {
    opened.read(Buffer.alloc(1), 0, 1, 0);
    return true;
  } catch (reason) {
    if (diskErrorCode(reason) === "EISDIR") return false;
    throw reason;
  } finally {
    opened.close();
  }
}

/** What there is while `appendonly` is off: not loaded, but replaced by a rewrite. A manifest that cannot be read counts as none. */
export function manifestToReplace(place: AofPlace, logger: Logger): Manifest {
  const file = manifestPath(place);
  try {
    return place.disk.exists(file) ? parseManifest(readTextFile(place.disk, file)) : EMPTY_MANIFEST;
  } catch (reason) {
    logger.warning(`Cannot use "${file}": ${(reason as Error).message}`);
    return EMPTY_MANIFEST;
  }
}

function manifestPath(place: AofPlace): string {
  return path.join(aofDirectory(place), `${place.fileName}.manifest`);
}

/** The single file becomes the base of a directory, under its own name, as Redis 7 does it. */
function takeOver(place: AofPlace, single: string, logger: Logger): Manifest {
  const { disk, fileName } = place;
  const manifest: Manifest = { ...EMPTY_MANIFEST, base: { name: fileName, sequence: 1 } };
  disk.makeDirectory(aofDirectory(place));
  writeManifestNow(place, manifest);
  disk.rename(single, path.join(aofDirectory(place), fileName));
  syncBoth(place);
  logger.notice(
    `Successfully migrated an old-style AOF configuration (${fileName}) into the AOF directory (${place.directoryName}).`,
  );
  return manifest;
}

/** At start only: it blocks. */
export function writeManifestNow(place: AofPlace, manifest: Manifest): void {
  const { disk, fileName } = place;
  const directory = aofDirectory(place);
  const temporary = path.join(directory, `temp-${fileName}.manifest`);
  const bytes = Buffer.from(formatManifest(manifest));
  const opened = disk.create(temporary);
  try {
    opened.append(bytes, 0, bytes.length);
    opened.sync();
  } finally {
    opened.close();
  }
  disk.rename(temporary, manifestPath(place));
  syncBoth(place);
}

function syncBoth(place: AofPlace): void {
  place.disk.syncDirectory(aofDirectory(place));
  place.disk.syncDirectory(place.dataDirectory);
}

/** Bases that were never finished, and files that only waited to be deleted. Gives the manifest without these. */
export function removeRemains(place: AofPlace, manifest: Manifest): Manifest {
  const { disk, fileName } = place;
  const directory = aofDirectory(place);
  for (const name of disk.list(directory)) {
    if (TEMPORARY_BASE.test(name) || name === `temp-${fileName}.manifest`) disk.remove(path.join(directory, name));
  }
  if (manifest.history.length === 0) return manifest;
  for (const file of manifest.history) disk.remove(aofPath(place, file));
  const kept = { ...manifest, history: [] };
  writeManifestNow(place, kept);
  return kept;
}

/** A snapshot that is there already, whole, becomes the first base; it takes no room and no time. False if it can't. */
export function linkAsBase(place: AofPlace, snapshot: string, base: AofFile): boolean {
  const { disk } = place;
  const target = aofPath(place, base);
  try {
    disk.remove(target);
    disk.link(snapshot, target);
    return true;
  } catch {
    return false;
  }
}
