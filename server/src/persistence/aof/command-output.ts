/** Commands as the append-only file has them, one behind the other in an output of chunks. */

import type { ByteSpan } from "../../memory/byte-span.ts";
import type { Pieces } from "../pieces.ts";
import type { RdbOutput } from "../rdb-output.ts";

const LINE_END = Buffer.from("\r\n");
/** Longer arguments are written in pieces where that can be. */
const PIECE_BYTES = 256 << 10;

export class CommandOutput {
  readonly #output: RdbOutput;

  constructor(output: RdbOutput) {
    this.#output = output;
  }

  /** A command of so many words follows; `name` are the first of them. */
  begin(words: number, ...name: readonly string[]): void {
    this.#ascii(`*${words}\r\n`);
    for (const word of name) this.text(word);
  }

  text(word: string): void {
    this.#ascii(`$${word.length}\r\n${word}\r\n`);
  }

  bytes(buffer: Buffer, offset: number, length: number): void {
    this.#ascii(`$${length}\r\n`);
    this.#output.raw(buffer, offset, length);
    this.#output.raw(LINE_END, 0, LINE_END.length);
  }

  span({ buffer, offset, length }: ByteSpan): void {
    this.bytes(buffer, offset, length);
  }

  *bytesInPieces(buffer: Buffer, offset: number, length: number): Pieces {
    this.#ascii(`$${length}\r\n`);
    for (let done = 0; done < length; done += PIECE_BYTES) {
      this.#output.raw(buffer, offset + done, Math.min(PIECE_BYTES, length - done));
      yield;
    }
    this.#output.raw(LINE_END, 0, LINE_END.length);
  }

  #ascii(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.#output.raw(bytes, 0, bytes.length);
  }
}
