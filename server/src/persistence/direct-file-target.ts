/** A snapshot target that writes its file on the calling thread: SAVE, and the last save before the process ends. */

import type { Disk } from "../platform/disk.ts";
import { SnapshotFile, type SnapshotFileOptions } from "./snapshot-file.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

export class DirectFileTarget implements SnapshotTarget {
  readonly #file: SnapshotFile;
  readonly isFull = false;
  readonly waitingBytes = 0;

  constructor(disk: Disk, options: SnapshotFileOptions) {
    this.#file = new SnapshotFile(disk, options);
  }

  exchange(chunk: Buffer, length: number): Buffer {
    this.#file.write(chunk, length);
    return chunk;
  }

  end(): void {
    // The caller commits, to learn of errors.
  }

  /** Makes the file the real one. */
  commit(): void {
    this.#file.complete();
    this.#file.publish();
  }

  abort(): void {
    this.#file.discard();
  }
}
