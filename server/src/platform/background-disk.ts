/**
 * Files as the serving thread uses them: nothing blocks it, results come as promises. The same steps as Disk has, as far as
 * the append-only file needs them. What fails, rejects with what the system says.
 */

import fs from "node:fs";
import { type Disk, type DiskFile, NEW_TO_APPEND } from "./disk.ts";

export interface BackgroundFile {
  /** What is known to be in the file: a piece that was written in part does not count. */
  readonly sizeBytes: number;
  /** All of the pieces, in order; if it rejects, a part of them may be behind `sizeBytes`. One call at a time. */
  append(pieces: readonly Buffer[]): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sync(): Promise<void>;
  /** The same as append and sync, on the calling thread. */
  appendNow(pieces: readonly Buffer[]): void;
  syncNow(): void;
  close(): Promise<void>;
}

export interface BackgroundDisk {
  /** A new file, in place of whatever had this name. */
  create(file: string): Promise<BackgroundFile>;
  openToAppend(file: string): Promise<BackgroundFile>;
  /** A small file anew: written under the temporary name, synced, renamed, its directory synced. A crash leaves one or the other. */
  replace(file: string, temporary: string, text: string): Promise<void>;
  /** Nothing happens if there is none. */
  remove(file: string): Promise<void>;
  makeDirectory(directory: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
}

/** By the threads that Node keeps for files. */
export const systemBackgroundDisk: BackgroundDisk = {
  async create(file) {
    return new SystemBackgroundFile(await called<number>((done) => fs.open(file, NEW_TO_APPEND, done)), 0);
  },
  async openToAppend(file) {
    const descriptor = await called<number>((done) => fs.open(file, "a", done));
    const { size } = await called<fs.Stats>((done) => fs.fstat(descriptor, done));
    return new SystemBackgroundFile(descriptor, size);
  },
  async replace(file, temporary, text) {
    const opened = await this.create(temporary);
    try {
      await opened.append([Buffer.from(text)]);
      await opened.sync();
    } finally {
      await opened.close();
    }
    await fs.promises.rename(temporary, file);
    await this.syncDirectory(file.slice(0, file.lastIndexOf("/")));
  },
  remove: (file) => fs.promises.rm(file, { force: true }),
  async makeDirectory(directory) {
    await fs.promises.mkdir(directory, { recursive: true });
  },
  async syncDirectory(directory) {
    const handle = await fs.promises.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

class SystemBackgroundFile implements BackgroundFile {
  readonly #descriptor: number;
  #sizeBytes: number;

  constructor(descriptor: number, sizeBytes: number) {
    this.#descriptor = descriptor;
    this.#sizeBytes = sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(pieces: readonly Buffer[]): Promise<void> {
    let rest = pieces.filter((piece) => piece.length > 0);
    while (rest.length > 0) {
      const some = rest.slice(0, MOST_PIECES);
      const written = await called<number>((done) => fs.writev(this.#descriptor, some, done));
      rest = without(rest, written);
    }
    this.#sizeBytes += totalBytes(pieces);
  }

  appendNow(pieces: readonly Buffer[]): void {
    let rest = pieces.filter((piece) => piece.length > 0);
    if (rest.length === 1) rest = without(rest, fs.writeSync(this.#descriptor, rest[0] as Buffer));
    while (rest.length > 0) rest = without(rest, fs.writevSync(this.#descriptor, rest.slice(0, MOST_PIECES)));
    this.#sizeBytes += totalBytes(pieces);
  }

  async truncate(sizeBytes: number): Promise<void> {
    await called<void>((done) => fs.ftruncate(this.#descriptor, sizeBytes, done));
    this.#sizeBytes = sizeBytes;
  }

  sync(): Promise<void> {
    return called<void>((done) => fs.fdatasync(this.#descriptor, done));
  }

  syncNow(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  close(): Promise<void> {
    return called<void>((done) => fs.close(this.#descriptor, done));
  }
}

/** As many as the system takes in one call. */
const MOST_PIECES = 1024;

function totalBytes(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

function without(pieces: readonly Buffer[], bytes: number): Buffer[] {
  const rest = [...pieces];
  while (bytes > 0) {
    const first = rest[0] as Buffer;
    if (bytes < first.length) {
      rest[0] = first.subarray(bytes);
      return rest;
    }
    bytes -= first.length;
    rest.shift();
  }
  return rest;
}

function called<T>(start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null || error === undefined) resolve(result as T);
      else reject(error);
    });
  });
}

/** Over a Disk, for tests and simulations: each step is done when its promise is given. */
export function backgroundOver(disk: Disk): BackgroundDisk {
  const now = async <T>(step: () => T): Promise<T> => step();
  return {
    create: (file) => now(() => fileOver(disk.create(file))),
    openToAppend: (file) => now(() => fileOver(disk.openToAppend(file))),
    replace: (file, temporary, text) =>
      now(() => {
        const opened = disk.create(temporary);
        const bytes = Buffer.from(text);
        opened.append(bytes, 0, bytes.length);
        opened.sync();
        opened.close();
        disk.rename(temporary, file);
        disk.syncDirectory(file.slice(0, file.lastIndexOf("/")));
      }),
    remove: (file) => now(() => disk.remove(file)),
    makeDirectory: (directory) => now(() => disk.makeDirectory(directory)),
    syncDirectory: (directory) => now(() => disk.syncDirectory(directory)),
  };
}

function fileOver(file: DiskFile): BackgroundFile {
  let { sizeBytes } = file;
  const appendNow = (pieces: readonly Buffer[]): void => {
    const bytes = Buffer.concat(pieces);
    file.append(bytes, 0, bytes.length);
    sizeBytes += bytes.length;
  };
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    appendNow,
    syncNow: () => file.sync(),
    append: async (pieces) => appendNow(pieces),
    async truncate(size) {
      file.truncate(size);
      sizeBytes = size;
    },
    async sync() {
      file.sync();
    },
    async close() {
      file.close();
    },
  };
}
