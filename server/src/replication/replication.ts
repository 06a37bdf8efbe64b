/**
 * The role of this node and what follows from it: whom it follows, who follows it, at which point of which history its data
 * is. Cluster and commands use this; sockets are in primary-link.ts and in the connections of clients.
 */

import type { PrimaryLinkFacts, ReplicationFacts } from "../observability/facts.ts";
import type { Logger } from "../observability/logger.ts";
import type { OldData } from "../persistence/data-loading.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { DurableOffset } from "./durable-offset.ts";
import { Failover } from "./failover.ts";
import { History } from "./history.ts";
import { Lease } from "./lease.ts";
import {
  type LinkConnector,
  PrimaryLink,
  type PrimaryLinkSettings,
  type SnapshotSpool,
  type StreamApplier,
} from "./primary-link.ts";
import type { ReplicaSession } from "./replica-session.ts";
import { Replicas, type ReplicasSettings } from "./replicas.ts";
import type { SnapshotSource } from "./snapshot-source.ts";

export interface ReplicationSettings extends PrimaryLinkSettings, ReplicasSettings {
  readonly isReadOnly: boolean;
  readonly servesStaleData: boolean;
  readonly priority: number;
  readonly isAnnounced: boolean;
  /** `repl-diskless-load swapdb`: the data stays until the snapshot that is to replace it is loaded. */
  readonly keepsDataInSync: boolean;
}

export interface ReplicationOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: ReplicationSettings;
  /** `group-lease` */
  readonly leaseSeconds: number;
  /** `min-replicas-to-write` */
  readonly minReplicas: () => number;
  readonly snapshots: SnapshotSource;
  /** A save under way cannot take more changes just now. */
  readonly isBehind: () => boolean;
  readonly openSpool: (failed: (reason: Error) => void) => SnapshotSpool;
  /** The append-only file that what is applied goes to; undefined while it is off. */
  readonly appended: () => AppendedStream | undefined;
  readonly applier: StreamApplier;
  /** The keyspace and others learn whether they belong to a replica. */
  readonly roleChanged: (isReplica: boolean) => void;
  /** What comes now is from a primary that has begun anew, or was another's replica, or comes behind its snapshot. */
  readonly streamReplaced: () => void;
  /** A failover has changed whom the configuration is to name. */
  readonly primaryChanged: (primary: { readonly host: string; readonly port: number } | undefined) => void;
  readonly connect: LinkConnector;
  /** Holds back what would change data, while a failover waits. */
  readonly writes: { pause(): void; unpause(): void };
}

/** A point in the stream of changes, and the database that was chosen there. */
export interface ReplicationPosition {
  readonly id: string;
  readonly offset: number;
  readonly databaseIndex: number;
}

const TICK_MS = 1000;

/** Whom a server follows that waits for its role: a primary that there never is. */
const NOBODY = { host: "", port: 0 };

/** Positions in the append-only file: written up to, and safe on the disk up to. */
export interface AppendedStream {
  readonly position: number;
  readonly durable: number;
}

