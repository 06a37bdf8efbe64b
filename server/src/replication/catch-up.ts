/**
 * What came of the stream while a replica was away, took its snapshot, or was slower than the stream, is kept once, in the
 * backlog, and handed to each that lacks it no faster than its connection takes it; after that it follows like all others. As long as somebody lacks
 * something the backlog grows, within a limit: who lacks more than that, of the snapshot (sync.ts) and the stream taken
 * together, is disconnected, and is not given a snapshot again at once (sync-delays.ts), since it would be for nothing.
 */

import type { Logger } from "../observability/logger.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Backlog } from "./backlog.ts";
import type { ReplicaSession } from "./replica-session.ts";
import type { Sync } from "./sync.ts";
import type { SyncDelays } from "./sync-delays.ts";

export interface CatchUpSettings {
  /** Bytes of the stream that may be kept, once for all, while replicas are synchronized. */
  readonly maxSyncBytes: number;
  /** Bytes on their way in the connection of a replica beyond which it is given no more of what is kept here. */
  readonly highWaterBytes: number;
}

export interface CatchUpOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: CatchUpSettings;
  readonly delays: SyncDelays;
  readonly sessions: () => Iterable<ReplicaSession>;
  readonly backlog: () => Backlog | undefined;
  /** The full sync under way. */
  readonly sync: () => Sync | undefined;
  readonly nameOf: (session: ReplicaSession) => string;
  /** Sends what those who follow are still to be sent: who joins them has that from the backlog. */
  readonly flush: () => void;
  readonly sent: (bytes: number) => void;
}

/** A connection that was full is looked at again after this. */
const FULL_PAUSE_MS = 2;
/** Of a backlog that is not there any more: nobody can be given anything. */
const NOTHING_LEFT = Number.POSITIVE_INFINITY;

export class CatchUp {
  readonly #options: CatchUpOptions;
  #cancelTimer: CancelTimer | undefined;
  #isAnybodyBehind = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** After the backlog has grown, or somebody has come or gone: keeps what is lacked, and parts with those it is too much for. */
  settle(): void {
    const backlog = this.#options.backlog();
    const { maxSyncBytes } = this.#options.settings;
    const sync = this.#options.sync();
    let oldest: number | undefined;
    for (const session of this.#options.sessions()) {
      const { next } = session;
      const streamBytes = next === undefined ? 0 : lackedOf(backlog, next);
      if (streamBytes + (sync?.lackedBy(session) ?? 0) > maxSyncBytes) this.#cut(session, maxSyncBytes);
      else if (next !== undefined) oldest = Math.min(oldest ?? next, next);
    }
    this.#isAnybodyBehind = oldest !== undefined;
    backlog?.need(oldest, maxSyncBytes);
  }

  /** The same, asked for each piece of the stream: from here on those whose connections are full are given it as they take it. */
  grew(): void {
    const backlog = this.#options.backlog();
    const { highWaterBytes } = this.#options.settings;
    for (const session of this.#options.sessions()) {
      if (backlog === undefined || !session.follows || session.peer.connection.outputBytes <= highWaterBytes) continue;
      session.next = backlog.end + 1;
      this.#isAnybodyBehind = true;
      this.pumpLater();
    }
    if (this.#isAnybodyBehind) this.settle();
  }

  /** Gives all who are ready for it what they lack, as far as their connections have room. */
  pump(): void {
    this.#options.flush();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#options.sync()?.give();
    const backlog = this.#options.backlog();
    for (const session of this.#options.sessions()) {
      if (session.state !== "online" || session.next === undefined) continue;
      if (backlog?.covers(session.next) === true) this.#give(session, session.next, backlog);
      if (session.next !== undefined) this.pumpLater();
    }
    this.settle();
  }

  /** Somebody lacks something for which its connection has no room. */
  pumpLater(): void {
    this.#cancelTimer ??= this.#options.clock.after(FULL_PAUSE_MS, () => this.pump());
  }

  #give(session: ReplicaSession, next: number, backlog: Backlog): void {
    const { connection } = session.peer;
    const room = this.#options.settings.highWaterBytes - connection.outputBytes;
    if (room <= 0) return;
    let given = 0;
    for (const piece of backlog.read(next, room)) {
      connection.send(piece);
      given += piece.length;
    }
    this.#options.sent(given);
    session.next = next + given;
    if (session.next > backlog.end) session.next = undefined;
  }

  #cut(session: ReplicaSession, maxSyncBytes: number): void {
    const { clock, logger, delays, nameOf } = this.#options;
    const name = nameOf(session);
    const delayMs = delays.failed(name, clock.nowMs());
    const reason =
      session.state === "online"
        ? "it is slower than the stream, and lacks more than is kept for that"
        : "more has changed during its synchronization than is kept for that";
    logger.warning(
      `Disconnecting replica ${name} (${session.state}): ${reason} (${maxSyncBytes} bytes). It may be sent a snapshot again in ` +
        `${delayMs / 1000} s. If that does not help, raise repl-backlog-size, or the hard limit of ` +
        "client-output-buffer-limit replica, beyond what changes in that time",
    );
    session.next = undefined;
    this.#options.sync()?.drop(session);
    this.pumpLater();
    session.peer.connection.destroy();
  }
}

/** How much of the stream from byte `next` on there is; more than any limit if it is not here whole. */
function lackedOf(backlog: Backlog | undefined, next: number): number {
  return backlog?.covers(next) === true ? backlog.end + 1 - next : NOTHING_LEFT;
}
