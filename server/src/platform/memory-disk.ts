/**
 * A disk in memory, for tests: it keeps apart what was written and what would survive a power cut, and can be told to
 * be full or to fail. Directories exist by being named.
 */

import path from "node:path";
import type { Disk, DiskFile } from "./disk.ts";
import { MemoryContent } from "./memory-content.ts";
import type { Random } from "./random.ts";

class DiskError extends Error {
  readonly code: string;

  constructor(code: string, file: string) {
    super(`${code}: ${file}`);
    this.code = code;
  }
}

export class MemoryDisk implements Disk {
  #names = new Map<string, MemoryContent>();
  #durableNames = new Map<string, MemoryContent>();
  /** Bytes that can still be written. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** Every sync fails with this code while it is set. */
  syncError: string | undefined;

  create(file: string): DiskFile {
    const content = new MemoryContent();
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

  openToAppend(file: string): DiskFile {
    return this.#names.has(file) ? this.openToRead(file) : this.create(file);
  }

  link(from: string, to: string): void {
    if (this.#names.has(to)) throw new DiskError("EEXIST", to);
    this.#names.set(to, this.#find(from));
  }

  makeDirectory(): void {
    // It exists by being named.
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
    for (const content of this.#durableNames.values()) content.forgetUnsynced();
    this.#names = new Map(this.#durableNames);
  }

  /**
   * What was not synced is there or not as chance will have it: names, the length of files, and each sector of what was
   * written to them; a sector that did not make it holds what it had, or zeros.
   */
  cutPowerAtRandom(random: Random): void {
    const names = new Map<string, MemoryContent>();
    for (const file of new Set([...this.#durableNames.keys(), ...this.#names.keys()])) {
      const content = (random.below(2) === 0 ? this.#durableNames : this.#names).get(file);
      if (content !== undefined) names.set(file, content);
    }
    for (const content of new Set(names.values())) content.cutPower(random);
    this.#names = names;
    this.#durableNames = new Map(names);
    this.freeBytes = Number.POSITIVE_INFINITY;
    this.syncError = undefined;
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

  #find(file: string): MemoryContent {
    const content = this.#names.get(file);
    if (content === undefined) throw new DiskError("ENOENT", file);
    return content;
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #name: string;
  readonly #content: MemoryContent;
  /** Each opening of a file is told once of a sync that has failed, whoever asked for it. */
  #failuresTold: number;

  constructor(disk: MemoryDisk, name: string, content: MemoryContent) {
    this.#disk = disk;
    this.#name = name;
    this.#content = content;
    this.#failuresTold = content.failedSyncs;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.write(bytes, start, end, this.sizeBytes);
  }

  write(bytes: Buffer, start: number, end: number, position: number): void {
    const wanted = Math.max(0, position + end - start - this.sizeBytes);
    const missing = wanted - this.#disk.take(wanted);
    this.#content.write(bytes.subarray(start, end - missing), position);
    if (missing > 0) throw new DiskError("ENOSPC", this.#name);
  }

  read(bytes: Buffer, start: number, end: number, position: number): number {
    return this.#content.bytes.copy(bytes, start, position, position + end - start);
  }

  get sizeBytes(): number {
    return this.#content.bytes.length;
  }

  truncate(sizeBytes: number): void {
    this.#content.truncate(sizeBytes);
  }

  sync(): void {
    const content = this.#content;
    try {
      this.#disk.checkSync(this.#name);
    } catch (reason) {
      content.syncFailed();
      this.#failuresTold = content.failedSyncs;
      throw reason;
    }
    if (this.#failuresTold < content.failedSyncs) {
      this.#failuresTold = content.failedSyncs;
      throw new DiskError("EIO", this.#name);
    }
    content.sync();
  }

  close(): void {
    // Nothing is held.
  }
}
