/**
 * One snapshot on its way to all replicas that waited for one when it began. Its length is not known beforehand, so it goes
 * out between two marks of 40 random characters; replicas too old for that are served by a file (file-sync.ts).
 *
 * What has to be written before its turn, because it is about to change, comes whether the replicas have room for it or not.
 * So the bytes wait here, once for all of them (snapshot-queue.ts), and each is given what its connection takes. Who lacks
 * too much is parted with in catch-up.ts; never here, where a change may be under way.
 */

import type { ReplicaSession } from "./replica-session.ts";
import { SnapshotQueue } from "./snapshot-queue.ts";
import type { SnapshotReceiver } from "./snapshot-source.ts";
import type { Sync } from "./sync.ts";

export interface FullSyncOptions {
  readonly sessions: Iterable<ReplicaSession>;
  readonly mark: string;
  /** `+FULLRESYNC id offset` */
  readonly statusLine: string;
  /** Bytes on their way to one replica beyond which it is given no more. */
  readonly highWaterBytes: () => number;
  /** Somebody lacks something: `give` is to be called again in a while. */
  readonly lacking: () => void;
  /** Bytes that one of them has been given. */
  readonly sent: (bytes: number) => void;
  /** All have been given everything, or an error ended it; once. */
  readonly ended: (error: string | undefined, sessions: Iterable<ReplicaSession>) => void;
}

export class FullSync implements Sync, SnapshotReceiver {
  readonly #options: FullSyncOptions;
  /** Up to where in the snapshot each has been given it. */
  readonly #positions: Map<ReplicaSession, number>;
  readonly #queue = new SnapshotQueue();
  #hasBegun = false;
  #isWhole = false;
  #hasEnded = false;

  constructor(options: FullSyncOptions) {
    this.#options = options;
    this.#positions = new Map([...options.sessions].map((session) => [session, 0]));
  }

  /** The snapshot has begun: tells the replicas what follows. The first bytes do so by themselves. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { statusLine, mark } = this.#options;
    for (const session of this.#positions.keys()) {
      const { connection } = session.peer;
      if (!session.usesOldSync) connection.send(Buffer.from(statusLine));
      connection.send(Buffer.from(`$EOF:${mark}\r\n`));
    }
  }

  keepAlive(): void {
    // Between the marks nothing else may be sent.
  }

  /** The replica is gone; the snapshot goes on for the others. */
  drop(session: ReplicaSession): void {
    this.#positions.delete(session);
    this.#forgetGiven();
  }

  /** All of them are gone. */
  get isAbandoned(): boolean {
    return this.#positions.size === 0;
  }

  /** How much of what has been made so far this replica has not been given. */
  lackedBy(session: ReplicaSession): number {
    const position = this.#positions.get(session);
    return position === undefined ? 0 : this.#queue.end - position;
  }

  /** Of the snapshot, in memory for those who lack it. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  write(bytes: Buffer): void {
    this.begin();
    this.#queue.append(bytes);
    this.give();
  }

  get isFull(): boolean {
    const highWaterBytes = this.#options.highWaterBytes();
    for (const session of this.#positions.keys()) {
      if (session.peer.connection.outputBytes + this.lackedBy(session) > highWaterBytes) return true;
    }
    return false;
  }

  end(): void {
    this.begin();
    this.#isWhole = true;
    this.give();
  }

  fail(reason: string): void {
    this.#finish(reason);
  }

  /** Gives each what it lacks, as far as its connection has room. */
  give(): void {
    const highWaterBytes = this.#options.highWaterBytes();
    let isMoreLeft = false;
    for (const session of this.#positions.keys()) {
      if (session.isSnapshotSent) continue;
      this.#give(session, highWaterBytes);
      isMoreLeft ||= this.lackedBy(session) > 0;
      if (!this.#isWhole || this.lackedBy(session) > 0) continue;
      session.peer.connection.send(Buffer.from(this.#options.mark));
      session.isSnapshotSent = true;
    }
    this.#forgetGiven();
    if (isMoreLeft) this.#options.lacking();
    else if (this.#isWhole) this.#finish(undefined);
  }

  #give(session: ReplicaSession, highWaterBytes: number): void {
    const { connection } = session.peer;
    const position = this.#positions.get(session) ?? 0;
    let given = 0;
    for (const piece of this.#queue.read(position, highWaterBytes - connection.outputBytes)) {
      connection.send(piece);
      given += piece.length;
    }
    this.#positions.set(session, position + given);
    this.#options.sent(given);
  }

  #forgetGiven(): void {
    this.#queue.drop(Math.min(this.#queue.end, ...this.#positions.values()));
  }

  #finish(error: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.ended(error, this.#positions.keys());
  }
}
