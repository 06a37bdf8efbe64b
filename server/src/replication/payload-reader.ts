/**
 * Finds the snapshot in what a primary sends after FULLRESYNC: line breaks that keep the link alive, then either
 * `$<length>` and so many bytes, or `$EOF:<mark>` and bytes until the mark. Bytes go to `receive` as they come; what lies
 * behind the snapshot is given back.
 */

const LF = 10;
const MARK_LENGTH = 40;
const MAX_LINE_BYTES = 256;

export class PayloadError extends Error {}

export class PayloadReader {
  readonly #receive: (bytes: Buffer) => void;
  #line = "";
  #mark: Buffer | undefined;
  /** Bytes of the snapshot still to come, where its length is known. */
  #remaining = -1;
  /** The last bytes seen, which may be the beginning of the mark. */
  #tail = Buffer.alloc(0);
  isDone = false;
  /** Of the snapshot, where its length is known; else 0. */
  totalBytes = 0;
  /** Of the snapshot, so far. */
  readBytes = 0;

  constructor(receive: (bytes: Buffer) => void) {
    this.#receive = (bytes) => {
      this.readBytes += bytes.length;
      receive(bytes);
    };
  }

  /** Takes the next bytes; gives those that come after the snapshot, empty until it is whole. */
  push(chunk: Buffer): Buffer {
    let rest = chunk;
    if (this.#mark === undefined && this.#remaining < 0) {
      const position = this.#readLine(rest);
      if (position < 0) return EMPTY;
      rest = rest.subarray(position);
    }
    return this.#mark === undefined ? this.#readCounted(rest) : this.#readMarked(rest, this.#mark);
  }

  #readLine(chunk: Buffer): number {
    for (let i = 0; i < chunk.length; i++) {
      if (chunk[i] !== LF) {
        this.#line += String.fromCharCode(chunk[i] as number);
        if (this.#line.length > MAX_LINE_BYTES) throw new PayloadError("The primary sent no snapshot");
        continue;
      }
      const line = this.#line.replace(/\r$/, "");
      this.#line = "";
      if (line === "") continue;
      this.#begin(line);
      return i + 1;
    }
    return -1;
  }

  #begin(line: string): void {
    if (line.startsWith("-")) throw new PayloadError(`The primary refused: ${line.slice(1)}`);
    if (line.startsWith("$EOF:") && line.length === 5 + MARK_LENGTH) {
      this.#mark = Buffer.from(line.slice(5), "latin1");
      return;
    }
    if (!/^\$\d{1,15}$/.test(line)) throw new PayloadError(`The primary sent "${line}" in place of a snapshot`);
    this.totalBytes = Number(line.slice(1));
    this.#remaining = this.totalBytes;
  }

  #readCounted(chunk: Buffer): Buffer {
    const taken = Math.min(this.#remaining, chunk.length);
    if (taken > 0) this.#receive(chunk.subarray(0, taken));
    this.#remaining -= taken;
    this.isDone = this.#remaining === 0;
    return chunk.subarray(taken);
  }

  #readMarked(chunk: Buffer, mark: Buffer): Buffer {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const at = bytes.indexOf(mark);
    if (at >= 0) {
      if (at > 0) this.#receive(bytes.subarray(0, at));
      this.isDone = true;
      return bytes.subarray(at + MARK_LENGTH);
    }
    const certain = bytes.length - MARK_LENGTH + 1;
    if (certain <= 0) {
      this.#tail = Buffer.from(bytes);
      return EMPTY;
    }
    this.#receive(bytes.subarray(0, certain));
    this.#tail = Buffer.from(bytes.subarray(certain));
    return EMPTY;
  }
}

const EMPTY = Buffer.alloc(0);
