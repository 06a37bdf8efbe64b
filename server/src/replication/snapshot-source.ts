/** Where the snapshots for replicas come from: what replication needs of persistence. */

/** Takes a snapshot's bytes as they are made. */
export interface SnapshotReceiver {
  /** The bytes are given away. */
  write(bytes: Buffer): void;
  /** True holds the snapshot back until it is false again. */
  readonly isFull: boolean;
  end(): void;
  fail(reason: string): void;
}

/** A whole snapshot on the disk. */
export interface SnapshotInFile {
  readonly sizeBytes: number;
  /** Bytes from this position on, at most so many and at least one; rejects if they cannot be read. */
  read(position: number, mostBytes: number): Promise<Buffer>;
  /** Nobody reads it any more. */
  discard(): void;
}

export interface SnapshotFileReceiver {
  ready(file: SnapshotInFile): void;
  fail(reason: string): void;
}

/** Both begin a snapshot at this moment, and give what ends it before its time; undefined if one is under way already. */
export interface SnapshotSource {
  toReceiver(receiver: SnapshotReceiver): (() => void) | undefined;
  toFile(receiver: SnapshotFileReceiver): (() => void) | undefined;
}
