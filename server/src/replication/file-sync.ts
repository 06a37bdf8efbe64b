/**
 * One snapshot for all replicas that waited for one when it began, by way of a file: they are told its length first, as those
 * must be that cannot find the end of a snapshot by its mark, and as `repl-diskless-sync no` wants it for all. Each reads the file
 * at its own pace, and what is overwritten meanwhile costs no memory.
 */

import type { ReplicaSession } from "./replica-session.ts";
import type { SnapshotFileReceiver, SnapshotInFile } from "./snapshot-source.ts";
import type { Sync } from "./sync.ts";

export interface FileSyncOptions {
  readonly sessions: Iterable<ReplicaSession>;
  /** `+FULLRESYNC id offset` */
  readonly statusLine: string;
  readonly highWaterBytes: () => number;
  /** The connection of somebody is full: `give` is to be called again in a while. */
  readonly lacking: () => void;
  /** This one has been given everything. It knows where the snapshot ends, so that the stream may follow. */
  readonly given: (session: ReplicaSession) => void;
  /** Bytes that one of them has been given. */
  readonly sent: (bytes: number) => void;
  /** All have been given everything, or an error ended it; once. */
  readonly ended: (error: string | undefined, sessions: Iterable<ReplicaSession>) => void;
}

interface Progress {
  position: number;
  isReading: boolean;
}

/** Read and sent in one go. */
const PIECE_BYTES = 1 << 20;
/** A line break keeps a replica that waits for the file from taking the silence for a dead link. */
const KEEP_ALIVE = Buffer.from("\n");

export class FileSync implements Sync, SnapshotFileReceiver {
  readonly #options: FileSyncOptions;
  readonly #progress: Map<ReplicaSession, Progress>;
  #file: SnapshotInFile | undefined;
  #hasEnded = false;
  readonly waitingBytes = 0;

  constructor(options: FileSyncOptions) {
    this.#options = options;
    this.#progress = new Map([...options.sessions].map((session) => [session, { position: 0, isReading: false }]));
  }

  begin(): void {
    const statusLine = Buffer.from(this.#options.statusLine);
    for (const session of this.#progress.keys()) if (!session.usesOldSync) session.peer.connection.send(statusLine);
  }

  drop(session: ReplicaSession): void {
    this.#progress.delete(session);
  }

  get isAbandoned(): boolean {
    return this.#progress.size === 0;
  }

  lackedBy(): number {
    return 0;
  }

  keepAlive(): void {
    if (this.#file !== undefined) return;
    for (const session of this.#progress.keys()) session.peer.connection.send(KEEP_ALIVE);
  }

  /** The file is whole. */
  ready(file: SnapshotInFile): void {
    if (this.#hasEnded) {
      file.discard();
      return;
    }
    this.#file = file;
    const length = Buffer.from(`$${file.sizeBytes}\r\n`);
    for (const session of this.#progress.keys()) session.peer.connection.send(length);
    this.give();
  }

  fail(reason: string): void {
    this.#finish(reason);
  }

  give(): void {
    const file = this.#file;
    if (file === undefined) return;
    for (const [session, progress] of this.#progress) {
      if (!session.isSnapshotSent && !progress.isReading) void this.#feed(session, progress, file);
    }
    this.#endIfGiven();
  }

  async #feed(session: ReplicaSession, progress: Progress, file: SnapshotInFile): Promise<void> {
    const { connection } = session.peer;
    progress.isReading = true;
    try {
      while (progress.position < file.sizeBytes) {
        const room = this.#options.highWaterBytes() - connection.outputBytes;
        if (room <= 0) {
          this.#options.lacking();
          return;
        }
        const piece = await file.read(progress.position, Math.min(room, PIECE_BYTES));
        if (this.#hasEnded || !this.#progress.has(session)) return;
        connection.send(piece);
        progress.position += piece.length;
        this.#options.sent(piece.length);
      }
      session.isSnapshotSent = true;
      this.#options.given(session);
      this.#endIfGiven();
    } catch (error) {
      this.#finish((error as Error).message);
    } finally {
      progress.isReading = false;
    }
  }

  #endIfGiven(): void {
    if ([...this.#progress.keys()].every(({ isSnapshotSent }) => isSnapshotSent)) this.#finish(undefined);
  }

  #finish(error: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#file?.discard();
    this.#options.ended(error, this.#progress.keys());
  }
}
