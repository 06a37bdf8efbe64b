/**
 * An RDB file in the making: bytes go to a temporary file beside the real one, with the checksum over them at the end;
 * then the file is synced, takes the real name, and the directory is synced. A crash or an error at any point leaves the
 * old file or the new one.
 */

import path from "node:path";
import type { Disk, DiskFile } from "../platform/disk.ts";
import { Crc64 } from "./crc64.ts";
import { CHECKSUM_BYTES } from "./rdb-format.ts";

export interface SnapshotFileOptions {
  readonly directory: string;
  readonly name: string;
  readonly temporaryName: string;
  /** False: eight zeros in place of the checksum. Undefined: nothing in its place, for files that have none. */
  readonly checksum: boolean | undefined;
}

export class SnapshotFile {
  readonly #disk: Disk;
  readonly #options: SnapshotFileOptions;
  readonly #file: DiskFile;
  readonly #checksum = new Crc64();
  #sizeBytes = 0;
  #isClosed = false;

  constructor(disk: Disk, options: SnapshotFileOptions) {
    this.#disk = disk;
    this.#options = options;
    this.#file = disk.create(this.#temporaryPath);
  }

  write(bytes: Buffer, length: number): void {
    if (this.#options.checksum === true) this.#checksum.update(bytes, 0, length);
    this.#file.append(bytes, 0, length);
    this.#sizeBytes += length;
  }

  /** All is written: makes sure that it is on the disk, and gives its size. */
  complete(): number {
    if (this.#options.checksum !== undefined) this.#writeTail();
    this.#file.sync();
    this.#close();
    return this.#sizeBytes;
  }

  #writeTail(): void {
    const tail = Buffer.alloc(CHECKSUM_BYTES);
    this.#checksum.write(tail, 0);
    this.#file.append(tail, 0, CHECKSUM_BYTES);
    this.#sizeBytes += CHECKSUM_BYTES;
  }

  /** Makes the complete file the real one. */
  publish(): void {
    this.#disk.rename(this.#temporaryPath, path.join(this.#options.directory, this.#options.name));
    this.#disk.syncDirectory(this.#options.directory);
  }

  /** Takes the temporary file away again. */
  discard(): void {
    this.#close();
    this.#disk.remove(this.#temporaryPath);
  }

  /** Once only: by the second time the descriptor may be another file's. */
  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
  }

  get #temporaryPath(): string {
    return path.join(this.#options.directory, this.#options.temporaryName);
  }
}
