/**
 * Keeps two servers from using one data directory. Each announces itself with an empty file whose name says which process it is,
 * and then looks for others: whoever sees no other living one has the directory. Of two, the one that announced itself later
 * must see the other, so they never both have it, whatever the moments of their steps. A file is only ever removed by the
 * process it names or once that process has ended, and a name is never used again, so no step here can hit the wrong one.
 *
 * Whether a process still lives is told by the machine's boot id and the process' start time, so a file left by a crash, a
 * reboot or an earlier container (where the server is process 1 every time) does not hold anyone up.
 */

import path from "node:path";
import { type Disk, diskErrorCode } from "../platform/disk.ts";

const CLAIM = /^\.kv-server\.lock-(\d+)-(\d+)-([0-9a-z-]+)$/;
/** Of two that start at the same moment one gives way; the other looks so often whether it is alone by now. */
const LOOKS = 5;

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
  /** Lets another that starts at the same moment go on; returns a moment later. */
  readonly pause: () => void;
}

export class DataLock {
  readonly #options: DataLockOptions;

  constructor(options: DataLockOptions) {
    this.#options = options;
  }

  /** The process that holds the directory, or undefined: now we do. */
  acquire(): LockHolder | undefined {
    const { self, pause } = this.#options;
    if (!this.#announce()) return self;
    let other: LockHolder | undefined = self;
    try {
      for (let look = 1; ; look++) {
        other = this.#livingOther();
        if (other === undefined || look === LOOKS || nameOf(self) < nameOf(other)) break;
        pause();
      }
      return other;
    } finally {
      if (other !== undefined) this.release();
    }
  }

  /** Takes back what was announced. */
  release(): void {
    this.#options.disk.remove(this.#pathOf(nameOf(this.#options.self)));
  }

  /** False if we had done so before. */
  #announce(): boolean {
    const { disk, self } = this.#options;
    try {
      disk.createNew(this.#pathOf(nameOf(self))).close();
      return true;
    } catch (reason) {
      if (diskErrorCode(reason) === "EEXIST") return false;
      throw reason;
    }
  }

  /** Another process that has announced itself and lives; what those that have ended left behind is removed. */
  #livingOther(): LockHolder | undefined {
    const { disk, directory, self, processWithId } = this.#options;
    let living: LockHolder | undefined;
    for (const name of disk.list(directory)) {
      const holder = holderOf(name);
      if (holder === undefined || name === nameOf(self)) continue;
      const process = processWithId(holder.processId);
      if (process !== undefined && nameOf(process) === name) living = holder;
      else disk.remove(this.#pathOf(name));
    }
    return living;
  }

  #pathOf(name: string): string {
    return path.join(this.#options.directory, name);
  }
}

function nameOf({ processId, startedAt, bootId }: LockHolder): string {
  return `.kv-server.lock-${processId}-${startedAt}-${bootId}`;
}

function holderOf(name: string): LockHolder | undefined {
  const [, processId, startedAt, bootId] = CLAIM.exec(name) ?? [];
  if (processId === undefined || startedAt === undefined || bootId === undefined) return undefined;
  return { processId: Number(processId), startedAt, bootId };
}
