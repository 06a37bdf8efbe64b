/**
 * The snapshot of a primary on its way into a file, so that a link that breaks costs nothing of the data at hand. It is
 * written while clients are served; what comes faster than the disk takes it waits in memory up to a limit, and beyond that
 * with the primary: who reads from the link asks `isFull`.
 */

import type { OldData } from "../persistence/data-loading.ts";
import { type BackgroundDisk, type BackgroundFile, totalBytes } from "../platform/background-disk.ts";
import type { SnapshotSpool } from "./primary-link.ts";

export interface FileSpoolOptions {
  readonly disk: Pick<BackgroundDisk, "create" | "remove">;
  readonly file: string;
  /** Why what the file holds is not wanted, if so. */
  readonly refusal: (file: string) => string | undefined;
  /** Puts what the file holds in the place of the data; gives its aux fields. */
  readonly replaceBy: (file: string, oldData: OldData) => Promise<ReadonlyMap<string, string>>;
  /** Ends that, where the old data is still there. */
  readonly giveUp: () => void;
  /** The disk does not take it; once. */
  readonly failed: (reason: Error) => void;
}

/** Some turns of a fast link: enough to keep a disk busy, too little to matter beside the data. */
const MOST_WAITING_BYTES = 8 << 20;

export class FileSpool implements SnapshotSpool {
  readonly #options: FileSpoolOptions;
  #file: BackgroundFile | undefined;
  /** What the disk has not been given yet; those it is writing count in `#waitingBytes` until it has. */
  #pieces: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #isDiscarded = false;
  #isLoading = false;

  constructor(options: FileSpoolOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#waitingBytes >= MOST_WAITING_BYTES;
  }

  write(bytes: Buffer): void {
    if (this.#isDiscarded || this.#failure !== undefined) return;
    this.#pieces.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeWaiting();
  }

  async finish(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#close();
    const refusal = this.#options.refusal(this.#options.file);
    if (refusal !== undefined) throw new Error(refusal);
  }

  async load(oldData: OldData): Promise<number> {
    this.#isLoading = true;
    try {
      const aux = await this.#options.replaceBy(this.#options.file, oldData);
      return Number(aux.get("repl-stream-db") ?? 0);
    } finally {
      this.#isLoading = false;
      void this.discard();
    }
  }

  async discard(): Promise<void> {
    if (this.#isLoading) {
      this.#options.giveUp();
      return;
    }
    this.#isDiscarded = true;
    this.#pieces = [];
    await this.#writing;
    try {
      await this.#close();
      await this.#options.disk.remove(this.#options.file);
    } catch {
      // By its name it goes at the next start, as one that a crash has left.
    }
  }

  async #writeWaiting(): Promise<void> {
    try {
      this.#file ??= await this.#options.disk.create(this.#options.file);
      while (this.#pieces.length > 0) {
        const pieces = this.#pieces;
        this.#pieces = [];
        await this.#file.append(pieces);
        this.#waitingBytes -= totalBytes(pieces);
      }
    } catch (reason) {
      this.#failure = reason instanceof Error ? reason : new Error(String(reason));
      if (!this.#isDiscarded) this.#options.failed(this.#failure);
    } finally {
      this.#writing = undefined;
    }
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
