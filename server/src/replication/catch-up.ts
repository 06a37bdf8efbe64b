/**
 * What came of the stream while a replica was away or took its snapshot is kept once, in the backlog, and handed to each that
 * lacks it no faster than its connection takes it; after that it follows like all others. As long as somebody lacks
 * something the backlog grows, within a limit: who falls behind that is disconnected, and is not given a snapshot again at
 * once (sync-delays.ts), since it would be for nothing.
 */

import type { Logger } from "../observability/logger.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Backlog } from "./backlog.ts";
import type { ReplicaSession } from "./replica-session.ts";
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
  readonly nameOf: (session: ReplicaSession) => string;
  /** Sends what those who follow are still to be sent: who joins them has that from the backlog. */
  readonly flush: () => void;
  readonly sent: (bytes: number) => void;
}

/** A connection that was full is looked at again after this. */
const FULL_PAUSE_MS = 2;

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
    if (backlog === undefined) return;
    const { maxSyncBytes } = this.#options.settings;
    let oldest: number | undefined;
    for (const session of this.#options.sessions()) {
      if (session.next === undefined) continue;
      if (!backlog.covers(session.next)) this.#cut(session, maxSyncBytes);
      else oldest = Math.min(oldest ?? session.next, session.next);
    }
    this.#isAnybodyBehind = oldest !== undefined;
    backlog.need(oldest, maxSyncBytes);
  }

  /** The same, asked for each piece of the stream. */
  grew(): void {
    if (this.#isAnybodyBehind) this.settle();
  }

  /** Gives all who are ready for it what they lack, as far as their connections have room. */
  pump(): void {
    this.#options.flush();
    const backlog = this.#options.backlog();
    if (backlog === undefined) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    let isMoreLeft = false;
    for (const session of this.#options.sessions()) {
      if (session.state !== "online" || session.next === undefined) continue;
      if (backlog.covers(session.next)) this.#give(session, session.next, backlog);
      isMoreLeft ||= session.next !== undefined;
    }
    this.settle();
    if (isMoreLeft) this.#cancelTimer = this.#options.clock.after(FULL_PAUSE_MS, () => this.pump());
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
    if (session.next <= backlog.end) return;
    session.next = undefined;
    this.#options.delays.succeeded(this.#options.nameOf(session));
  }

  #cut(session: ReplicaSession, maxSyncBytes: number): void {
    const { clock, logger, delays, nameOf } = this.#options;
    const name = nameOf(session);
    const delayMs = delays.failed(name, clock.nowMs());
    logger.warning(
      `Disconnecting replica ${name} (${session.state}): more has changed during its synchronization than is kept for that ` +
        `(${maxSyncBytes} bytes). It may try again in ${delayMs / 1000} s. If that does not help, raise repl-backlog-size, or ` +
        "the hard limit of client-output-buffer-limit replica, beyond what changes in that time",
    );
    session.next = undefined;
    session.peer.connection.destroy();
  }
}
