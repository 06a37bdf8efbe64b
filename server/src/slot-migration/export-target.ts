/** Where the snapshot of slots goes: the connection to their next owner. */

import type { Socket } from "node:net";
import { createChunk } from "../persistence/rdb-output.ts";
import type { SnapshotTarget } from "../persistence/snapshot-target.ts";

/** Bytes on their way beyond which no more are made. */
const HIGH_WATER_BYTES = 4 << 20;

export function exportTarget(socket: Socket, outcome: { ended(): void; aborted(): void }): SnapshotTarget {
  return {
    get isFull() {
      return socket.writableLength > HIGH_WATER_BYTES;
    },
    get waitingBytes() {
      return socket.writableLength;
    },
    exchange(chunk, length) {
      socket.write(chunk.subarray(0, length));
      return createChunk();
    },
    end: () => outcome.ended(),
    abort: () => outcome.aborted(),
  };
}
