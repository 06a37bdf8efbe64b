/** A snapshot's chunks on their way to replicas, with the checksum that ends every RDB stream. */

import { Crc64 } from "../persistence/crc64.ts";
import { CHECKSUM_BYTES } from "../persistence/rdb-format.ts";
import { CHUNK_BYTES, createChunk } from "../persistence/rdb-output.ts";
import type { SnapshotTarget } from "../persistence/snapshot-target.ts";
import type { SnapshotReceiver } from "./snapshot-source.ts";

export class ReceiverTarget implements SnapshotTarget {
  readonly #receiver: SnapshotReceiver;
  readonly #hasChecksum: boolean;
  readonly #checksum = new Crc64();
  readonly #finished: () => void;
  readonly waitingBytes = 0;

  constructor(receiver: SnapshotReceiver, hasChecksum: boolean, finished: () => void) {
    this.#receiver = receiver;
    this.#hasChecksum = hasChecksum;
    this.#finished = finished;
  }

  get isFull(): boolean {
    return this.#receiver.isFull;
  }

  exchange(chunk: Buffer, length: number): Buffer {
    if (this.#hasChecksum) this.#checksum.update(chunk, 0, length);
    if (length < CHUNK_BYTES / 2) {
      // It may have to wait, and should not take far more memory than it is counted for.
      this.#receiver.write(Buffer.from(chunk.subarray(0, length)));
      return chunk;
    }
    this.#receiver.write(chunk.subarray(0, length));
    return createChunk();
  }

  end(): void {
    const tail = Buffer.alloc(CHECKSUM_BYTES);
    if (this.#hasChecksum) this.#checksum.write(tail, 0);
    this.#receiver.write(tail);
    this.#receiver.end();
    this.#finished();
  }

  abort(): void {
    this.#receiver.fail("the snapshot was given up");
    this.#finished();
  }
}
