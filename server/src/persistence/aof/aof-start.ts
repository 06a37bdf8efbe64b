/**
 * The append-only file at the start of the server: loads what the manifest names, in order, and hands over where changes go
 * from now on. If there is none yet, the data that the server has (a snapshot, or nothing) becomes its first base: turning
 * `appendonly` on in the configuration never loses what a snapshot holds.
 */

import path from "node:path";
import type { Logger } from "../../observability/logger.ts";
import type { Clock } from "../../platform/clock.ts";
import { describeSystemError } from "../../platform/system-error.ts";
import type { LoadProgress } from "../rdb-loader.ts";
import {
  type AofPlace,
  aofDirectory,
  aofPath,
  linkAsBase,
  openManifest,
  removeRemains,
  writeManifestNow,
} from "./aof-directory.ts";
import type { KnowsCommand } from "./aof-frames.ts";
import { AofDamage, type AofLoadOutcome, loadAofFile } from "./aof-loader.ts";
import type { OpenedFiles } from "./append-only.ts";
import { FileNumbers } from "./file-numbers.ts";
import { type AofFile, EMPTY_MANIFEST, type Manifest } from "./manifest.ts";
import { copyTail, isTorn } from "./torn-tail.ts";

export interface AofStartOptions {
  readonly place: AofPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `aof-load-truncated` */
  readonly allowsTruncated: boolean;
  readonly knows: KnowsCommand;
  /** Runs whole commands of one file; gives the end of the last one that left no transaction open, −1 if there was none. */
  readonly createApplier: () => (commands: Buffer) => number;
  /** Loads the snapshot at the head of a file and gives where it ends. */
  readonly loadSnapshot: (file: string, progress: LoadProgress) => Promise<number>;
  /** `aof-use-rdb-preamble`, for a base that is made anew. */
  readonly hasRdbBase: boolean;
  /** Writes all data as a snapshot under this name, now. */
  readonly writeSnapshot: (directory: string, name: string) => void;
  readonly loading: (progress: LoadProgress | undefined) => void;
}

/** How a snapshot at the head of a file begins; a command begins otherwise. */
const SNAPSHOT_MAGICS = ["REDIS", "VALKEY"];
const LONGEST_MAGIC = 6;

/** Undefined if there is no append-only file; then nothing was touched. Rejects with the reason if it cannot be loaded. */
export async function loadAppendOnly(options: AofStartOptions): Promise<OpenedFiles | undefined> {
  const { place, clock, logger } = options;
  const opened = openManifest(place, logger);
  if (opened === undefined) return undefined;
  const manifest = removeRemains(place, opened);
  const files = [...(manifest.base === undefined ? [] : [manifest.base]), ...manifest.increments];
  const sizes = files.map((file) => sizeOf(place, file));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  const progress: LoadProgress = { startedAtMs: clock.nowMs(), totalBytes, loadedBytes: 0 };
  options.loading(progress);
  try {
    for (const [index, file] of files.entries()) {
      const isLast = sizes.slice(index + 1).every((size) => size === 0);
      await loadFile(options, file, isLast, progress);
    }
  } finally {
    options.loading(undefined);
  }
  logger.notice(
    `DB loaded from append only file: ${((clock.nowMs() - progress.startedAtMs) / 1000).toFixed(3)} seconds`,
  );
  const baseBytes = manifest.base === undefined ? 0 : (sizes[0] as number);
  const olderBytes = totalBytes - (manifest.increments.length > 0 ? (sizes.at(-1) as number) : 0);
  return { manifest, olderBytes, baseBytes };
}

function sizeOf(place: AofPlace, file: AofFile): number {
  const { disk } = place;
  if (!disk.exists(aofPath(place, file))) throw new Error(`The AOF file ${file.name} doesn't exist`);
  const opened = disk.openToRead(aofPath(place, file));
  try {
    return opened.sizeBytes;
  } finally {
    opened.close();
  }
}

async function loadFile(
  options: AofStartOptions,
  file: AofFile,
  isLast: boolean,
  progress: LoadProgress,
): Promise<void> {
  const { place, clock, knows } = options;
  const apply = options.createApplier();
  const name = aofPath(place, file);
  const startedAt = progress.loadedBytes;
  const start = hasSnapshot(place, name) ? await options.loadSnapshot(name, progress) : 0;
  progress.loadedBytes = startedAt + start;
  let outcome: AofLoadOutcome;
  try {
    outcome = await loadAofFile({ disk: place.disk, clock, file: name, start, knows, apply, progress });
  } catch (reason) {
    if (!(reason instanceof AofDamage)) throw reason;
    if (isLast && options.allowsTruncated && isTorn(place.disk, name, reason.validBytes)) {
      setAside(options, file, reason.validBytes);
      cutOff(options, file, isLast, reason);
      progress.loadedBytes = startedAt + reason.validBytes;
      return;
    }
    throw new Error(
      `${reason.reason} reading the append only file ${file.name}, at offset ${reason.offset}. Make a backup of your AOF file, then use kv-check --fix or redis-check-aof --fix`,
      { cause: reason },
    );
  }
  if (outcome.kind === "truncated") {
    if (outcome.isTorn && isLast && options.allowsTruncated) setAsideIfItFits(options, file, outcome.validBytes);
    cutOff(options, file, isLast, outcome);
  } else if (isLast && outcome.validBytes < outcome.sizeBytes) {
    cut(options, file, outcome.validBytes);
  }
  progress.loadedBytes = startedAt + outcome.sizeBytes;
}

