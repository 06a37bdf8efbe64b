/**
 * The bytes of a snapshot that some replica has yet to be given. All replicas of a sync share them, each reads at a position of
 * its own, and what the last has read goes. Positions count the bytes since the snapshot began.
 */

export class SnapshotQueue {
  /** Oldest first; the first begins at `#first`. */
  readonly #pieces: Buffer[] = [];
  #first = 0;
  #end = 0;

  /** Of all that has been appended. */
  get end(): number {
    return this.#end;
  }

  get waitingBytes(): number {
    return this.#end - this.#first;
  }

  /** The bytes are given away. */
  append(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#end += bytes.length;
  }

  /** What lies behind this position, at most so much of it. It must not have been dropped. */
  read(position: number, mostBytes: number): Buffer[] {
    const read: Buffer[] = [];
    let skip = position - this.#first;
    let left = mostBytes;
    for (const piece of this.#pieces) {
      if (left <= 0) break;
      if (skip < piece.length) {
        const part = piece.subarray(skip, Math.min(piece.length, skip + left));
        read.push(part);
        left -= part.length;
      }
      skip = Math.max(0, skip - piece.length);
    }
    return read;
  }

  /** Nobody will ask for what lies before this position. */
  drop(position: number): void {
    let gone = 0;
    for (const { length } of this.#pieces) {
      if (this.#first + length > position) break;
      this.#first += length;
      gone++;
    }
    this.#pieces.splice(0, gone);
  }
}
