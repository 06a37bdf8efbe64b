/** A data set of strings for simulations: how it is written as a snapshot, and loaded from that and from commands. */

import { silentLogger } from "../../observability/logger.ts";
import type { FakeClock } from "../../platform/fake-clock.ts";
import type { MemoryDisk } from "../../platform/memory-disk.ts";
import type { SnapshotOutcome } from "../persistence.ts";
import { CHECKSUM_BYTES } from "../rdb-format.ts";
import { SnapshotFile, type SnapshotFileOptions } from "../snapshot-file.ts";
import type { SnapshotTarget } from "../snapshot-target.ts";
import type { AofStartOptions } from "./aof-start.ts";

export const DIRECTORY = "/data";
const SNAPSHOT_MAGIC = "REDIS";

/** A snapshot's file as the writing thread makes it, but at once. */
export function createTarget(disk: MemoryDisk, options: SnapshotFileOptions, outcome: SnapshotOutcome): SnapshotTarget {
  const file = new SnapshotFile(disk, options);
  let isOver = false;
  const attempt = (action: () => void): void => {
    if (isOver) return;
    try {
      action();
    } catch (reason) {
      isOver = true;
      file.discard();
      outcome.failed((reason as Error).message);
    }
  };
  return {
    isFull: false,
    waitingBytes: 0,
    exchange(chunk, length) {
      attempt(() => file.write(chunk, length));
      return chunk;
    },
    end: () =>
      attempt(() => {
        const sizeBytes = file.complete();
        file.publish();
        isOver = true;
        outcome.done(sizeBytes);
      }),
    abort() {
      if (isOver) return;
      isOver = true;
      file.discard();
    },
  };
}

/** The magic of a snapshot, the length of what follows, and JSON. */
export function snapshotOf(data: ReadonlyMap<string, string>): Buffer[] {
  const body = JSON.stringify([...data]);
  const whole = Buffer.from(`${SNAPSHOT_MAGIC}${String(body.length).padStart(8)}${body}`);
  const middle = whole.length >> 1;
  return [whole.subarray(0, middle), whole.subarray(middle)];
}

export function startOptions(disk: MemoryDisk, clock: FakeClock, data: Map<string, string>): AofStartOptions {
  const place = { disk, dataDirectory: DIRECTORY, directoryName: "appendonlydir", fileName: "appendonly.aof" };
  return {
    ...{ place, clock, logger: silentLogger, allowsTruncated: true },
    knows: (bytes, offset, length) =>
      ["SELECT", "SET", "MULTI", "EXEC"].includes(bytes.toString("latin1", offset, offset + length)),
    createApplier: () => createApplier(data),
    loadSnapshot: async (file) => loadSnapshot(disk, file, data),
    hasRdbBase: true,
    writeSnapshot: (directory, name) => {
      const file = new SnapshotFile(disk, { directory, name, temporaryName: "temp.rdb", checksum: true });
      for (const piece of snapshotOf(data)) file.write(piece, piece.length);
      file.complete();
      file.publish();
    },
    loading: () => undefined,
  };
}

function loadSnapshot(disk: MemoryDisk, file: string, data: Map<string, string>): number {
  const opened = disk.openToRead(file);
  const bytes = Buffer.alloc(opened.sizeBytes);
  opened.read(bytes, 0, bytes.length, 0);
  const head = SNAPSHOT_MAGIC.length + 8;
  const length = Number(bytes.toString("latin1", SNAPSHOT_MAGIC.length, head));
  for (const [key, value] of JSON.parse(bytes.toString("latin1", head, head + length)) as [string, string][]) {
    data.set(key, value);
  }
  return head + length + CHECKSUM_BYTES;
}

/** Runs commands as a server would: those of a transaction at its EXEC. */
function createApplier(data: Map<string, string>): (commands: Buffer) => number {
  let queued: string[][] | undefined;
  return (commands) => {
    let settled = -1;
    let position = 0;
    while (position < commands.length) {
      const { words, end } = readCommand(commands, position);
      position = end;
      if (words[0] === "MULTI") queued = [];
      else if (words[0] === "EXEC") {
        for (const [, key, value] of queued ?? []) data.set(key as string, value as string);
        queued = undefined;
      } else if (words[0] === "SET") {
        if (queued === undefined) data.set(words[1] as string, words[2] as string);
        else queued.push(words);
      }
      if (queued === undefined) settled = position;
    }
    return settled;
  };
}

function readCommand(bytes: Buffer, start: number): { words: string[]; end: number } {
  let position = start;
  const line = (): number => {
    const end = bytes.indexOf("\r\n", position);
    const value = Number(bytes.toString("latin1", position + 1, end));
    position = end + 2;
    return value;
  };
  const words: string[] = [];
  for (let left = line(); left > 0; left--) {
    const length = line();
    words.push(bytes.toString("latin1", position, position + length));
    position += length + 2;
  }
  return { words, end: position };
}