/** A power cut can leave holes in what was not synced. What is behind them was never acknowledged, but is kept aside all the same. */
function setAside({ place, logger }: AofStartOptions, file: AofFile, validBytes: number): void {
  const name = `${file.name}.torn-at-${validBytes}`;
  copyTail(place.disk, aofPath(place, file), validBytes, aofPath(place, { ...file, name }));
  logger.warning(`The end of the AOF file ${file.name} has holes, as a power cut leaves them: it is kept in ${name}`);
}

/** Holes that filler shows are certain: on a full disk the server starts without a copy of what is behind them. */
function setAsideIfItFits(options: AofStartOptions, file: AofFile, validBytes: number): void {
  try {
    setAside(options, file, validBytes);
  } catch (reason) {
    options.logger.warning(
      `The end of the AOF file ${file.name} has holes, as a power cut leaves them, and cannot be kept: ${describeSystemError(reason)}`,
    );
  }
}

function hasSnapshot({ disk }: AofPlace, file: string): boolean {
  const opened = disk.openToRead(file);
  try {
    const head = Buffer.alloc(LONGEST_MAGIC);
    const text = head.toString("latin1", 0, opened.read(head, 0, head.length, 0));
    return SNAPSHOT_MAGICS.some((magic) => text.startsWith(magic));
  } finally {
    opened.close();
  }
}

/** What a crash left of the last command goes, if that is allowed, and only there. */
function cutOff(
  { place, logger, allowsTruncated }: AofStartOptions,
  file: AofFile,
  isLast: boolean,
  { sizeBytes, validBytes }: { readonly sizeBytes: number; readonly validBytes: number },
): void {
  const where = `the last whole command ends at offset ${validBytes}, the file at ${sizeBytes}`;
  if (!isLast || !allowsTruncated) {
    const remedy = isLast
      ? "You can: 1) Make a backup of your AOF file, then use kv-check --fix or redis-check-aof --fix. 2) Alternatively set 'aof-load-truncated' to yes and restart the server."
      : "It is not the last one, so this is no trace of a crash: restore the directory from a copy.";
    throw new Error(`Unexpected end of file reading the append only file ${file.name}: ${where}. ${remedy}`);
  }
  logger.warning(`!!! Warning: short read while loading the AOF file ${file.name}!!!`);
  logger.warning(`AOF loaded anyway because aof-load-truncated is enabled: ${where}`);
  cut({ place }, file, validBytes);
}

function cut({ place }: Pick<AofStartOptions, "place">, file: AofFile, validBytes: number): void {
  const opened = place.disk.openToAppend(aofPath(place, file));
  try {
    // Data that is not on the disk yet may get holes, which are known by the filler behind it.
    opened.sync();
    opened.truncate(validBytes);
    opened.sync();
  } catch (reason) {
    throw new Error(`Error truncating the AOF file ${file.name}: ${describeSystemError(reason)}`, { cause: reason });
  } finally {
    opened.close();
  }
}

/** Makes the first base from what is loaded, out of the snapshot file it came from if there is one. */
export function createAppendOnly(options: AofStartOptions, snapshot: string | undefined): OpenedFiles {
  const { place, logger } = options;
  const directory = aofDirectory(place);
  place.disk.makeDirectory(directory);
  const numbers = new FileNumbers(place.fileName);
  if (numbers.passOver(place.disk.list(directory))) {
    logger.warning(
      `"${directory}" has AOF files but no manifest: nothing was loaded from them, and they stay as they are`,
    );
  }
  // A snapshot file that is there becomes the base as it is.
  const base = numbers.newBase(EMPTY_MANIFEST, options.hasRdbBase || snapshot !== undefined);
  if (snapshot === undefined || !linkAsBase(place, snapshot, base)) options.writeSnapshot(directory, base.name);
  const manifest: Manifest = { ...EMPTY_MANIFEST, base };
  writeManifestNow(place, manifest);
  logger.notice(
    `Creating AOF base file ${base.name} on server start${snapshot === undefined ? "" : ` from ${path.basename(snapshot)}`}`,
  );
  const baseBytes = sizeOf(place, base);
  return { manifest, olderBytes: baseBytes, baseBytes };
}
