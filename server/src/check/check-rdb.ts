/** Reads a snapshot to its end, in a file of its own or at the head of an append-only file, and says where it breaks. */

import { RdbError } from "../persistence/rdb-input.ts";
import { RdbReader } from "../persistence/rdb-reader.ts";
import type { Disk } from "../platform/disk.ts";
import { CountingHandler } from "./counting-handler.ts";

export interface Damage {
  readonly reason: string;
  readonly offset: number;
  /** The key that was read last, in or behind which the damage is; bytes as latin1. */
  readonly key: string | undefined;
}

export interface RdbReport {
  readonly version: number;
  readonly keys: number;
  readonly keysByType: ReadonlyMap<string, number>;
  readonly expiring: number;
  /** Where the snapshot ends. */
  readonly bytes: number;
  readonly damage: Damage | undefined;
}

const READ_BYTES = 1 << 20;

/** `progress` is told how many bytes were read. Throws what the disk says. */
export function checkRdb(disk: Disk, file: string, progress: (bytes: number) => void): RdbReport {
  const handler = new CountingHandler();
  const reader = new RdbReader({ handler, verifyChecksum: true });
  const damage = readAll(disk, file, reader, progress);
  const { keys, keysByType, expiring, lastKey } = handler;
  return {
    ...{ version: reader.version, keys, keysByType, expiring, bytes: reader.offset },
    damage: damage === undefined ? undefined : { ...damage, key: lastKey },
  };
}

function readAll(
  disk: Disk,
  file: string,
  reader: RdbReader,
  progress: (bytes: number) => void,
): Omit<Damage, "key"> | undefined {
  const opened = disk.openToRead(file);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let position = 0;
  try {
    while (!reader.isDone) {
      const count = opened.read(buffer, 0, READ_BYTES, position);
      if (count === 0) reader.finish();
      else reader.push(buffer, 0, count);
      position += count;
      progress(position);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    return { reason: error.reason, offset: error.offset || reader.offset };
  } finally {
    opened.close();
  }
}
