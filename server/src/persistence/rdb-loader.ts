/**
 * Loads a file at start, a piece at a time: between pieces clients get their LOADING answers and the health check its
 * own. A file that is damaged, or holds what we cannot keep, stops the start; it is never touched.
 */

import type { Clock } from "../platform/clock.ts";
import { type Disk, type DiskFile, diskErrorCode } from "../platform/disk.ts";
import { RdbError } from "./rdb-input.ts";
import { RdbReader, type RdbReaderOptions } from "./rdb-reader.ts";

const READ_BYTES = 1 << 20;
const PIECE_BYTES = 64 << 10;
/** The event loop is let go after this, unless somebody wants it sooner. */
const BURST_US = 10_000;
/** What takes no longer than a few milliseconds is loaded at once: better a reply a little later than an error. */
const AT_ONCE_BYTES = 256 << 10;
/** A delay that is asked for is looked at again after this. */
const DELAY_STEP_MS = 20;

export interface LoadProgress {
  readonly startedAtMs: number;
  readonly totalBytes: number;
  loadedBytes: number;
}

export interface LoadFileOptions extends RdbReaderOptions {
  readonly disk: Disk;
  readonly file: string;
  readonly clock: Clock;
  readonly started: (progress: LoadProgress) => void;
  /** Asked between pieces; true ends the load with an error. */
  readonly isCancelled: () => boolean;
  /** How long each key is to take at least: `key-load-delay`, 0 but in tests. */
  readonly keyDelayUs: () => number;
  readonly keysLoaded: () => number;
  /** Of a load that this file is a part of. */
  readonly within?: LoadProgress;
  /** Told before and after each piece. */
  readonly around?: (isLoading: boolean) => void;
  /** The event loop is let go after so long. */
  readonly burstUs?: number;
}

/** Gives how many bytes the snapshot has; undefined if there is no such file. Rejects with an error that names the file and the place. */
export async function loadRdbFile(options: LoadFileOptions): Promise<number | undefined> {
  const { disk, file, clock, isCancelled, around, burstUs = BURST_US } = options;
  const load = openLoad(disk, file, options);
  if (load === undefined) return undefined;
  const own = { startedAtMs: clock.nowMs(), totalBytes: load.sizeBytes, loadedBytes: 0 };
  const progress = options.within ?? own;
  const loadedBefore = progress.loadedBytes;
  options.started(progress);
  const isSmall = load.sizeBytes <= AT_ONCE_BYTES;
  let endUs = clock.monotonicUs() + burstUs;
  const delay = new LoadDelay(options);
  try {
    for (let isDone = false; !isDone; ) {
      around?.(true);
      try {
        isDone = !load.step();
      } finally {
        around?.(false);
      }
      progress.loadedBytes = loadedBefore + load.loadedBytes;
      delay.add();
      if ((isSmall || clock.monotonicUs() < endUs) && !delay.isDue) continue;
      do {
        await delay.pass();
        if (isCancelled()) throw new Error(`The load of "${file}" was given up`);
      } while (delay.isDue);
      endUs = clock.monotonicUs() + burstUs;
    }
    return load.consumedBytes;
  } finally {
    load.close();
  }
}

/** Makes a load as slow as it is told, without keeping the event loop. */
class LoadDelay {
  readonly #options: LoadFileOptions;
  #keys: number;
  #untilUs = 0;

  constructor(options: LoadFileOptions) {
    this.#options = options;
    this.#keys = options.keysLoaded();
  }

  /** Keys have been loaded. */
  add(): void {
    const { keysLoaded, keyDelayUs, clock } = this.#options;
    const keys = keysLoaded();
    const delayUs = keyDelayUs();
    if (delayUs > 0) this.#untilUs = Math.max(this.#untilUs, clock.monotonicUs()) + (keys - this.#keys) * delayUs;
    this.#keys = keys;
  }

  get isDue(): boolean {
    return this.#untilUs > 0 && this.#options.keyDelayUs() > 0 && this.#options.clock.monotonicUs() < this.#untilUs;
  }

  /** A turn of the event loop, or a while of the delay. */
  async pass(): Promise<void> {
    if (this.isDue) await new Promise<void>((resolve) => this.#options.clock.after(DELAY_STEP_MS, resolve));
    else await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** The same at once, while nothing else runs. */
export function loadRdbFileNow(disk: Disk, file: string, options: RdbReaderOptions): boolean {
  const load = openLoad(disk, file, options);
  if (load === undefined) return false;
  try {
    while (load.step());
    return true;
  } finally {
    load.close();
  }
}

function openLoad(disk: Disk, file: string, options: RdbReaderOptions): FileLoad | undefined {
  try {
    return new FileLoad(disk.openToRead(file), file, new RdbReader(options));
  } catch (reason) {
    if (diskErrorCode(reason) === "ENOENT") return undefined;
    throw reason;
  }
}

class FileLoad {
  readonly #opened: DiskFile;
  readonly #file: string;
  readonly #reader: RdbReader;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #filled = 0;
  #position = 0;
  #readBytes = 0;

  constructor(opened: DiskFile, file: string, reader: RdbReader) {
    this.#opened = opened;
    this.#file = file;
    this.#reader = reader;
  }

  get sizeBytes(): number {
    return this.#opened.sizeBytes;
  }

  get loadedBytes(): number {
    return this.#readBytes - this.#filled + this.#position;
  }

  /** Where the snapshot ended, once it did. */
  get consumedBytes(): number {
    return this.#reader.offset;
  }

  /** Loads the next piece; false once the file is loaded whole. */
  step(): boolean {
    try {
      if (this.#position === this.#filled) this.#refill();
      const end = Math.min(this.#filled, this.#position + PIECE_BYTES);
      this.#reader.push(this.#buffer, this.#position, end);
      this.#position = end;
      return !this.#reader.isDone;
    } catch (reason) {
      if (!(reason instanceof RdbError)) throw reason;
      // What the loader itself refuses has no place of its own: it is where the reader is.
      const offset = reason.offset || this.#reader.offset;
      throw new Error(`Cannot load "${this.#file}": ${reason.reason} at offset ${offset}`, { cause: reason });
    }
  }

  close(): void {
    this.#opened.close();
  }

  #refill(): void {
    this.#filled = this.#opened.read(this.#buffer, 0, READ_BYTES, this.#readBytes);
    this.#readBytes += this.#filled;
    this.#position = 0;
    if (this.#filled === 0) this.#reader.finish();
  }
}
