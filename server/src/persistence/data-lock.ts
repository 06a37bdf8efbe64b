/**
 * Keeps two servers from using one data directory: a file that names the process holding it. Whether that process still
 * lives is told by the machine's boot id and the process' start time, so a lock left by a crash, a reboot or an earlier
 * container (where the server is process 1 every time) does not hold anyone up.
 */

import path from "node:path";
import { type Disk, diskErrorCode, readTextFile } from "../platform/disk.ts";

const LOCK_NAME = ".kv-server.lock";
/** Another server may take over a dead lock at the same moment; one of us wins within a few attempts. */
const ATTEMPTS = 3;

export interface LockHolder {
  readonly processId: number;
  /** Of the machine since its boot. */
  readonly bootId: string;
  /** When the process started, in the machine's own count. */
  readonly startedAt: string;
}

export interface DataLockOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly self: LockHolder;
  /** Who has this process id on this machine now; undefined if nobody. */
  readonly processWithId: (processId: number) => LockHolder | undefined;
}

export class DataLock {
  readonly #options: DataLockOptions;

  constructor(options: DataLockOptions) {
    this.#options = options;
  }

  /** The process that holds the directory, or undefined: now we do. */
  acquire(): LockHolder | undefined {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#create()) return undefined;
      const holder = this.#read();
      if (holder !== undefined && this.#isAlive(holder)) return holder;
      this.#options.disk.remove(this.#file);
    }
    throw new Error(`Cannot lock the data directory "${this.#options.directory}": others try at the same time`);
  }

  release(): void {
    if (isSame(this.#read(), this.#options.self)) this.#options.disk.remove(this.#file);
  }

  get #file(): string {
    return path.join(this.#options.directory, LOCK_NAME);
  }

  #create(): boolean {
    try {
      const file = this.#options.disk.createNew(this.#file);
      const text = Buffer.from(`${JSON.stringify(this.#options.self)}\n`);
      file.append(text, 0, text.length);
      file.close();
      return true;
    } catch (reason) {
      if (diskErrorCode(reason) === "EEXIST") return false;
      throw reason;
    }
  }

  #read(): LockHolder | undefined {
    try {
      return JSON.parse(readTextFile(this.#options.disk, this.#file)) as LockHolder;
    } catch {
      // Gone, or cut off by a crash while it was written: nobody holds it.
      return undefined;
    }
  }

  #isAlive(holder: LockHolder): boolean {
    return isSame(this.#options.processWithId(holder.processId), holder);
  }
}

function isSame(left: LockHolder | undefined, right: LockHolder): boolean {
  return (
    left !== undefined &&
    left.processId === right.processId &&
    left.bootId === right.bootId &&
    left.startedAt === right.startedAt
  );
}
