/**
 * How far the stream of changes has come, in bytes added since the start: added, written to the file, synced. FILED is up to where
 * the end of this process loses nothing, DURABLE up to where a crash of the machine does not. Both stand still while the
 * file counts for nothing: behind a base that is not there yet, or once it is given up.
 */

/** What a sync that begins now will have brought to the disk. */
export interface SyncMark {
  readonly written: number;
  readonly mended: number;
}

export class StreamProgress {
  added = 0;
  written = 0;
  synced = 0;
  filed = 0;
  durable = 0;
  /** The file counts only once the base that it, or the next one, stands behind is there. */
  isProvisional = false;
  /** Counts what needs a sync although nothing was added, and up to where it has had one. */
  #mended = 0;
  #mendedSynced = 0;

  get pendingBytes(): number {
    return this.added - this.written;
  }

  get isUnsynced(): boolean {
    return this.synced < this.written || this.#mendedSynced < this.#mended;
  }

  get mark(): SyncMark {
    return { written: this.written, mended: this.#mended };
  }

  needSync(): void {
    this.#mended++;
  }

  wrote(end: number): void {
    this.written = end;
    this.advanceFiled();
  }

  /** True if more is durable. */
  markSynced({ written, mended }: SyncMark): boolean {
    this.synced = written;
    this.#mendedSynced = mended;
    return this.advanceDurable();
  }

  advanceFiled(): void {
    if (!this.isProvisional) this.filed = Math.max(this.filed, this.written);
  }

  advanceDurable(): boolean {
    if (this.isProvisional || this.durable >= this.synced) return false;
    this.durable = this.synced;
    return true;
  }
}
