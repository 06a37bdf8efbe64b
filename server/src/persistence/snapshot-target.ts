/** Where a snapshot goes: a file, sockets of replicas, memory. */

import type { ChunkSink } from "./rdb-output.ts";

export interface SnapshotTarget extends ChunkSink {
  /** More than enough waits to be written: the walk should pause. Pre-images of changes come all the same. */
  readonly isFull: boolean;
  /** Bytes handed over and not yet gone. */
  readonly waitingBytes: number;
  /** All chunks have been given. The target tells its owner when it is done with them. */
  end(): void;
  /** The snapshot is given up: nothing of it may remain. */
  abort(): void;
}

/** The same target, whose owner is told when the snapshot is given up. */
export function withAbort(target: SnapshotTarget, aborted: () => void): SnapshotTarget {
  return {
    exchange: (chunk, length) => target.exchange(chunk, length),
    get isFull() {
      return target.isFull;
    },
    get waitingBytes() {
      return target.waitingBytes;
    },
    end: () => target.end(),
    abort() {
      target.abort();
      aborted();
    },
  };
}
