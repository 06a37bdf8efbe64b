/**
 * The last bytes of the replication stream in a ring, so that a replica whose link broke can go on where it was.
 * Offsets count the bytes of the whole stream since it began; the byte at offset n is the nth, the first is 1, as in Redis.
 */

export class Backlog {
  readonly #ring: Buffer;
  /** Offset of the last byte of the stream. */
  #end: number;
  #length = 0;
  #next = 0;

  /** An empty backlog of a stream that has come to offset `end`. */
  constructor(sizeBytes: number, end: number) {
    this.#ring = Buffer.allocUnsafeSlow(sizeBytes);
    this.#end = end;
  }

  get sizeBytes(): number {
    return this.#ring.length;
  }

  get length(): number {
    return this.#length;
  }

  get end(): number {
    return this.#end;
  }

  /** Offset of the oldest byte that is still here; one beyond `end` if there is none. */
  get first(): number {
    return this.#end - this.#length + 1;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const size = this.#ring.length;
    this.#end += end - start;
    // Of more than a ring's worth only the tail can matter.
    let from = Math.max(start, end - size);
    this.#length = Math.min(size, this.#length + end - from);
    while (from < end) {
      const chunk = Math.min(end - from, size - this.#next);
      bytes.copy(this.#ring, this.#next, from, from + chunk);
      this.#next = (this.#next + chunk) % size;
      from += chunk;
    }
  }

  /** Whether the stream from byte `offset` on is here whole. */
  covers(offset: number): boolean {
    return offset >= this.first && offset <= this.#end + 1;
  }

  /** A copy of the stream from byte `offset` to its end. `covers(offset)` must hold. */
  from(offset: number): Buffer {
    const wanted = this.#end + 1 - offset;
    const copy = Buffer.allocUnsafeSlow(wanted);
    const size = this.#ring.length;
    let at = (this.#next - wanted + size) % size;
    let filled = 0;
    while (filled < wanted) {
      const chunk = Math.min(wanted - filled, size - at);
      this.#ring.copy(copy, filled, at, at + chunk);
      at = (at + chunk) % size;
      filled += chunk;
    }
    return copy;
  }
}
