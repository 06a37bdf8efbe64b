/**
 * Collects the changes of a turn for one write. Whoever writes them at once uses the same memory turn after turn; with `take`
 * it is given away, for a write that another thread makes while the next changes come.
 */

const FIRST_BYTES = 16 << 10;
/** So much is collected in one buffer. A piece this large gets one of its own. */
const MOST_BYTES = 1 << 20;

export class ChangeBatch {
  #current = Buffer.alloc(0);
  #length = 0;
  #full: Buffer[] = [];

  get isEmpty(): boolean {
    return this.#length === 0 && this.#full.length === 0;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.#length + size > this.#current.length) {
      if (size >= MOST_BYTES) {
        this.#seal();
        this.#full.push(Buffer.from(bytes.subarray(start, end)));
        return;
      }
      this.#makeRoom(size);
    }
    bytes.copy(this.#current, this.#length, start, end);
    this.#length += size;
  }

  /** Everything collected so far, in order; the memory is used again after `clear`. */
  get pieces(): readonly Buffer[] {
    if (this.#length === 0) return this.#full;
    return [...this.#full, this.#current.subarray(0, this.#length)];
  }

  clear(): void {
    this.#full = [];
    this.#length = 0;
  }

  /** The same, and nobody changes that memory any more. */
  take(): readonly Buffer[] {
    this.#seal();
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  #makeRoom(size: number): void {
    const needed = this.#length + size;
    if (needed > MOST_BYTES) {
      this.#seal();
      this.#current = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, size));
      return;
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(MOST_BYTES, Math.max(FIRST_BYTES, needed, 2 * this.#current.length)));
    this.#current.copy(grown, 0, 0, this.#length);
    this.#current = grown;
  }

  #seal(): void {
    if (this.#length > 0) this.#full.push(this.#current.subarray(0, this.#length));
    this.#current = EMPTY;
    this.#length = 0;
  }
}

const EMPTY = Buffer.alloc(0);
