/**
 * The primary's side of replication: the stream of changes with its backlog, and the replicas that follow it. A node that is
 * itself a replica passes the stream of its primary on, byte for byte, to replicas of its own.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { Backlog } from "./backlog.ts";
import { CatchUp, type CatchUpSettings } from "./catch-up.ts";
import { FileSync } from "./file-sync.ts";
import { FullSync } from "./full-sync.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { History } from "./history.ts";
import { type ReplicaPeer, ReplicaSession } from "./replica-session.ts";
import type { SnapshotSource } from "./snapshot-source.ts";
import { StreamBatch } from "./stream-batch.ts";
import type { Sync } from "./sync.ts";
import { SyncDelays } from "./sync-delays.ts";

export interface ReplicasSettings extends CatchUpSettings {
  readonly backlogBytes: number;
  readonly backlogTtlSeconds: number;
  readonly pingPeriodSeconds: number;
  readonly timeoutSeconds: number;
  /** A full sync goes by the socket, for those who can take it so; else by a file. */
  readonly isDiskless: boolean;
  readonly syncDelaySeconds: number;
  /** As soon as so many wait for a snapshot, others are not waited for; 0 is no number. */
  readonly enoughToSync: number;
  readonly maxLagSeconds: number;
}

export interface ReplicasOptions {
  readonly history: History;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: ReplicasSettings;
  readonly snapshots: SnapshotSource;
}

const NO_DATABASE = -1;

