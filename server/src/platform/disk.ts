/**
 * Files as a port, with just the steps that durability is made of. Writes may sit in caches until `sync`; a created,
 * renamed or removed name may be forgotten by a power cut until `syncDirectory`. All calls block: they run at start, in
 * SAVE and in worker threads, never in the middle of serving. They throw what the system says, with its `code`.
 */

import fs from "node:fs";
import path from "node:path";

export interface DiskFile {
  /** Writes all of `bytes[start..end)` at the end of the file. */
  append(bytes: Buffer, start: number, end: number): void;
  /** Writes all of `bytes[start..end)` over what is there from this position on, which is in the file or at its end. */
  write(bytes: Buffer, start: number, end: number, position: number): void;
  /** Reads into `bytes[start..end)` from this position; gives the number of bytes, 0 at the end of the file. */
  read(bytes: Buffer, start: number, end: number, position: number): number;
  readonly sizeBytes: number;
  /** Cuts off what is behind this size. */
  truncate(sizeBytes: number): void;
  sync(): void;
  close(): void;
}

export interface Disk {
  /** A new file to write, in place of whatever had this name. */
  create(file: string): DiskFile;
  /** As create, but throws EEXIST where the name is taken. */
  createNew(file: string): DiskFile;
  openToRead(file: string): DiskFile;
  /** To write behind what the file holds; made if there is none. */
  openToAppend(file: string): DiskFile;
  /** Another name for the same content; throws EEXIST where the name is taken. */
  link(from: string, to: string): void;
  /** Nothing happens if it is there. */
  makeDirectory(directory: string): void;
  exists(file: string): boolean;
  list(directory: string): string[];
  /** Replaces what has the new name. */
  rename(from: string, to: string): void;
  /** Nothing happens if there is none. */
  remove(file: string): void;
  syncDirectory(directory: string): void;
}

const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;

export const systemDisk: Disk = {
  create: (file) => new SystemFile(fs.openSync(file, "w+"), file),
  createNew: (file) => new SystemFile(fs.openSync(file, O_RDWR | O_CREAT | O_EXCL), file),
  openToRead: (file) => new SystemFile(fs.openSync(file, "r"), file),
  openToAppend: (file) => new SystemFile(fs.openSync(file, O_RDWR | O_CREAT), file),
  link: (from, to) => fs.linkSync(from, to),
  makeDirectory(directory) {
    if (!fs.existsSync(directory)) fs.mkdirSync(directory);
  },
  exists: (file) => fs.existsSync(file),
  list: (directory) => fs.readdirSync(directory),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { force: true }),
  syncDirectory(directory) {
    const descriptor = fs.openSync(directory, "r");
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
};

class SystemFile implements DiskFile {
  readonly #descriptor: number;
  readonly #name: string;

  constructor(descriptor: number, name: string) {
    this.#descriptor = descriptor;
    this.#name = name;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.write(bytes, start, end, this.sizeBytes);
  }

  write(bytes: Buffer, start: number, end: number, position: number): void {
    for (let from = start; from < end; ) {
      from += fs.writeSync(this.#descriptor, bytes, from, end - from, position + from - start);
    }
  }

  read(bytes: Buffer, start: number, end: number, position: number): number {
    try {
      return fs.readSync(this.#descriptor, bytes, start, end - start, position);
    } catch (reason) {
      // A directory can be opened: what the system says of reading it does not name it.
      throw Object.assign(new Error(`${(reason as Error).message} '${this.#name}'`, { cause: reason }), {
        code: diskErrorCode(reason),
      });
    }
  }

  get sizeBytes(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#descriptor, sizeBytes);
  }

  sync(): void {
    fs.fsyncSync(this.#descriptor);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/** The error code of the system, `ENOSPC` for one; "" if the reason is something else. */
export function diskErrorCode(reason: unknown): string {
  return reason instanceof Error && "code" in reason ? String(reason.code) : "";
}

/** The whole of a small file as text. */
export function readTextFile(disk: Disk, file: string): string {
  const opened = disk.openToRead(file);
  try {
    const bytes = Buffer.alloc(opened.sizeBytes);
    let length = 0;
    while (length < bytes.length) {
      const count = opened.read(bytes, length, bytes.length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.toString("utf8", 0, length);
  } finally {
    opened.close();
  }
}

/** Writes a small file so that a power cut leaves the old or the new content. */
export function replaceTextFile(disk: Disk, file: string, text: string): void {
  const temporary = `${file}.tmp`;
  const bytes = Buffer.from(text);
  const created = disk.create(temporary);
  try {
    created.append(bytes, 0, bytes.length);
    created.sync();
  } finally {
    created.close();
  }
  disk.rename(temporary, file);
  disk.syncDirectory(path.dirname(file));
}
