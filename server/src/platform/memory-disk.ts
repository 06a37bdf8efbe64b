/**
 * A disk in memory, for tests: it keeps apart what was written and what would survive a power cut, and can be told to
 * be full or to fail. Directories exist by being named.
 */

import path from "node:path";
import type { Disk, DiskFile } from "./disk.ts";
import type { Random } from "./random.ts";

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
  /** What a sync that failed was to write: the system takes it for written, and never tries again. */
  readonly lost: [start: number, end: number][];
}

export class MemoryDisk implements Disk {
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  /** Bytes that can still be written. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** Every sync fails with this code while it is set. */
  syncError: string | undefined;

  create(file: string): DiskFile {
    const content = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), lost: [] };
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
    for (const content of this.#durableNames.values()) content.bytes = content.synced;
    this.#names = new Map(this.#durableNames);
  }

  /**
   * What was not synced is there or not as chance will have it: names, the length of files, and each sector of what was
   * written to them; a sector that did not make it holds zeros.
   */
  cutPowerAtRandom(random: Random): void {
    const names = new Map<string, Content>();
    for (const file of new Set([...this.#durableNames.keys(), ...this.#names.keys()])) {
      const content = (random.below(2) === 0 ? this.#durableNames : this.#names).get(file);
      if (content !== undefined) names.set(file, content);
    }
    for (const content of new Set(names.values())) {
      content.bytes = leftover(content, random);
      content.synced = content.bytes;
      content.lost.length = 0;
    }
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

  #find(file: string): Content {
    const content = this.#names.get(file);
    if (content === undefined) throw new DiskError("ENOENT", file);
    return content;
  }
}

const SECTOR_BYTES = 512;

/** What lies behind this position is not lost any more. */
function forgetLost({ lost }: Content, position: number): void {
  for (const range of lost) for (const side of [0, 1] as const) range[side] = Math.min(range[side], position);
}

function leftover({ bytes, synced }: Content, random: Random): Buffer {
  const isAppended = bytes.length > synced.length && bytes.subarray(0, synced.length).equals(synced);
  if (!isAppended) return random.below(2) === 0 ? synced : bytes;
  const kept = Buffer.from(bytes.subarray(0, synced.length + random.below(bytes.length - synced.length + 1)));
  const hasHoles = random.below(2) === 0;
  for (let start = synced.length; hasHoles && start < kept.length; ) {
    const end = Math.min(start - (start % SECTOR_BYTES) + SECTOR_BYTES, kept.length);
    if (random.below(3) === 0) kept.fill(0, start, end);
    start = end;
  }
  return kept;
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
    // The sector that it goes on in is written again, whole.
    const size = this.#content.bytes.length;
    forgetLost(this.#content, size - (size % SECTOR_BYTES));
    this.#content.bytes = Buffer.concat([this.#content.bytes, bytes.subarray(start, start + taken)]);
    if (taken < end - start) throw new DiskError("ENOSPC", this.#name);
  }

  read(bytes: Buffer, start: number, end: number, position: number): number {
    return this.#content.bytes.copy(bytes, start, position, position + end - start);
  }

  get sizeBytes(): number {
    return this.#content.bytes.length;
  }

  truncate(sizeBytes: number): void {
    this.#content.bytes = this.#content.bytes.subarray(0, sizeBytes);
    forgetLost(this.#content, sizeBytes);
  }

  sync(): void {
    const { bytes, synced, lost } = this.#content;
    try {
      this.#disk.checkSync(this.#name);
    } catch (reason) {
      if (bytes.length > synced.length) lost.push([synced.length, bytes.length]);
      throw reason;
    }
    this.#content.synced = lost.length === 0 ? bytes : Buffer.from(bytes);
    for (const [start, end] of lost) this.#content.synced.fill(0, start, end);
  }

  close(): void {
    // Nothing is held.
  }
}
