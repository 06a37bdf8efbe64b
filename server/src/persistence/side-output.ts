/**
 * Chunks that wait in memory for their turn: while a large value is being written, whatever else has to leave before it
 * changes comes here, because a value must lie in one piece in the file.
 */

import { CHUNK_BYTES, type ChunkSink, createChunk, type RdbOutput } from "./rdb-output.ts";

export class SideChunks implements ChunkSink {
  #full: { readonly chunk: Buffer; readonly length: number }[] = [];
  readonly #spare: Buffer[] = [];

  exchange(chunk: Buffer, length: number): Buffer {
    this.#full.push({ chunk, length });
    return this.#spare.pop() ?? createChunk();
  }

  get waitingBytes(): number {
    return this.#full.length * CHUNK_BYTES;
  }

  /** Behind what this output has; what waits in a chunk that is not full must have been flushed before. */
  moveTo(output: RdbOutput): void {
    const full = this.#full;
    this.#full = [];
    for (const { chunk, length } of full) {
      const empty = output.append(chunk, length);
      if (this.#spare.length === 0) this.#spare.push(empty);
    }
  }
}
