/**
 * The last bytes of the replication stream, so that a replica whose link broke can go on where it was, and so that one that is
 * being synchronized finds what came meanwhile: from the byte that somebody `needs` on, the backlog grows beyond its size,
 * within a limit. The bytes lie in blocks that are only ever appended to: all readers share them, and the oldest go.
 * Offsets count the bytes of the whole stream since it began; the byte at offset n is the nth, the first is 1, as in Redis.
 */

interface Block {
  readonly bytes: Buffer;
  length: number;
  /** Somebody may still read it: it must not be filled anew. */
  isLent: boolean;
}

const LEAST_BLOCK_BYTES = 16 << 10;
const MOST_BLOCK_BYTES = 1 << 20;
/** Content is dropped by whole blocks, of which there are about so many. */
const BLOCKS = 16;

export class Backlog {
  #sizeBytes: number;
  /** Offset of the last byte of the stream. */
  #end: number;
  #length = 0;
  /** Oldest first; they end at `#end` and hold at least `#length`. */
  readonly #blocks: Block[] = [];
  #blockBytes = 0;
  #spare: Block | undefined;
  /** Offset of the oldest byte that somebody will still ask for, and how much may be kept because of that. */
  #needed = Number.POSITIVE_INFINITY;
  #limitBytes = 0;

  /** An empty backlog of a stream that has come to offset `end`. */
  constructor(sizeBytes: number, end: number) {
    this.#sizeBytes = sizeBytes;
    this.#end = end;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
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

  /** How far it has grown beyond its size. */
  get grownBytes(): number {
    return Math.max(0, this.#length - this.#sizeBytes);
  }

  /** What fits of its content stays. */
  resize(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
    this.#trim();
  }

  /** Keeps what comes from byte `offset` on, though never more than `limitBytes` or its size; undefined: nobody needs more. */
  need(offset: number | undefined, limitBytes: number): void {
    this.#needed = offset ?? Number.POSITIVE_INFINITY;
    this.#limitBytes = limitBytes;
    this.#trim();
  }

  append(bytes: Buffer, start: number, end: number): void {
    const most = Math.max(this.#sizeBytes, this.#needed <= this.#end + 1 ? this.#limitBytes : 0);
    // Of more than that only the tail can matter.
    let from = Math.max(start, end - most);
    if (from > start) this.#clear(from - start);
    while (from < end) {
      const block = this.#tail();
      const chunk = Math.min(end - from, block.bytes.length - block.length);
      bytes.copy(block.bytes, block.length, from, from + chunk);
      block.length += chunk;
      this.#blockBytes += chunk;
      this.#length += chunk;
      this.#end += chunk;
      from += chunk;
      this.#trim();
    }
  }

  /** Whether the stream from byte `offset` on is here whole. */
  covers(offset: number): boolean {
    return offset >= this.first && offset <= this.#end + 1;
  }

  /** The stream from byte `offset` on, at most so much of it; nobody changes these bytes any more. It must be covered. */
  read(offset: number, mostBytes = Number.POSITIVE_INFINITY): Buffer[] {
    const pieces: Buffer[] = [];
    let left = Math.min(mostBytes, this.#end + 1 - offset);
    let skip = offset - (this.#end + 1 - this.#blockBytes);
    for (const block of this.#blocks) {
      if (left <= 0) break;
      if (skip < block.length) {
        const piece = block.bytes.subarray(skip, Math.min(block.length, skip + left));
        block.isLent = true;
        pieces.push(piece);
        left -= piece.length;
      }
      skip = Math.max(0, skip - block.length);
    }
    return pieces;
  }

  #clear(skipped: number): void {
    this.#end += skipped;
    this.#length = 0;
    this.#blocks.length = 0;
    this.#blockBytes = 0;
  }

  #tail(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length < last.bytes.length) return last;
    const share = Math.max(this.#sizeBytes, this.#length) / BLOCKS;
    const size = Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, Math.ceil(share)));
    const spare = this.#spare;
    this.#spare = undefined;
    const block =
      spare?.bytes.length === size ? spare : { bytes: Buffer.allocUnsafeSlow(size), length: 0, isLent: false };
    this.#blocks.push(block);
    return block;
  }

  #trim(): void {
    const needed = Math.min(this.#limitBytes, this.#end + 1 - this.#needed);
    this.#length = Math.min(this.#length, Math.max(this.#sizeBytes, needed));
    let first = this.#blocks[0];
    while (first !== undefined && this.#blockBytes - first.length >= this.#length) {
      this.#blocks.shift();
      this.#blockBytes -= first.length;
      this.#spare = first.isLent ? undefined : first;
      first.length = 0;
      first = this.#blocks[0];
    }
  }
}
