/**
 * The directories that this process keeps data in, each locked from the moment in which it may write there until it ends: from
 * the start, or from when CONFIG SET names another directory or asks for the first time that anything is kept.
 */

import type { DataLock } from "./data-lock.ts";

export class DataDirectories {
  readonly #lockOf: (directory: string) => DataLock;
  readonly #locks = new Map<string, DataLock>();

  constructor(lockOf: (directory: string) => DataLock) {
    this.#lockOf = lockOf;
  }

  /** Undefined: the directory is ours; else why it cannot be. */
  claim(directory: string): string | undefined {
    if (this.#locks.has(directory)) return undefined;
    const lock = this.#lockOf(directory);
    const holder = lock.acquire();
    if (holder !== undefined) return `The data directory '${directory}' is in use by process ${holder.processId}`;
    this.#locks.set(directory, lock);
    return undefined;
  }

  /** Files of a directory left behind may still be open: all are let go of together. */
  release(): void {
    for (const lock of this.#locks.values()) lock.release();
  }
}