export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #history: History;
  readonly #sessions = new Map<ReplicaPeer, ReplicaSession>();
  readonly #batch = new StreamBatch();
  readonly heartbeat = new Heartbeat();
  readonly #delays = new SyncDelays();
  readonly #catchUp: CatchUp;
  #backlog: Backlog | undefined;
  #database = NO_DATABASE;
  #isFlushScheduled = false;
  #sync: Sync | undefined;
  #abortSnapshot: (() => void) | undefined;
  #lastPingMs = 0;
  #aloneSinceMs: number;
  /** False on a replica: its stream comes from its primary, what its own clients do is not part of it. */
  isOrigin = true;
  fullSyncs = 0;
  partialSyncs = 0;
  refusedPartialSyncs = 0;
  outputBytes = 0;
  /** Called when a replica has acknowledged more. */
  acknowledged: () => void = () => undefined;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#history = options.history;
    this.#aloneSinceMs = options.clock.nowMs();
    const { clock, logger, settings } = options;
    this.#catchUp = new CatchUp({
      ...{ clock, logger, settings, delays: this.#delays },
      sessions: () => this.#sessions.values(),
      backlog: () => this.#backlog,
      sync: () => this.#sync,
      nameOf: (session) => this.nameOf(session),
      flush: () => this.#flush(),
      sent: (bytes) => {
        this.outputBytes += bytes;
      },
    });
  }

  /** Whether changes must be fed. */
  get active(): boolean {
    return this.isOrigin && this.#backlog !== undefined;
  }

  /** Where the stream has come to. */
  get offset(): number {
    return this.#history.offset;
  }

  /** The database that the stream has chosen last. */
  get databaseIndex(): number {
    return Math.max(0, this.#database);
  }

  /** What waits for replicas that are being synchronized, in one place for all of them. */
  get waitingBytes(): number {
    return (this.#backlog?.grownBytes ?? 0) + (this.#sync?.waitingBytes ?? 0);
  }

  get backlog(): Backlog | undefined {
    return this.#backlog;
  }

  /** Those that have asked for the stream. */
  get sessions(): ReplicaSession[] {
    return [...this.#sessions.values()].filter(isFollowing);
  }

  /** A change made here, on this database. */
  feed(databaseIndex: number, bytes: Buffer, start: number, end: number): void {
    if (this.#backlog === undefined) return;
    if (databaseIndex >= 0 && databaseIndex !== this.#database) {
      this.#database = databaseIndex;
      const select = encodeCommand(["SELECT", databaseIndex]);
      this.#append(select, 0, select.length);
    }
    this.#append(bytes, start, end);
  }

  /** A piece of our own primary's stream, to be passed on as it is. */
  relay(bytes: Buffer, start: number, end: number): void {
    this.#append(bytes, start, end);
  }

  /** From here on every change says its database again: the history has changed hands. */
  forgetDatabase(): void {
    this.#database = NO_DATABASE;
  }

  /** A backlog from the present offset on, for those who will follow. */
  openBacklog(): void {
    this.#backlog = new Backlog(this.#options.settings.backlogBytes, this.#history.offset);
    this.#database = NO_DATABASE;
  }

  closeBacklog(): void {
    this.#backlog = undefined;
  }

  resetStatistics(): void {
    this.fullSyncs = 0;
    this.partialSyncs = 0;
    this.refusedPartialSyncs = 0;
    this.outputBytes = 0;
  }

  resizeBacklog(): void {
    this.#backlog?.resize(this.#options.settings.backlogBytes);
  }

  /** The session of a client that has said anything of a replica (REPLCONF, PSYNC); made on the first. */
  sessionOf(peer: ReplicaPeer, make: boolean): ReplicaSession | undefined {
    let session = this.#sessions.get(peer);
    if (session === undefined && make) {
      // The first one is pinged a period after it came.
      if (this.#sessions.size === 0) this.#lastPingMs = this.#options.clock.nowMs();
      session = new ReplicaSession(peer, this.#options.clock.nowMs());
      this.#sessions.set(peer, session);
    }
    return session;
  }

  /**
   * PSYNC: `next` is the first byte the replica has not got, of the stream `id`. Continues there if that is possible, else
   * lets the replica wait for a full sync. Everything it is sent goes through its connection.
   */
  synchronize(session: ReplicaSession, id: string, next: number): void {
    if (this.#continue(session, id, next)) return;
    if (id !== "?") this.refusedPartialSyncs++;
    const nowMs = this.#options.clock.nowMs();
    if (this.#backlog === undefined) {
      this.#history.restart();
      this.openBacklog();
    }
    session.restart(nowMs);
    this.#options.logger.notice(`Replica ${this.nameOf(session)} asks for synchronization`);
    this.#startWaiting(nowMs);
  }

  /** `durableOffset` is up to where its append-only file is on its disk; undefined from one that does not say. */
  acknowledge(peer: ReplicaPeer, offset: number, durableOffset?: number): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    session.lastAcknowledgedMs = this.#options.clock.nowMs();
    if (offset > session.acknowledgedOffset) session.acknowledgedOffset = offset;
    if (durableOffset !== undefined && durableOffset > session.durableOffset) session.durableOffset = durableOffset;
    if (session.state === "sending" && session.isSnapshotSent) this.#goOnline(session);
    if (session.state === "online" && session.isOfGroup) this.heartbeat.acknowledged(offset);
    this.acknowledged();
  }

  #goOnline(session: ReplicaSession): void {
    session.goOnline(this.#options.clock.nowMs());
    this.#catchUp.pump();
    this.#options.logger.notice(`Synchronization with replica ${this.nameOf(session)} succeeded`);
  }

  forget(peer: ReplicaPeer): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    this.#sessions.delete(peer);
    this.#sync?.drop(session);
    this.#catchUp.settle();
    // For those who are left the sync may be over.
    if (this.#sync !== undefined) this.#catchUp.pumpLater();
    this.#options.logger.notice(`Connection with replica ${this.nameOf(session)} lost`);
    if (this.#sessions.size === 0) this.#aloneSinceMs = this.#options.clock.nowMs();
    // A snapshot for nobody would only be in the way of the next.
    if (this.#sync?.isAbandoned !== true) return;
    this.#options.logger.notice("Snapshot for replicas given up: all of them are gone");
    this.#abortSnapshot?.();
  }

  /** Our history is another now: those who followed must ask again. */
  disconnectAll(except?: ReplicaSession): void {
    for (const session of [...this.#sessions.values()]) {
      if (session === except) continue;
      session.next = undefined;
      session.peer.connection.destroy();
    }
  }

  countAcknowledged(offset: number): number {
    let count = 0;
    for (const session of this.#sessions.values()) {
      if (session.state === "online" && session.acknowledgedOffset >= offset) count++;
    }
    return count;
  }

  /** Replicas that follow and have not acknowledged all of the stream, as the log names them. */
  lagging(): string[] {
    const behind = [...this.#sessions.values()].filter(
      (session) => !session.isSnapshotOnly && session.acknowledgedOffset < this.#history.offset,
    );
    return behind.map((session) => {
      const bytes = this.#history.offset - session.acknowledgedOffset;
      return `${this.nameOf(session)} reported offset ${bytes} behind master, state=${session.state}`;
    });
  }

  /** Replicas that have it on their disks. */
  countDurable(offset: number): number {
    let count = 0;
    for (const session of this.#sessions.values()) {
      if (session.state === "online" && session.durableOffset >= offset) count++;
    }
    return count;
  }

  /** Replicas that follow and have been heard of lately. */
  get goodCount(): number {
    const limitMs = this.#options.clock.nowMs() - this.#options.settings.maxLagSeconds * 1000;
    let count = 0;
    for (const session of this.#sessions.values()) {
      if (session.state === "online" && session.lastAcknowledgedMs >= limitMs) count++;
    }
    return count;
  }

  /** Asks all replicas to acknowledge at once, for WAIT. */
  requestAcknowledgements(): void {
    if (this.#backlog !== undefined) this.#append(GET_ACKNOWLEDGEMENT, 0, GET_ACKNOWLEDGEMENT.length);
  }

  /** Once a second. */
  tick(): void {
    const nowMs = this.#options.clock.nowMs();
    const { pingPeriodSeconds, timeoutSeconds, backlogTtlSeconds } = this.#options.settings;
    if (this.isOrigin && this.#sessions.size > 0 && nowMs - this.#lastPingMs >= pingPeriodSeconds * 1000) {
      this.#lastPingMs = nowMs;
      if (this.#backlog !== undefined) this.#beat();
    }
    this.#dropLate(nowMs, timeoutSeconds * 1000);
    this.#startWaiting(nowMs);
    for (const session of this.sessions) {
      if (session.state === "waiting") session.peer.connection.send(KEEP_ALIVE);
    }
    this.#sync?.keepAlive();
    const isAlone = this.#sessions.size === 0 && nowMs - this.#aloneSinceMs > backlogTtlSeconds * 1000;
    if (isAlone && backlogTtlSeconds > 0 && this.isOrigin && this.#backlog !== undefined) {
      this.#backlog = undefined;
      this.#history.restart();
    }
  }

  #beat(): void {
    this.#append(PING, 0, PING.length);
    this.heartbeat.beat(this.#history.offset, Math.floor(this.#options.clock.monotonicUs() / 1000));
  }

  addressOf(session: ReplicaSession): { readonly host: string; readonly port: number } {
    // A client's address is host:port, [host]:port for IPv6.
    const host = session.announcedAddress || session.peer.address.replace(/^\[?(.*?)\]?:\d+$/, "$1");
    return { host, port: session.listeningPort };
  }

  nameOf(session: ReplicaSession): string {
    const { host, port } = this.addressOf(session);
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }

  #continue(session: ReplicaSession, id: string, next: number): boolean {
    const backlog = this.#backlog;
    if (backlog === undefined || !this.#history.shares(id, next) || !backlog.covers(next)) return false;
    session.peer.connection.send(
      Buffer.from(session.understandsPsync2 ? `+CONTINUE ${this.#history.id}\r\n` : "+CONTINUE\r\n"),
    );
    session.next = next;
    session.goOnline(this.#options.clock.nowMs());
    this.#catchUp.pump();
    this.partialSyncs++;
    this.#options.logger.notice(`Partial resynchronization request from ${this.nameOf(session)} accepted`);
    return true;
  }

  /** Begins a snapshot for those who wait, once the first has waited long enough for others to join. */
  #startWaiting(nowMs: number): void {
    if (this.#sync !== undefined) return;
    const waiting = this.sessions.filter(
      (session) => session.state === "waiting" && !this.#delays.mustWait(this.nameOf(session), nowMs),
    );
    if (waiting.length === 0) return;
    const longest = Math.max(...waiting.map((session) => nowMs - session.waitingSinceMs));
    const { syncDelaySeconds, enoughToSync } = this.#options.settings;
    const isEnough = enoughToSync > 0 && waiting.length >= enoughToSync;
    if (longest < syncDelaySeconds * 1000 && !isEnough) return;
    this.#flush();
    const begun = this.#begin(waiting);
    // Another snapshot is under way: they wait on.
    if (begun === undefined) return;
    this.#abortSnapshot = begun.abort;
    this.#sync = begun.sync;
    begun.sync.begin();
    // What comes next is written with its database again: the replica starts without one.
    this.#database = NO_DATABASE;
    this.fullSyncs += waiting.length;
    for (const session of waiting) session.startSending(this.#history.offset);
    this.#catchUp.settle();
  }

  /** One of them that cannot find the end by its mark is enough for all of them to be served by a file, as in Redis. */
  #begin(waiting: readonly ReplicaSession[]): { sync: Sync; abort: () => void } | undefined {
    const { settings, snapshots, random } = this.#options;
    const common = {
      sessions: waiting,
      statusLine: `+FULLRESYNC ${this.#history.id} ${this.#history.offset}\r\n`,
      highWaterBytes: () => settings.highWaterBytes,
      lacking: () => this.#catchUp.pumpLater(),
      sent: (bytes: number) => {
        this.outputBytes += bytes;
      },
      ended: (error: string | undefined, sessions: Iterable<ReplicaSession>) => this.#ended(error, sessions),
    };
    if (settings.isDiskless && waiting.every((session) => session.understandsEndMark)) {
      const sync = new FullSync({ ...common, mark: random.hex(40) });
      const abort = snapshots.toReceiver(sync);
      return abort === undefined ? undefined : { sync, abort };
    }
    const sync = new FileSync({ ...common, given: (session) => this.#goOnline(session) });
    const abort = snapshots.toFile(sync);
    return abort === undefined ? undefined : { sync, abort };
  }

  #ended(error: string | undefined, sessions: Iterable<ReplicaSession>): void {
    this.#sync = undefined;
    this.#abortSnapshot = undefined;
    if (error === undefined) return;
    const left = [...sessions];
    if (left.length > 0) this.#options.logger.warning(`Synchronization with replicas failed: ${error}`);
    for (const session of left) session.peer.connection.destroy();
  }

  #dropLate(nowMs: number, timeoutMs: number): void {
    for (const session of [...this.#sessions.values()]) {
      // Both are asked each time: whether it is stuck shows by comparing.
      const isStuck = session.isStuck(nowMs, timeoutMs);
      if (!session.isLate(nowMs, timeoutMs) && !isStuck) continue;
      this.#options.logger.warning(`Disconnecting timedout replica ${this.nameOf(session)} (${session.state})`);
      session.peer.connection.destroy();
    }
  }

  #append(bytes: Buffer, start: number, end: number): void {
    this.#history.offset += end - start;
    this.#backlog?.append(bytes, start, end);
    if (this.#sessions.size === 0) return;
    this.#batch.append(bytes, start, end);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    if (this.#batch.isEmpty) return;
    for (const bytes of this.#batch.take()) {
      for (const session of this.#sessions.values()) if (session.stream(bytes)) this.outputBytes += bytes.length;
    }
    this.#catchUp.grew();
  }
}

const PING = encodeCommand(["PING"]);
const GET_ACKNOWLEDGEMENT = encodeCommand(["REPLCONF", "GETACK", "*"]);
/** A line break keeps a waiting replica from taking the silence for a dead link. */
const KEEP_ALIVE = Buffer.from("\n");

/** REPLCONF alone makes nobody a follower. */
function isFollowing(session: ReplicaSession): boolean {
  return session.state !== "waiting" || session.waitingSinceMs > 0;
}
