/**
 * Files as the serving thread uses them: nothing blocks it, results come as promises. The same steps as Disk has, as far as
 * the append-only file needs them. What fails, rejects with what the system says.
 */

import fs from "node:fs";
import type { Disk, DiskFile } from "./disk.ts";

export interface BackgroundFile {
  /** What is known to be in the file: a piece that was written in part does not count. */
  readonly sizeBytes: number;
  /**
   * All of the pieces, in order, at `sizeBytes`, and `behind` after them, which does not count; if it rejects, a part of that
   * may be there. One call at a time.
   */
  append(pieces: readonly Buffer[], behind?: Buffer): Promise<void>;
  /** Cuts the file itself, whatever is behind `sizeBytes`. */
  truncate(sizeBytes: number): Promise<void>;
  sync(): Promise<void>;
  /** The same as append and sync, on the calling thread. */
  appendNow(pieces: readonly Buffer[], behind?: Buffer): void;
  syncNow(): void;
  /**
   * Writes what does not count at this position behind `sizeBytes`, and syncs it, beside all other calls but truncate and
   * close. It is done through another opening of the file: the system tells each of them once that a sync has failed, so
   * this one takes nothing from what `sync` has to say.
   */
  writeAhead(pieces: readonly Buffer[], position: number): Promise<void>;
  syncAhead(): Promise<void>;
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

/** A file that is only read. */
export interface ReadableFile {
  readonly sizeBytes: number;
  /** Bytes from this position on, at most so many and at least one; rejects at the end of the file. */
  read(position: number, mostBytes: number): Promise<Buffer>;
  close(): Promise<void>;
}

export async function openToRead(file: string): Promise<ReadableFile> {
  const handle = await fs.promises.open(file, "r");
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    async read(position, mostBytes) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(mostBytes), 0, mostBytes, position);
      if (bytesRead === 0) throw new Error(`"${file}" ends at ${position}, before its ${size} bytes`);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

const { O_WRONLY, O_CREAT } = fs.constants;

/** By the threads that Node keeps for files. */
export const systemBackgroundDisk: BackgroundDisk = {
  async create(file) {
    return new SystemBackgroundFile(file, await called<number>((done) => fs.open(file, "w", done)), 0);
  },
  async openToAppend(file) {
    const descriptor = await called<number>((done) => fs.open(file, O_WRONLY | O_CREAT, done));
    const { size } = await called<fs.Stats>((done) => fs.fstat(descriptor, done));
    return new SystemBackgroundFile(file, descriptor, size);
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
  readonly #name: string;
  readonly #descriptor: number;
  #ahead: number | undefined;
  #sizeBytes: number;

  constructor(name: string, descriptor: number, sizeBytes: number) {
    this.#name = name;
    this.#descriptor = descriptor;
    this.#sizeBytes = sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(pieces: readonly Buffer[], behind?: Buffer): Promise<void> {
    await writeAll(this.#descriptor, withBehind(pieces, behind), this.#sizeBytes);
    this.#sizeBytes += totalBytes(pieces);
  }

  appendNow(pieces: readonly Buffer[], behind?: Buffer): void {
    writeAllNow(this.#descriptor, withBehind(pieces, behind), this.#sizeBytes);
    this.#sizeBytes += totalBytes(pieces);
  }

  async writeAhead(pieces: readonly Buffer[], position: number): Promise<void> {
    this.#ahead ??= await this.#openAgain();
    await writeAll(this.#ahead, pieces, position);
  }

  /** By its name, which may belong to another file by now: somebody has put a copy in its place. */
  async #openAgain(): Promise<number> {
    const again = await called<number>((done) => fs.open(this.#name, O_WRONLY, done));
    try {
      const [ours, found] = await Promise.all([this.#descriptor, again].map(identify));
      if (ours === found) return again;
      throw new Error(`Cannot open "${this.#name}" once more: it is another file now`);
    } catch (reason) {
      await called<void>((done) => fs.close(again, done));
      throw reason;
    }
  }

  async syncAhead(): Promise<void> {
    const ahead = this.#ahead;
    if (ahead !== undefined) await called<void>((done) => fs.fdatasync(ahead, done));
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

  async close(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) await called<void>((done) => fs.close(ahead, done)).catch(() => undefined);
    await called<void>((done) => fs.close(this.#descriptor, done));
  }
}

async function identify(descriptor: number): Promise<string> {
  const { dev, ino } = await called<fs.BigIntStats>((done) => fs.fstat(descriptor, { bigint: true }, done));
  return `${dev}:${ino}`;
}

/** As many as the system takes in one call. */
const MOST_PIECES = 1024;

export function totalBytes(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

function withBehind(pieces: readonly Buffer[], behind: Buffer | undefined): readonly Buffer[] {
  return behind === undefined ? pieces : [...pieces, behind];
}

async function writeAll(descriptor: number, pieces: readonly Buffer[], start: number): Promise<void> {
  let rest = pieces.filter((piece) => piece.length > 0);
  let position = start;
  while (rest.length > 0) {
    const some = rest.slice(0, MOST_PIECES);
    const written = await called<number>((done) => fs.writev(descriptor, some, position, done));
    rest = without(rest, written);
    position += written;
  }
}

function writeAllNow(descriptor: number, pieces: readonly Buffer[], start: number): void {
  let rest = pieces.filter((piece) => piece.length > 0);
  let position = start;
  while (rest.length > 0) {
    const first = rest[0] as Buffer;
    const written =
      rest.length === 1
        ? fs.writeSync(descriptor, first, 0, first.length, position)
        : fs.writevSync(descriptor, rest.slice(0, MOST_PIECES), position);
    rest = without(rest, written);
    position += written;
  }
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
  const over = (file: string, opened: DiskFile): BackgroundFile =>
    new FileOverDisk(opened, () => disk.openToAppend(file));
  return {
    create: (file) => now(() => over(file, disk.create(file))),
    openToAppend: (file) => now(() => over(file, disk.openToAppend(file))),
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

class FileOverDisk implements BackgroundFile {
  readonly #file: DiskFile;
  readonly #openAgain: () => DiskFile;
  #ahead: DiskFile | undefined;
  sizeBytes: number;

  constructor(file: DiskFile, openAgain: () => DiskFile) {
    this.#file = file;
    this.#openAgain = openAgain;
    this.sizeBytes = file.sizeBytes;
  }

  appendNow(pieces: readonly Buffer[], behind?: Buffer): void {
    const bytes = Buffer.concat(withBehind(pieces, behind));
    this.#file.write(bytes, 0, bytes.length, this.sizeBytes);
    this.sizeBytes += totalBytes(pieces);
  }

  syncNow(): void {
    this.#file.sync();
  }

  async append(pieces: readonly Buffer[], behind?: Buffer): Promise<void> {
    this.appendNow(pieces, behind);
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#file.truncate(sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  async sync(): Promise<void> {
    this.#file.sync();
  }

  async writeAhead(pieces: readonly Buffer[], position: number): Promise<void> {
    this.#ahead ??= this.#openAgain();
    const bytes = Buffer.concat(pieces);
    this.#ahead.write(bytes, 0, bytes.length, position);
  }

  async syncAhead(): Promise<void> {
    this.#ahead?.sync();
  }

  async close(): Promise<void> {
    this.#ahead?.close();
    this.#file.close();
  }
}
