/** Where the snapshot of slots goes: the connection to their next owner. */

import { createChunk } from "../persistence/rdb-output.ts";
import type { SnapshotTarget } from "../persistence/snapshot-target.ts";
import type { SnapshotOutcome, TargetLink } from "./slot-export.ts";

/** Bytes on their way beyond which no more are made. */
const HIGH_WATER_BYTES = 4 << 20;

export function exportTarget(link: TargetLink, outcome: SnapshotOutcome): SnapshotTarget {
  return {
    get isFull() {
      return link.unsentBytes > HIGH_WATER_BYTES;
    },
    get waitingBytes() {
      return link.unsentBytes;
    },
    exchange(chunk, length) {
      link.write(chunk.subarray(0, length));
      return createChunk();
    },
    end: () => outcome.ended(),
    abort: () => outcome.aborted(),
  };
}
