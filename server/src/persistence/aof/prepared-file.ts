/**
 * A file that is appended to by writing over filler, which another thread writes ahead and syncs. A sync of what is written
 * over bytes that are there needs no change of the file's size, and takes about two thirds of the time
 * (docs/decisions/0012-quick-syncs-on-the-thread.md). `sizeBytes` is that of the data; the filler goes when the file is
 * closed, or cut.
 *
 * Invariant: a sector of filler that is on the disk stands behind all data that is written over it. By that a reader knows
 * data with holes, behind which filler stands, from what another server has appended, behind which there is none.
 */

import { type BackgroundFile, totalBytes } from "../../platform/background-disk.ts";
import { SECTOR_BYTES } from "../../platform/sectors.ts";
import { Filler } from "./filler.ts";

/** Written with each call of the system. */
const SECTORS_AT_ONCE = 128;

export interface PreparedFileOptions {
  /** 16 hexadecimal digits. */
  readonly key: string;
  /** So much is prepared at a time, once less than half of that is left. */
  readonly stepBytes: number;
}

export class PreparedFile {
  readonly #file: BackgroundFile;
  readonly #filler: Filler;
  readonly #stepBytes: number;
  /** Up to here filler is on the disk; 0 if nothing is prepared. */
  #end = 0;
  #isAnnounced = false;
  #growing: Promise<void> | undefined;
  /** What was prepared cannot be extended: without it, appending needs no more room than the data. */
  #isStuck = false;
  /** A sync that failed: data may not be on the disk, the filler that tells so must stay, and the file has to be given up. */
  #failure: unknown;
  /** Of what was once prepared, something may come back with a power cut. */
  #hasUncertainEnd = false;

  constructor(file: BackgroundFile, { key, stepBytes }: PreparedFileOptions) {
    this.#file = file;
    this.#filler = new Filler(key);
    this.#stepBytes = stepBytes;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  get isPrepared(): boolean {
    return this.#end > 0;
  }

  /** So many bytes can be appended without anything else before. */
  fits(bytes: number): boolean {
    if (this.#end === 0) return true;
    return !this.#isStuck && this.#file.sizeBytes + bytes <= this.#end - SECTOR_BYTES;
  }

  /** As that of a BackgroundFile. */
  async append(pieces: readonly Buffer[]): Promise<void> {
    const bytes = totalBytes(pieces);
    if (!this.fits(bytes)) await this.#growing;
    if (!this.fits(bytes)) await this.trim();
    await this.#file.append(pieces, this.#behind(bytes));
    this.#growIfLow();
  }

  /** Only what fits. */
  appendNow(pieces: readonly Buffer[]): void {
    this.#file.appendNow(pieces, this.#behind(totalBytes(pieces)));
    this.#growIfLow();
  }

  async sync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.sync().catch((reason) => this.#giveUp(reason));
  }

  syncNow(): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#file.syncNow();
    } catch (reason) {
      this.#giveUp(reason);
    }
  }

  /** Begins to write over filler. If it rejects, a part of it may be behind `sizeBytes`: it has to be cut. */
  async prepare(): Promise<void> {
    if (this.#end > 0) return;
    this.#hasUncertainEnd = true;
    if (!this.#isAnnounced) await this.#file.append([this.#filler.announcement]);
    const { sizeBytes } = this.#file;
    this.#end = await this.#writeFiller(sizeBytes, this.#filler.restOfSector(sizeBytes));
    this.#isAnnounced = true;
  }

  /** The file ends where its data does, if it can be cut. */
  async trim(): Promise<void> {
    if (this.#end > 0) await this.truncate(this.#file.sizeBytes);
  }

  /** What is prepared goes too. */
  async truncate(sizeBytes: number): Promise<void> {
    await this.#growing;
    // Behind data that is on the disk only in part, filler must stay: by it the holes are known.
    if (this.#end > 0) await this.#syncAhead();
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.truncate(sizeBytes);
    this.#end = 0;
    this.#isStuck = false;
  }

  /** The file ends where its data does, and will after a power cut. */
  async finish(): Promise<void> {
    await this.trim();
    if (!this.#hasUncertainEnd) return;
    await this.#file.sync();
    this.#hasUncertainEnd = false;
  }

  async close(): Promise<void> {
    // If it cannot be cut, readers know what stands there.
    await this.finish().catch(() => undefined);
    await this.#file.close();
  }

  #behind(bytes: number): Buffer | undefined {
    return this.#end === 0 ? undefined : this.#filler.behind(this.#file.sizeBytes + bytes);
  }

  #growIfLow(): void {
    if (this.#end === 0 || this.#isStuck || this.#growing !== undefined) return;
    if (this.#end - this.#file.sizeBytes >= this.#stepBytes / 2) return;
    this.#growing = this.#writeFiller(this.#end, EMPTY)
      .then((end) => {
        this.#end = end;
      })
      .catch(() => {
        this.#isStuck = true;
      })
      .finally(() => {
        this.#growing = undefined;
      });
  }

  /** Gives where it ends. */
  async #writeFiller(start: number, rest: Buffer): Promise<number> {
    const piece = this.#filler.sectors(Math.min(SECTORS_AT_ONCE, Math.ceil(this.#stepBytes / SECTOR_BYTES)));
    const pieces = [rest];
    let end = start + rest.length;
    for (; end < start + this.#stepBytes; end += piece.length) pieces.push(piece);
    await this.#file.writeAhead(pieces, start);
    await this.#syncAhead();
    return end;
  }

  #syncAhead(): Promise<void> {
    return this.#file.syncAhead().catch((reason) => this.#giveUp(reason));
  }

  /** A failure is told once: who asks next must not take that for success. */
  #giveUp(reason: unknown): never {
    this.#failure ??= reason;
    throw reason;
  }
}

const EMPTY = Buffer.alloc(0);
