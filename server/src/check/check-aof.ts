/** Reads an append-only file to its end: the snapshot at its head, if it has one, and its commands, without running them. */

import { AofDamage, loadAofFile } from "../persistence/aof/aof-loader.ts";
import type { Clock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import { checkRdb, type Damage, type RdbReport } from "./check-rdb.ts";

export interface AofReport {
  readonly snapshot: RdbReport | undefined;
  readonly commands: number;
  readonly bytes: number;
  /** Up to where everything is sound and no transaction is open. */
  readonly validBytes: number;
  readonly damage: Damage | undefined;
}

export interface CheckParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly progress: (bytes: number) => void;
}

/** Throws what the disk says. */
export async function checkAof({ disk, clock, progress }: CheckParts, file: string): Promise<AofReport> {
  const snapshot = startsWith(disk, file, ["REDIS", "VALKEY"]) ? checkRdb(disk, file, progress) : undefined;
  const commands = new CommandCounter();
  const start = snapshot?.bytes ?? 0;
  const found = { snapshot, commands: 0, bytes: start, validBytes: start, damage: snapshot?.damage };
  if (snapshot?.damage !== undefined) return found;
  const knows = (bytes: Buffer, offset: number, length: number): boolean => {
    commands.next(bytes.toString("latin1", offset, offset + length));
    return true;
  };
  const apply = (frames: Buffer): number => (commands.isInTransaction ? -1 : frames.length);
  const loading = { startedAtMs: 0, totalBytes: 0, loadedBytes: start };
  try {
    const outcome = await loadAofFile({ disk, clock, file, start, knows, apply, progress: loading, commandsAtOnce: 1 });
    const bytes = outcome.sizeBytes;
    if (outcome.kind === "whole") return { ...found, commands: commands.count, bytes, validBytes: bytes };
    const { validBytes } = outcome;
    const damage = { reason: whyTruncated(commands, outcome.isTorn), offset: validBytes, key: undefined };
    return { ...found, commands: commands.count, bytes, validBytes, damage };
  } catch (error) {
    if (!(error instanceof AofDamage)) throw error;
    const { offset, validBytes, sizeBytes } = error;
    const damage = { reason: "What stands here is no command", offset, key: undefined };
    return { ...found, commands: commands.count, bytes: sizeBytes, validBytes, damage };
  }
}

function whyTruncated(commands: CommandCounter, isTorn: boolean): string {
  if (isTorn) return "What was written last has holes, as a power cut leaves them";
  return commands.isInTransaction ? "A transaction is not finished" : "A command is not finished";
}

export function startsWith(disk: Disk, file: string, heads: readonly string[]): boolean {
  const opened = disk.openToRead(file);
  try {
    const bytes = Buffer.alloc(16);
    const text = bytes.toString("latin1", 0, opened.read(bytes, 0, bytes.length, 0));
    return heads.some((head) => text.startsWith(head));
  } finally {
    opened.close();
  }
}

class CommandCounter {
  count = 0;
  isInTransaction = false;

  next(name: string): void {
    const lower = name.toLowerCase();
    this.count++;
    if (lower === "multi") this.isInTransaction = true;
    else if (lower === "exec") this.isInTransaction = false;
  }
}
