/**
 * Loads a file at start, a piece at a time: between pieces clients get their LOADING answers and the health check its
 * own. A file that is damaged, or holds what we cannot keep, stops the start; it is never touched.
 */

import type { Clock } from "../platform/clock.ts";
import { type Disk, diskErrorCode } from "../platform/disk.ts";
import { RdbError } from "./rdb-input.ts";
import { type RdbHandler, RdbReader } from "./rdb-reader.ts";

const READ_BYTES = 1 << 20;
const PIECE_BYTES = 64 << 10;
/** The event loop is let go after this. */
const BURST_US = 10_000;

export interface LoadProgress {
  readonly startedAtMs: number;
  readonly totalBytes: number;
  loadedBytes: number;
}

export interface LoadFileOptions {
  readonly disk: Disk;
  readonly file: string;
  readonly handler: RdbHandler;
  readonly verifyChecksum: boolean;
  readonly clock: Clock;
  readonly started: (progress: LoadProgress) => void;
  /** Asked between pieces; true ends the load with an error. */
  readonly isCancelled: () => boolean;
}

/** False if there is no such file. Rejects with an RdbError that names the file and the place. */
export async function loadRdbFile(options: LoadFileOptions): Promise<boolean> {
  const { disk, file, clock } = options;
  let opened: ReturnType<Disk["openToRead"]>;
  try {
    opened = disk.openToRead(file);
  } catch (reason) {
    if (diskErrorCode(reason) === "ENOENT") return false;
    throw reason;
  }
  const reader = new RdbReader(options);
  const progress = { startedAtMs: clock.nowMs(), totalBytes: opened.sizeBytes, loadedBytes: 0 };
  options.started(progress);
  try {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    while (!reader.isDone) {
      if (options.isCancelled()) throw new Error(`The load of "${file}" was given up`);
      const count = opened.read(buffer, 0, READ_BYTES, progress.loadedBytes);
      if (count === 0) break;
      await pushInBursts(reader, buffer, count, clock);
      progress.loadedBytes += count;
    }
    reader.finish();
    return true;
  } catch (reason) {
    if (!(reason instanceof RdbError)) throw reason;
    throw new Error(`Cannot load "${file}": ${reason.reason} at offset ${reason.offset || reader.offset}`, {
      cause: reason,
    });
  } finally {
    opened.close();
  }
}

async function pushInBursts(reader: RdbReader, buffer: Buffer, count: number, clock: Clock): Promise<void> {
  let endUs = clock.monotonicUs() + BURST_US;
  for (let at = 0; at < count && !reader.isDone; at += PIECE_BYTES) {
    reader.push(buffer, at, Math.min(count, at + PIECE_BYTES));
    if (clock.monotonicUs() < endUs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    endUs = clock.monotonicUs() + BURST_US;
  }
}
