/**
 * One replica, as its primary sees it: how far its full sync is, what it has acknowledged. The stream that comes while the
 * snapshot is under way is kept (catch-up.ts) until the replica says that it has loaded it, since after the end mark of a
 * snapshot of unknown length nothing else may follow.
 */

/** What replication needs of a client that is a replica. */
export interface ReplicaPeer {
  readonly address: string;
  readonly connection: {
    send(bytes: Buffer): void;
    destroy(): void;
    readonly outputBytes: number;
  };
}

/** waiting: for a snapshot to begin; sending: it is on its way or being loaded; online: follows the stream. */
export type SessionState = "waiting" | "sending" | "online";

export class ReplicaSession {
  readonly peer: ReplicaPeer;
  state: SessionState = "waiting";
  listeningPort = 0;
  announcedAddress = "";
  /** Can find the end of a snapshot by its mark; if not, it must be told the length first. */
  understandsEndMark = false;
  understandsPsync2 = false;
  /** It follows whom an operator says, and nobody else: while it follows, nobody else leads. */
  isOfGroup = false;
  /** Wants a snapshot and nothing after it. */
  isSnapshotOnly = false;
  /** Of the snapshot, only the libraries of functions. */
  wantsLibrariesOnly = false;
  /** Asked with SYNC, and so expects no status line. */
  usesOldSync = false;
  acknowledgedOffset = 0;
  /** Of its append-only file; −1 while it has not said. */
  durableOffset = -1;
  lastAcknowledgedMs: number;
  waitingSinceMs = 0;
  /** The whole snapshot has been handed to the connection. */
  isSnapshotSent = false;
  /** First byte of the stream that it has yet to be given from the backlog; undefined while it follows, or wants nothing. */
  next: number | undefined;
  #waitingBytes = 0;
  #lastProgressMs: number;

  constructor(peer: ReplicaPeer, nowMs: number) {
    this.#lastProgressMs = nowMs;
    this.peer = peer;
    this.lastAcknowledgedMs = nowMs;
  }

  /** Takes nothing at all any more, while something waits for it. A dead peer would hold up the snapshot for all others. */
  isStuck(nowMs: number, timeoutMs: number): boolean {
    const silentMs = this.#silentMs(nowMs);
    return (this.state === "sending" || this.next !== undefined) && silentMs > timeoutMs;
  }

  /** Follows, and does not say how far it is. One that asked with SYNC never does. */
  isLate(nowMs: number, timeoutMs: number): boolean {
    return this.state === "online" && !this.usesOldSync && nowMs - this.lastAcknowledgedMs > timeoutMs;
  }

  /** Is sent the stream as it comes. */
  get follows(): boolean {
    return this.state === "online" && this.next === undefined && !this.isSnapshotOnly;
  }

  /** A piece of the stream; the bytes are shared with other replicas and not changed any more. */
  stream(bytes: Buffer): boolean {
    if (!this.follows) return false;
    this.peer.connection.send(bytes);
    return true;
  }

  /** The snapshot begins, at this moment of the stream. */
  startSending(offset: number): void {
    this.state = "sending";
    this.next = this.isSnapshotOnly ? undefined : offset + 1;
  }

  /** The snapshot is loaded: from here on the stream flows, beginning with what it lacks. */
  goOnline(nowMs: number): void {
    this.state = "online";
    this.lastAcknowledgedMs = nowMs;
  }

  /** Back to waiting, for a snapshot that failed. */
  restart(nowMs: number): void {
    this.state = "waiting";
    this.waitingSinceMs = nowMs;
    this.isSnapshotSent = false;
    this.next = undefined;
  }

  /** For how long its connection has taken nothing of what waits for it. To be asked once a second. */
  #silentMs(nowMs: number): number {
    const { outputBytes } = this.peer.connection;
    if (outputBytes === 0 || outputBytes !== this.#waitingBytes) this.#lastProgressMs = nowMs;
    this.#waitingBytes = outputBytes;
    return nowMs - this.#lastProgressMs;
  }
}