export class Replication {
  readonly history: History;
  readonly replicas: Replicas;
  readonly failover: Failover;
  /** How long it may take writes as a primary whose role was given from outside. */
  readonly lease: Lease;
  readonly #options: ReplicationOptions;
  readonly #durable = new DurableOffset();
  #link: PrimaryLink | undefined;
  #closedLinksInputBytes = 0;
  #stopTicking: CancelTimer | undefined;
  #restored: ReplicationPosition | undefined;
  #heldSinceMs = 0;
  /** The data went to make room for a snapshot of the primary that is not loaded. */
  #isDataGone = false;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.history = new History(options.random);
    const { clock, random, logger, settings, snapshots } = options;
    this.replicas = new Replicas({ history: this.history, clock, random, logger, settings, snapshots });
    this.failover = this.#createFailover();
    const heardMs = (): number => this.replicas.heartbeat.heardMs;
    this.lease = new Lease({ clock, seconds: options.leaseSeconds, heardMs });
  }

  start(): void {
    this.#stopTicking = this.#options.clock.every(TICK_MS, () => {
      if (!this.isHeld) this.#link?.tick();
      this.replicas.tick();
    });
  }

  /** Resolves once nothing is left on the disk of a snapshot that was being received. */
  async stop(): Promise<void> {
    this.#stopTicking?.();
    const stopped = this.#link?.stop();
    this.replicas.disconnectAll();
    await stopped;
  }

  /** Where changes made here are fed to. */
  get feed(): Replicas {
    return this.replicas;
  }

  get isReplica(): boolean {
    return this.#link !== undefined;
  }

  get primary(): { readonly host: string; readonly port: number } | undefined {
    return this.#link;
  }

  get link(): PrimaryLink | undefined {
    return this.#link;
  }

  get offset(): number {
    return this.history.offset;
  }

  /** Waits for its role, and neither serves nor follows anybody meanwhile. */
  get isHeld(): boolean {
    return this.#link !== undefined && this.#link.port === NOBODY.port && this.#link.host === NOBODY.host;
  }

  get heldForMs(): number {
    return this.isHeld ? this.lease.ticket - this.#heldSinceMs : 0;
  }

  /** Whether the data is that of one moment of the stream. */
  get hasWholeCopy(): boolean {
    return !this.#isDataGone;
  }

  /** A replica that takes no writes, or a primary that may have a successor. */
  get isReadOnly(): boolean {
    if (!this.isReplica) return this.lease.isOver;
    return this.isHeld || this.#options.settings.isReadOnly;
  }

  /** A replica without its primary that is not to answer with old data. */
  get isStale(): boolean {
    if (this.#link === undefined || this.#link.isUp) return false;
    return this.isHeld || !this.#options.settings.servesStaleData;
  }

  /** Asked for every batch of requests, so it looks at settings only where there is one to look at. */
  get hasTooFewReplicas(): boolean {
    if (this.#options.minReplicas() === 0 || this.isReplica) return false;
    return this.#options.settings.maxLagSeconds > 0 && this.replicas.goodCount < this.#options.minReplicas();
  }

  /** Milliseconds since the data was last known to be that of the primary; 0 on a primary, infinite if there is none. */
  get dataAgeMs(): number {
    const link = this.#link;
    if (link === undefined) return 0;
    if (this.#isDataGone) return Number.POSITIVE_INFINITY;
    const since = link.isUp ? link.lastDataMs : link.downSinceMs;
    return Math.max(0, this.#options.clock.nowMs() - since);
  }

  /** Where the data stands in the stream, for the header of a file; undefined while the changes are not counted. */
  get position(): ReplicationPosition | undefined {
    if (this.replicas.backlog === undefined) return undefined;
    const databaseIndex = this.isReplica ? this.#options.applier.databaseIndex : this.replicas.databaseIndex;
    return { id: this.history.id, offset: this.history.offset, databaseIndex };
  }

  /**
   * The data was loaded from a file that says where it stands. As a primary we begin a stream of our own there, and replicas
   * that were not further can go on with it; should we turn out to be a replica, we go on from there ourselves.
   */
  restore(position: ReplicationPosition): void {
    this.history.follow(position.id, position.offset);
    this.history.branch();
    this.#options.applier.databaseIndex = position.databaseIndex;
    this.replicas.openBacklog();
    this.#restored = position;
  }

  /** Becomes a replica of this node, or goes on being one. Connects at once; the data stays until a snapshot is here. */
  follow(host: string, port: number, handedOver?: (hasTakenOver: boolean) => void): void {
    const current = this.#link;
    if (current !== undefined && current.host === host && current.port === port) return;
    const wasPrimary = current === undefined;
    this.#rejoinRestored();
    this.#closeLink();
    const { clock, logger, settings, openSpool, applier, connect } = this.#options;
    this.replicas.isOrigin = false;
    this.replicas.disconnectAll();
    this.#link = new PrimaryLink({
      ...{ host, port, connect, clock, logger, settings, openSpool, applier, history: this.history },
      durableOffset: () => this.#durable.upTo(this.#options.appended(), this.history.offset),
      isBehind: this.#options.isBehind,
      canResume: () => this.replicas.backlog !== undefined,
      applied: (bytes) => this.replicas.relay(bytes, 0, bytes.length),
      oldData: (id) => this.#oldDataBeside(id),
      dataGone: () => this.#dataGone(),
      branched: () => this.#branched(),
      synchronized: (id, offset) => this.#synchronized(id, offset),
      ...(handedOver === undefined ? {} : { handedOver }),
    });
    if (wasPrimary) this.#options.roleChanged(true);
    if (!this.isHeld) this.#link.connect();
  }

  /** Our own replicas have to ask again: else they would go on under an id that is not their stream's any more. */
  #branched(): void {
    this.replicas.disconnectAll();
    this.#options.streamReplaced();
  }

  /** Keeps its data, follows nobody and serves nobody, until it is given a role. Counts from now how long that lasts. */
  hold(): void {
    this.follow(NOBODY.host, NOBODY.port);
    this.#heldSinceMs = this.lease.ticket;
  }

  /** Becomes a primary with the data it has. Replicas of the old primary can go on from here; `except` is one already. */
  promote(except?: ReplicaSession): void {
    if (this.#link === undefined) return;
    this.#closeLink();
    this.#isDataGone = false;
    this.history.branch();
    this.replicas.isOrigin = true;
    this.replicas.forgetDatabase();
    this.replicas.heartbeat.restart();
    this.replicas.disconnectAll(except);
    this.#options.roleChanged(false);
    this.#options.logger.notice("PRIMARY MODE enabled");
  }

  #createFailover(): Failover {
    const { clock, logger, primaryChanged, writes } = this.#options;
    const { replicas } = this;
    return new Failover({
      ...{ clock, logger, pauseWrites: () => writes.pause(), unpause: () => writes.unpause() },
      sessions: () => replicas.sessions,
      addressOf: (session) => replicas.addressOf(session),
      offset: () => this.offset,
      requestAcknowledgements: () => replicas.requestAcknowledgements(),
      demote: (host, port, ended) => {
        this.follow(host, port, ended);
        primaryChanged({ host, port });
      },
      promote: () => {
        // The other side may have taken over, and only its answer was lost.
        if (this.lease.isOn) this.hold();
        else this.promote();
        primaryChanged(undefined);
      },
    });
  }

  get inputBytes(): number {
    return this.#closedLinksInputBytes + (this.#link?.inputBytes ?? 0);
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.#closedLinksInputBytes = -(this.#link?.inputBytes ?? 0);
    this.replicas.resetStatistics();
  }

  facts(): ReplicationFacts {
    const { maxLagSeconds } = this.#options.settings;
    const minReplicas = this.#options.minReplicas();
    const { backlog } = this.replicas;
    return {
      failover: this.failover.state,
      group: this.#groupFacts(),
      primaryLink: this.#linkFacts(),
      replicas: this.#replicaFacts(),
      goodReplicas: minReplicas > 0 && maxLagSeconds > 0 ? this.replicas.goodCount : undefined,
      id: this.history.id,
      previousId: this.history.previousId,
      offset: this.history.offset,
      previousOffset: this.history.previousOffset,
      backlog: {
        isActive: backlog !== undefined,
        sizeBytes: backlog?.sizeBytes ?? this.#options.settings.backlogBytes,
        firstOffset: backlog?.first ?? 0,
        length: backlog?.length ?? 0,
      },
      waitingBytes: this.replicas.waitingBytes,
    };
  }

  #groupFacts(): ReplicationFacts["group"] {
    if (!this.lease.isOn) return undefined;
    return {
      state: this.isHeld ? "held" : this.isReplica ? "follows" : "leads",
      ticket: this.lease.ticket,
      heldForMs: this.heldForMs,
      hasWholeCopy: this.hasWholeCopy,
      leaseLeftMs: this.isReplica ? 0 : Math.max(0, this.lease.remainingMs),
    };
  }

  #linkFacts(): ReplicationFacts["primaryLink"] {
    const link = this.#link;
    if (link === undefined) return undefined;
    const nowMs = this.#options.clock.nowMs();
    const { priority, isReadOnly, isAnnounced } = this.#options.settings;
    return {
      host: link.host,
      port: link.port,
      isUp: link.isUp,
      lastMessageSecondsAgo: link.isUp ? Math.floor((nowMs - link.lastDataMs) / 1000) : -1,
      transfer: this.#transferFacts(link),
      readOffset: this.history.offset,
      downSeconds: link.isUp ? 0 : Math.floor((nowMs - link.downSinceMs) / 1000),
      neverWasUp: link.neverWasUp,
      priority,
      isReadOnly,
      isAnnounced,
    };
  }

  #transferFacts({ transfer }: PrimaryLink): PrimaryLinkFacts["transfer"] {
    if (transfer === undefined) return undefined;
    const { totalBytes, readBytes, lastMs } = transfer;
    return { totalBytes, readBytes, lastSecondsAgo: Math.floor((this.#options.clock.nowMs() - lastMs) / 1000) };
  }

  #replicaFacts(): ReplicationFacts["replicas"] {
    const nowMs = this.#options.clock.nowMs();
    return this.replicas.sessions.map((session) => ({
      address: this.replicas.addressOf(session).host,
      port: session.listeningPort,
      state: STATE_NAMES[session.state],
      offset: session.acknowledgedOffset,
      lagSeconds: Math.floor((nowMs - session.lastAcknowledgedMs) / 1000),
    }));
  }

  #closeLink(): void {
    this.#closedLinksInputBytes += this.#link?.inputBytes ?? 0;
    void this.#link?.stop();
    this.#link = undefined;
  }

  /** Nothing was written here since the start: our data is still a point of the history it came from. */
  #rejoinRestored(): void {
    const restored = this.#restored;
    this.#restored = undefined;
    if (restored !== undefined && restored.offset === this.history.offset) {
      this.history.follow(restored.id, restored.offset);
    }
  }

  /** Of the same history it is a view of what comes, only older, and goes on being served. */
  #oldDataBeside(id: string): OldData {
    if (!this.#options.settings.keepsDataInSync) return "dropped";
    return this.history.id === id ? "served" : "kept";
  }

  #dataGone(): void {
    this.#isDataGone = true;
    this.history.restart();
    this.replicas.closeBacklog();
    this.replicas.disconnectAll();
  }

  #synchronized(id: string, offset: number): void {
    this.#isDataGone = false;
    this.#options.streamReplaced();
    this.history.follow(id, offset);
    this.replicas.openBacklog();
    this.replicas.disconnectAll();
  }
}

/** What the aux fields of an RDB file say about its place in a stream, if they do. */
export function positionInFile(aux: ReadonlyMap<string, string>): ReplicationPosition | undefined {
  const id = aux.get("repl-id") ?? "";
  const offset = Number(aux.get("repl-offset"));
  const databaseIndex = Number(aux.get("repl-stream-db"));
  if (!/^[0-9a-f]{40}$/.test(id) || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  return { id, offset, databaseIndex: Number.isSafeInteger(databaseIndex) && databaseIndex > 0 ? databaseIndex : 0 };
}

const STATE_NAMES = { waiting: "wait_bgsave", sending: "send_bulk", online: "online" } as const;
