/**
 * What the server knows of one client: identity, chosen database and protocol, transaction, subscriptions. No sockets: the
 * connection behind it is a port that takes out-of-band bytes and can be closed.
 */

import type { User } from "../access-control/user.ts";
import type { TrackingState } from "../tracking/tracking-state.ts";

export const ClientFlag = {
  multi: 1 << 0,
  unauthenticated: 1 << 1,
  /** Subscribed in RESP2, where only (un)subscribing and PING are allowed. */
  subscribed: 1 << 2,
  monitor: 1 << 3,
  /** The link from our primary: its writes pass on a read-only replica and get no reply. */
  primary: 1 << 4,
  replica: 1 << 5,
  /** READONLY was sent: a cluster replica may serve reads. */
  readOnly: 1 << 6,
  asking: 1 << 7,
  closeAfterReply: 1 << 8,
  replyOff: 1 << 9,
  replySkip: 1 << 10,
  /** Skip the reply of the command after this one (CLIENT REPLY SKIP was just run). */
  replySkipNext: 1 << 11,
  blocked: 1 << 12,
  noEvict: 1 << 13,
  noTouch: 1 << 14,
  /** A command could not be queued: EXEC will be refused. */
  transactionFailed: 1 << 15,
  inExec: 1 << 16,
  /** The client that commands of scripts run for. */
  script: 1 << 17,
  /** The client's user may not do everything: its commands are checked. */
  restricted: 1 << 18,
  /** Told of changes of what it reads; also the client of the scripts that such a one runs. */
  tracking: 1 << 19,
  /** Its next request waits, for the end of a pause or for a snapshot. */
  held: 1 << 20,
} as const;

/**
 * Nobody can wait, or be sent more than one reply for a command: in a transaction, in a script, and in a stream of commands (of
 * a primary, where they have waited, or of a file).
 */
export const DENIES_BLOCKING = ClientFlag.inExec | ClientFlag.script | ClientFlag.primary;

/** Any of these sends a command of this client through the guards one by one. */
export const SPECIAL_CLIENT_FLAGS =
  ClientFlag.multi |
  ClientFlag.unauthenticated |
  ClientFlag.restricted |
  ClientFlag.subscribed |
  ClientFlag.monitor |
  ClientFlag.primary |
  ClientFlag.replica |
  ClientFlag.asking |
  ClientFlag.replyOff |
  ClientFlag.replySkip |
  ClientFlag.replySkipNext |
  ClientFlag.blocked;

/** What a client session needs of its connection. */
export interface ClientConnection {
  /** Sends bytes after everything already written for this client; the caller gives the memory away. */
  send(bytes: Buffer): void;
  /** Closes once everything written so far has left; nothing more is read. */
  closeAfterFlush(): void;
  /** Closes at once. */
  destroy(): void;
  /** Stops and resumes the reading of requests (CLIENT PAUSE, blocked clients). */
  pause(): void;
  resume(): void;
  /** From now on all bytes go to `receiver` as they come: the connection has become something other than a client's. */
  takeOver(receiver: (bytes: Buffer) => void): void;
  /** It has been cut, and its client is about to leave. */
  readonly isClosed: boolean;
  readonly queryBytes: number;
  readonly outputBytes: number;
  readonly fileDescriptor: number;
}

/** A command waiting in a transaction: a copy of its bytes, with the places of its arguments. */
export interface QueuedCommand {
  readonly command: number;
  readonly buffer: Buffer;
  readonly argc: number;
  readonly offset: Int32Array<ArrayBuffer>;
  readonly length: Int32Array<ArrayBuffer>;
}

export interface ClientOptions {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly connection: ClientConnection;
  readonly createdAtMs: number;
  /** It speaks TLS. */
  readonly isEncrypted?: boolean;
  /** It came to the external port. */
  readonly isOutside?: boolean;
}

/** In place of an offset: this server has been a replica since the last write, so nobody can say who has it. */
export const WRITES_UNKNOWN = Number.POSITIVE_INFINITY;

export class Client {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly connection: ClientConnection;
  readonly createdAtMs: number;
  readonly isEncrypted: boolean;
  readonly isOutside: boolean;
  flags = 0;
  databaseIndex = 0;
  protocol: 2 | 3 = 2;
  name = "";
  /** Undefined for what is no connection of a client: the link from our primary may do everything. */
  user: User | undefined;
  libraryName = "";
  libraryVersion = "";
  lastActiveMs: number;
  lastCommand = -1;
  queued: QueuedCommand[] | undefined;
  /** One of the queued commands may change data: EXEC is to wait while writes are held back. */
  queuesChange = false;
  /** What the queued commands take of memory. */
  queuedBytes = 0;
  /** Channels and patterns as latin1 strings; made on first use. */
  channels: Set<string> | undefined;
  patterns: Set<string> | undefined;
  shardChannels: Set<string> | undefined;
  /** Client-side caching; undefined: off. */
  tracking: TrackingState | undefined;
  /** Replication offset of the primary after this client's last write, for WAIT; 0 before the first. */
  writeOffset = 0;
  /** Position of the append-only file behind this client's last write, for WAITAOF. */
  appendOffset = 0;

  constructor(options: ClientOptions) {
    this.id = options.id;
    this.address = options.address;
    this.localAddress = options.localAddress;
    this.connection = options.connection;
    this.createdAtMs = options.createdAtMs;
    this.isEncrypted = options.isEncrypted ?? false;
    this.isOutside = options.isOutside ?? false;
    this.lastActiveMs = options.createdAtMs;
  }

  /** A latin1 text. */
  get userName(): string {
    return this.user?.name ?? (this.has(ClientFlag.primary) ? "(superuser)" : "default");
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  set(flag: number, on: boolean): void {
    if (on) this.flags |= flag;
    else this.flags &= ~flag;
  }

  get subscriptionCount(): number {
    return (this.channels?.size ?? 0) + (this.patterns?.size ?? 0);
  }
}

/** CLIENT REPLY SKIP silences the command after it: the mark set by SKIP becomes the silence of this command, then ends. */
export function advanceReplySkip(client: Client): void {
  const skipNow = (client.flags & ClientFlag.replySkipNext) !== 0;
  client.flags &= ~(ClientFlag.replySkip | ClientFlag.replySkipNext);
  if (skipNow) client.flags |= ClientFlag.replySkip;
}

/** All connected clients, by id in order of arrival. */
export class ClientRegistry {
  readonly #clients = new Map<number, Client>();
  readonly #idsOfOthers = new WeakMap<object, number>();
  #nextId = 1;
  /** Connections accepted since the start or CONFIG RESETSTAT. */
  accepted = 0;
  rejected = 0;
  /** Disconnected because all clients took too much memory. */
  evicted = 0;

  nextId(): number {
    return this.#nextId++;
  }

  /** Of a connection that is shown among the clients and is none: always the same. */
  idOf(connection: object): number {
    const id = this.#idsOfOthers.get(connection) ?? this.nextId();
    this.#idsOfOthers.set(connection, id);
    return id;
  }

  add(client: Client): void {
    this.#clients.set(client.id, client);
    this.accepted++;
  }

  remove(client: Client): void {
    this.#clients.delete(client.id);
  }

  get(id: number): Client | undefined {
    return this.#clients.get(id);
  }

  get count(): number {
    return this.#clients.size;
  }

  resetStatistics(): void {
    this.accepted = 0;
    this.rejected = 0;
    this.evicted = 0;
  }

  all(): IterableIterator<Client> {
    return this.#clients.values();
  }
}
