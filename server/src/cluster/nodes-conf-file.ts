/**
 * The file nodes.conf: loaded once, replaced as a whole when its content changes, and never shared by two processes.
 *
 * Saves that votes and epochs depend on are written before anything else happens (they are rare: elections); all other
 * changes wait for the next tick, so that the many changes while a cluster forms cost one write.
 */

export type ReleaseLock = () => Promise<void>;

export interface NodesConfDisk {
  /** Undefined if there is no such file. */
  readFile(path: string): Buffer | undefined;
  /** Temporary file, fsync, rename, fsync of the directory: after a crash the file is the old or the new one. */
  replaceFile(path: string, bytes: Buffer): void;
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

  /** Takes the lock and reads. Undefined: there is no file, the node is new. */
  async open(): Promise<string | undefined> {
    this.#release = await this.#disk.lock(this.#path);
    if (this.#release === undefined) {
      throw new Error(`Cannot use the cluster configuration file "${this.#path}": another process uses it`);
    }
    this.#written = this.#disk.readFile(this.#path)?.toString("latin1");
    return this.#written;
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
