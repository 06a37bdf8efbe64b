/**
 * A disk in memory, for tests: it keeps apart what was written and what would survive a power cut, and can be told to
 * be full or to fail. Directories exist by being named.
 */

import path from "node:path";
import type { Disk, DiskFile } from "./disk.ts";

class DiskError extends Error {
  readonly code: string;

  constructor(code: string, file: string) {
    super(`${code}: ${file}`);
    this.code = code;
  }
}

interface Content {
  bytes: Buffer;
  synced: Buffer;
}

export class MemoryDisk implements Disk {
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  /** Bytes that can still be written. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** Every sync fails with this code while it is set. */
  syncError: string | undefined;

  create(file: string): DiskFile {
    const content = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.#names.set(file, content);
    return new MemoryFile(this, file, content);
  }

  createNew(file: string): DiskFile {
    if (this.#names.has(file)) throw new DiskError("EEXIST", file);
    return this.create(file);
  }

  openToRead(file: string): DiskFile {
    return new MemoryFile(this, file, this.#find(file));
  }

  exists(file: string): boolean {
    return this.#names.has(file);
  }

  list(directory: string): string[] {
    return [...this.#names.keys()]
      .filter((file) => path.dirname(file) === directory)
      .map((file) => path.basename(file));
  }

  rename(from: string, to: string): void {
    this.#names.set(to, this.#find(from));
    this.#names.delete(from);
  }

  remove(file: string): void {
    this.#names.delete(file);
  }

  syncDirectory(directory: string): void {
    this.checkSync(directory);
    for (const file of this.#durableNames.keys()) if (path.dirname(file) === directory) this.#durableNames.delete(file);
    for (const [file, content] of this.#names)
      if (path.dirname(file) === directory) this.#durableNames.set(file, content);
  }

  /** All that was not synced is gone. */
  cutPower(): void {
    for (const content of this.#durableNames.values()) content.bytes = content.synced;
    this.#names = new Map(this.#durableNames);
  }

  /** Takes room for so many bytes, as far as there is any. */
  take(count: number): number {
    const taken = Math.min(count, this.freeBytes);
    this.freeBytes -= taken;
    return taken;
  }

  checkSync(file: string): void {
    if (this.syncError !== undefined) throw new DiskError(this.syncError, file);
  }

  #find(file: string): Content {
    const content = this.#names.get(file);
    if (content === undefined) throw new DiskError("ENOENT", file);
    return content;
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #name: string;
  readonly #content: Content;

  constructor(disk: MemoryDisk, name: string, content: Content) {
    this.#disk = disk;
    this.#name = name;
    this.#content = content;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const taken = this.#disk.take(end - start);
    this.#content.bytes = Buffer.concat([this.#content.bytes, bytes.subarray(start, start + taken)]);
    if (taken < end - start) throw new DiskError("ENOSPC", this.#name);
  }

  read(bytes: Buffer, start: number, end: number, position: number): number {
    return this.#content.bytes.copy(bytes, start, position, position + end - start);
  }

  get sizeBytes(): number {
    return this.#content.bytes.length;
  }

  sync(): void {
    this.#disk.checkSync(this.#name);
    this.#content.synced = this.#content.bytes;
  }

  close(): void {
    // Nothing is held.
  }
}
