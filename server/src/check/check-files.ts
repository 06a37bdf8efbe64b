/**
 * Checks what a path names: a snapshot, an append-only file of its own, a manifest with its files, a directory that holds
 * one, or a server's directory with all of these.
 * With `isFixing` the tail of the last append-only file is cut off behind its last sound command, after a copy.
 */

import path from "node:path";
import { parseManifest } from "../persistence/aof/manifest.ts";
import { copyTail } from "../persistence/aof/torn-tail.ts";
import { readTextFile } from "../platform/disk.ts";
import { type AofReport, type CheckParts, checkAof, startsWith } from "./check-aof.ts";
import { checkRdb, type RdbReport } from "./check-rdb.ts";

export interface CheckOptions extends CheckParts {
  readonly isFixing: boolean;
  readonly say: (line: string) => void;
}

/** True if everything is sound, or was made so. Throws what the disk says. */
export async function checkPath(options: CheckOptions, name: string): Promise<boolean> {
  const { disk } = options;
  if (name.endsWith(".manifest")) return checkManifest(options, name);
  const entries = entriesOf(options, name);
  if (entries.length > 0) return checkDirectory(options, name, entries);
  if (name.endsWith(".rdb") || startsWith(disk, name, ["REDIS", "VALKEY"])) {
    const report = checkRdb(disk, name, options.progress);
    // Whatever follows a sound snapshot can only be commands.
    if (report.damage !== undefined || report.bytes === sizeOf(options, name)) return tellRdb(options, name, report);
  }
  return checkAofFile(options, name, true);
}

/** None, if it is no directory. */
function entriesOf({ disk }: CheckOptions, name: string): readonly string[] {
  try {
    return disk.list(name);
  } catch {
    return [];
  }
}

/** Its manifest; else its snapshots and append-only files of their own, and the manifests one level below. */
async function checkDirectory(options: CheckOptions, name: string, entries: readonly string[]): Promise<boolean> {
  const manifest = entries.find(isManifest);
  if (manifest !== undefined) return checkManifest(options, path.join(name, manifest));
  const below = entries.filter((entry) => entriesOf(options, path.join(name, entry)).some(isManifest));
  const found = [...entries.filter((entry) => /\.(rdb|aof)$/.test(entry)), ...below];
  if (found.length === 0) throw new Error(`"${name}" is a directory without snapshots and append-only files`);
  let isSound = true;
  for (const entry of found) isSound = (await checkPath(options, path.join(name, entry))) && isSound;
  return isSound;
}

const isManifest = (name: string): boolean => name.endsWith(".manifest");

async function checkManifest(options: CheckOptions, file: string): Promise<boolean> {
  const { disk, say } = options;
  const { base, increments } = parseManifest(readTextFile(disk, file));
  const files = [...(base === undefined ? [] : [base]), ...increments];
  say(`${file}: ${files.length} files`);
  let isSound = true;
  for (const [index, { name }] of files.entries()) {
    const isLast = index === files.length - 1;
    isSound = (await checkAofFile(options, path.join(path.dirname(file), name), isLast)) && isSound;
  }
  return isSound;
}

async function checkAofFile(options: CheckOptions, file: string, isLast: boolean): Promise<boolean> {
  const report = await checkAof(options, file);
  tellAof(options, file, report);
  if (report.damage === undefined) return true;
  if (!options.isFixing) return false;
  if (!isLast || report.snapshot?.damage !== undefined) {
    options.say(`${file}: cannot be fixed: only the tail of the last append-only file can be cut off`);
    return false;
  }
  cutOff(options, file, report);
  return true;
}

function cutOff({ disk, say }: CheckOptions, file: string, { bytes, validBytes }: AofReport): void {
  const copy = `${file}.before-fix`;
  copyTail(disk, file, 0, copy);
  const opened = disk.openToAppend(file);
  try {
    opened.truncate(validBytes);
    opened.sync();
  } finally {
    opened.close();
  }
  say(`${file}: cut off from ${bytes} to ${validBytes} bytes; as it was it is in ${copy}`);
}

function tellRdb({ say }: CheckOptions, file: string, report: RdbReport): boolean {
  say(`${file}: ${describeRdb(report)}`);
  return report.damage === undefined;
}

function tellAof(
  { say }: CheckOptions,
  file: string,
  { snapshot, commands, bytes, validBytes, damage }: AofReport,
): void {
  if (snapshot !== undefined) say(`${file}: ${describeRdb(snapshot)}`);
  const isSnapshotAlone = snapshot !== undefined && commands === 0 && damage === undefined;
  if (snapshot?.damage !== undefined || isSnapshotAlone) return;
  const found = `${commands} commands, ${bytes} bytes`;
  const verdict =
    damage === undefined ? "good" : `${damage.reason} at offset ${damage.offset}; sound up to ${validBytes}`;
  say(`${file}: append-only, ${found}: ${verdict}`);
}

function describeRdb({ version, keys, keysByType, expiring, bytes, damage }: RdbReport): string {
  const types = [...keysByType].map(([type, count]) => `${type} ${count}`).join(", ");
  const found = `snapshot of version ${version}, ${keys} keys${types === "" ? "" : ` (${types})`}, ${expiring} that expire, ${bytes} bytes`;
  if (damage === undefined) return `${found}: good`;
  const where =
    damage.key === undefined ? "before the first key" : `in or behind the key ${JSON.stringify(damage.key)}`;
  return `${found}: ${damage.reason} at offset ${damage.offset}, ${where}`;
}

function sizeOf({ disk }: CheckOptions, file: string): number {
  const opened = disk.openToRead(file);
  try {
    return opened.sizeBytes;
  } finally {
    opened.close();
  }
}
