/**
 * One snapshot on its way to all replicas that waited for one when it began. Its length is not known beforehand, so it goes
 * out between two marks of 40 random characters; a replica too old for that gets it collected, with its length in front.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { ReplicaSession } from "./replica-session.ts";

/** Takes a snapshot's bytes as they are made. */
export interface SnapshotReceiver {
  /** The bytes are given away. */
  write(bytes: Buffer): void;
  /** True holds the snapshot back until it is false again. */
  readonly isFull: boolean;
  end(): void;
  fail(reason: string): void;
}

export interface FullSyncOptions {
  readonly sessions: Iterable<ReplicaSession>;
  readonly mark: string;
  /** `+FULLRESYNC id offset` */
  readonly statusLine: string;
  /** Bytes on their way to one replica beyond which no more are made. */
  readonly highWaterBytes: () => number;
  readonly ended: (error: string | undefined, sessions: Iterable<ReplicaSession>) => void;
}

export class FullSync implements SnapshotReceiver {
  readonly #sessions: Set<ReplicaSession>;
  readonly #mark: string;
  readonly #highWaterBytes: () => number;
  readonly #ended: (error: string | undefined, sessions: Iterable<ReplicaSession>) => void;
  readonly #collected: Buffer[] = [];
  readonly #mustCollect: boolean;
  readonly #statusLine: Buffer;
  #hasBegun = false;

  constructor(options: FullSyncOptions) {
    this.#sessions = new Set(options.sessions);
    this.#mark = options.mark;
    this.#statusLine = Buffer.from(options.statusLine);
    this.#highWaterBytes = options.highWaterBytes;
    this.#ended = options.ended;
    this.#mustCollect = [...this.#sessions].some((session) => !session.understandsEndMark);
  }

  /** The snapshot has begun: tells the replicas what follows. The first bytes do so by themselves. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (const session of this.#sessions) {
      const { connection } = session.peer;
      if (!session.usesOldSync) connection.send(this.#statusLine);
      if (session.understandsEndMark) connection.send(Buffer.from(`$EOF:${this.#mark}\r\n`));
    }
  }

  /** The replica is gone; the snapshot goes on for the others. */
  drop(session: ReplicaSession): void {
    this.#sessions.delete(session);
  }

  /** All of them are gone. */
  get isAbandoned(): boolean {
    return this.#sessions.size === 0;
  }

  write(bytes: Buffer): void {
    this.begin();
    for (const session of this.#sessions) if (session.understandsEndMark) session.peer.connection.send(bytes);
    if (this.#mustCollect) this.#collected.push(bytes);
  }

  get isFull(): boolean {
    const highWaterBytes = this.#highWaterBytes();
    for (const session of this.#sessions) if (session.peer.connection.outputBytes > highWaterBytes) return true;
    return false;
  }

  end(): void {
    this.begin();
    const length = this.#collected.reduce((sum, bytes) => sum + bytes.length, 0);
    for (const session of this.#sessions) {
      const { connection } = session.peer;
      if (session.understandsEndMark) connection.send(Buffer.from(this.#mark));
      else for (const bytes of [Buffer.from(`$${length}\r\n`), ...this.#collected]) connection.send(bytes);
      session.isSnapshotSent = true;
    }
    this.#ended(undefined, this.#sessions);
  }

  fail(reason: string): void {
    this.#ended(reason, this.#sessions);
  }
}

export const PING = encodeCommand(["PING"]);
export const GET_ACKNOWLEDGEMENT = encodeCommand(["REPLCONF", "GETACK", "*"]);
