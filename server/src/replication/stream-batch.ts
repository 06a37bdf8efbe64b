/**
 * Collects what is fed to replicas within one turn of the event loop, so that each gets it in one write. The memory is
 * given away with `take`: all replicas share the buffers, and nobody changes them any more.
 */

const FIRST_BYTES = 16 << 10;
/** A piece this large gets a buffer of its own. */
const LARGE_BYTES = 64 << 10;

export class StreamBatch {
  #current = Buffer.alloc(0);
  #length = 0;
  #full: Buffer[] = [];

  get isEmpty(): boolean {
    return this.#length === 0 && this.#full.length === 0;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size >= LARGE_BYTES) {
      this.#seal();
      this.#full.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    if (this.#length + size > this.#current.length) {
      this.#seal();
      this.#current = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, size));
    }
    bytes.copy(this.#current, this.#length, start, end);
    this.#length += size;
  }

  /** Everything collected so far, in order. */
  take(): Buffer[] {
    this.#seal();
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  #seal(): void {
    if (this.#length > 0) this.#full.push(this.#current.subarray(0, this.#length));
    // What is left of the buffer can still be filled: the part given away is not touched again.
    this.#current = this.#current.subarray(this.#length);
    this.#length = 0;
  }
}
