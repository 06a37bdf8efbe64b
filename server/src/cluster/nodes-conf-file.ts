/**
 * The file nodes.conf: loaded once, replaced as a whole when its content changes, and never shared by two processes.
 *
 * Saves that votes and epochs depend on are written before anything else happens (they are rare: elections); all other
 * changes wait for the next tick, so that the many changes while a cluster forms cost one write.
 */

import { describeSystemError } from "../platform/system-error.ts";

/** What keeps a node from starting, in words for whoever starts it. */
export class NodesConfError extends Error {}

export type ReleaseLock = () => Promise<void>;

export interface NodesConfDisk {
  /** Undefined if there is no such file. */
  readFile(path: string): Buffer | undefined;
  /** Temporary file, fsync, rename, fsync of the directory: after a crash the file is the old or the new one. */
  replaceFile(path: string, bytes: Buffer): void;
  /** Throws what would keep `replaceFile` from doing its work; changes nothing. */
  checkWritable(path: string): void;
  /** Held until released or until the process ends; undefined: another process has it. */
  lock(path: string): Promise<ReleaseLock | undefined>;
}

export class NodesConfFile {
  readonly #disk: NodesConfDisk;
  readonly #path: string;
  #written: string | undefined;
  #release: ReleaseLock | undefined;

  constructor(disk: NodesConfDisk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  get path(): string {
    return this.#path;
  }

  /** Takes the lock and reads. Undefined: there is no file, the node is new. Rejects with a NodesConfError. */
  async open(): Promise<string | undefined> {
    try {
      this.#release = await this.#disk.lock(this.#path);
      if (this.#release !== undefined) {
        this.#written = this.#disk.readFile(this.#path)?.toString("latin1");
        this.#disk.checkWritable(this.#path);
        return this.#written;
      }
    } catch (reason) {
      await this.close();
      const problem = `Can't open ${this.#path} in order to acquire a lock: ${describeSystemError(reason)}`;
      throw new NodesConfError(problem, { cause: reason });
    }
    throw new NodesConfError(`Cannot use the cluster configuration file "${this.#path}": another process uses it`);
  }

  /** Writes unless the file has this content already. */
  save(text: string): void {
    if (text === this.#written) return;
    this.#disk.replaceFile(this.#path, Buffer.from(text, "latin1"));
    this.#written = text;
  }

  async close(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.();
  }
}
