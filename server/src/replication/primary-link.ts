/**
 * The replica's link to its primary: connect, handshake, snapshot, stream, and all over again when it breaks. A snapshot is
 * received into a file while the old data is still served; only when it is whole is it loaded in place of it.
 *
 * Bytes of the stream count as part of our history once their commands have run. Those of a transaction count when it is
 * executed: a link that breaks inside one starts it anew.
 */

import type net from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { Logger } from "../observability/logger.ts";
import type { OldData } from "../persistence/data-loading.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import { Handshake } from "./handshake.ts";
import type { History } from "./history.ts";
import { LinkRetries } from "./link-retries.ts";
import { PayloadReader } from "./payload-reader.ts";
import { timeoutWords } from "./timeout-words.ts";

/** Where a snapshot is received to. */
export interface SnapshotSpool {
  /** Keeps the bytes. */
  write(bytes: Buffer): void;
  /** More is not to be written just now. */
  readonly isFull: boolean;
  /** After the last bytes: resolves once all of them are kept, rejects if they cannot be. */
  finish(): Promise<void>;
  /** Replaces the data set by the snapshot; gives the database that the stream goes on in. Rejects if it cannot be loaded. */
  load(oldData: OldData): Promise<number>;
  /**
   * It is not wanted any more; resolves once nothing is left of it. While it is being loaded this only gives the load up, if
   * the old data is still there to be gone back to.
   */
  discard(): Promise<void>;
}

/** Runs the primary's commands. */
export interface StreamApplier {
  /** Runs the whole commands in `bytes`; gives how many bytes that were. Throws if they are no commands. */
  apply(bytes: Buffer): number;
  /** After bytes that ended in the middle of a command: how many it needs at least, from its start; 0 if not known. */
  readonly neededBytes: number;
  /** How many of the bytes last applied are those of commands before a transaction that is still open: all, if none is. */
  readonly settledBytes: number;
  /** The database that the stream has chosen. It outlives the link: a resumed stream does not say it again. */
  databaseIndex: number;
  /** The link is gone or new: an open transaction is forgotten. */
  reset(): void;
}

export interface PrimaryLinkSettings {
  readonly user: string;
  readonly password: string;
  readonly listeningPort: number;
  readonly announcedAddress: string;
  readonly isOfGroup: boolean;
  readonly timeoutSeconds: number;
}

/** Opens a connection; `ready` is called when something can be said on it. */
export type LinkConnector = (host: string, port: number, ready: () => void) => net.Socket;

/** Until a save that was behind is asked again. */
const HELD_BACK_MS = 10;
/** Nothing answers there: asking anew is quicker than what the system asks again by itself. */
const CONNECT_TIMEOUT_MS = 5000;

export interface PrimaryLinkOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly history: History;
  readonly settings: PrimaryLinkSettings;
  readonly connect: LinkConnector;
  /** A save under way cannot take more changes just now. */
  readonly isBehind: () => boolean;
  /** Whether our history is worth naming: else everything is asked for. */
  readonly canResume: () => boolean;
  /** `failed` is called when what was written to it cannot be kept. */
  readonly openSpool: (failed: (reason: Error) => void) => SnapshotSpool;
  /** Up to where our append-only file has the stream on the disk; undefined without one. */
  readonly durableOffset: () => number | undefined;
  readonly applier: StreamApplier;
  /** Bytes of the stream whose commands have run. */
  readonly applied: (bytes: Buffer) => void;
  /** What becomes of the data at hand while a snapshot of this history is loaded. */
  readonly oldData: (id: string) => OldData;
  /** A snapshot is about to replace the data: until it is loaded we have no history that anybody could go on from. */
  readonly dataGone: () => void;
  /** The primary goes on with the stream under another id. */
  readonly branched: () => void;
  /** Of a primary that hands over: whether the other side has taken over, once it has answered. */
  readonly handedOver?: (hasTakenOver: boolean) => void;
  /** A snapshot has been loaded; our history is that of the primary now. */
  readonly synchronized: (id: string, offset: number) => void;
}

export type LinkState = "connect" | "connecting" | "handshake" | "sync" | "connected";

export class PrimaryLink {
  readonly #options: PrimaryLinkOptions;
  #state: LinkState = "connect";
  #socket: net.Socket | undefined;
  #decoder = new RespDecoder();
  #handshake: Handshake | undefined;
  #payload: PayloadReader | undefined;
  /** The latest snapshot, of this link or an earlier one. */
  #transfer: PayloadReader | undefined;
  #lastTransferMs = 0;
  #hasBeenUp = false;
  #spool: SnapshotSpool | undefined;
  /** The snapshot that is being loaded. */
  #loadingSpool: SnapshotSpool | undefined;
  /** What came and has not been run: the beginning of a command. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Where the snapshot stands in the primary's history. */
  #snapshotAt = { id: "", offset: 0 };
  #isLoading = false;
  #isHeldBack = false;
  #isApplying = false;
  #mustAcknowledge = false;
  #unconfirmed: Buffer[] = [];
  #isStopped = false;
  readonly #retries = new LinkRetries();
  #hasSyncFailed = false;
  #retryAtMs = 0;
  #cancelRetry: CancelTimer | undefined;
  /** Of the latest spool that was not wanted. */
  #discarded: Promise<void> = Promise.resolve();
  /** It has not answered yet. */
  #isHandingOver: boolean;
  #lastDataMs: number;
  #downSinceMs: number;
  #upSinceMs = 0;
  inputBytes = 0;

  constructor(options: PrimaryLinkOptions) {
    this.#options = options;
    this.#isHandingOver = options.handedOver !== undefined;
    this.#lastDataMs = options.clock.nowMs();
    this.#downSinceMs = this.#lastDataMs;
  }

  get host(): string {
    return this.#options.host;
  }

  get port(): number {
    return this.#options.port;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Undefined while the link is down. */
  get connection(): net.Socket | undefined {
    return this.isUp ? this.#socket : undefined;
  }

  get upSinceMs(): number {
    return this.#upSinceMs;
  }

  get isUp(): boolean {
    return this.#state === "connected";
  }

  get lastDataMs(): number {
    return this.#lastDataMs;
  }

  /** Since when the link has been down; 0 while it is up. */
  get downSinceMs(): number {
    return this.isUp ? 0 : this.#downSinceMs;
  }

  /** It is down, and has not been up since we follow this primary. */
  get neverWasUp(): boolean {
    return !this.#hasBeenUp;
  }

  /** How far the snapshot is that is being received or loaded. */
  get transfer(): { readonly totalBytes: number; readonly readBytes: number; readonly lastMs: number } | undefined {
    if (this.#state !== "sync" || this.#transfer === undefined) return undefined;
    const { totalBytes, readBytes } = this.#transfer;
    return { totalBytes, readBytes, lastMs: this.#lastTransferMs };
  }

  connect(): void {
    // While a snapshot is being loaded we would not know what to ask for.
    if (this.#isStopped || this.#isLoading || this.#state !== "connect") return;
    this.#cancelRetry?.();
    this.#state = "connecting";
    this.#lastDataMs = this.#options.clock.nowMs();
    const socket = this.#options.connect(this.host, this.port, () => this.#begin(socket));
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(socket, chunk));
    socket.on("error", (error) => this.#options.logger.verbose(`Link with primary failed: ${error.message}`));
    socket.on("close", () => {
      if (this.#socket === socket) this.#disconnected();
    });
  }

  /** Gives the link up for good; resolves once nothing is left of a snapshot that was being received. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#drop();
    if (this.#loadingSpool !== undefined) this.#discarded = this.#loadingSpool.discard();
    return this.#discarded;
  }

  /** Breaks the link; it comes up again by itself. */
  restart(reason: string): void {
    this.#options.logger.warning(`Link with primary ${this.host}:${this.port} given up: ${reason}`);
    this.#drop();
  }

  /** Tells the primary how far we are; if its commands are just being run, once they have. */
  acknowledge(): void {
    this.#mustAcknowledge = this.#isApplying;
    if (this.#isApplying) return;
    if (this.#state !== "connected") return;
    const durable = this.#options.durableOffset();
    const more = durable === undefined ? [] : ["FACK", durable];
    this.#send("REPLCONF", "ACK", this.#options.history.offset, ...more);
  }

  /** Once a second. */
  tick(): void {
    // We do not read while we load; the line break tells the primary that we are alive.
    if (this.#isLoading && this.#state === "sync") {
      this.#lastDataMs = this.#options.clock.nowMs();
      this.#socket?.write("\n");
    }
    if (this.#isHeldBack) this.#lastDataMs = this.#options.clock.nowMs();
    const silentMs = this.#options.clock.nowMs() - this.#lastDataMs;
    const timeoutMs = this.#options.settings.timeoutSeconds * 1000;
    const isUnanswered = this.#state === "connecting" && silentMs > CONNECT_TIMEOUT_MS;
    if (this.#state === "connect") {
      if (this.#options.clock.nowMs() >= this.#retryAtMs) this.connect();
    } else if (isUnanswered || silentMs > timeoutMs) this.restart(timeoutWords(this.#state, silentMs));
    else this.acknowledge();
  }

  #begin(socket: net.Socket): void {
    const { settings, history, canResume, logger } = this.#options;
    const { user, password, listeningPort, announcedAddress, isOfGroup } = settings;
    this.#state = "handshake";
    this.#decoder = new RespDecoder();
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#unconfirmed = [];
    this.#handshake = new Handshake({
      ...{ user, password, listeningPort, announcedAddress, isOfGroup },
      resumeFrom: canResume() ? { id: history.id, next: history.offset + 1 } : undefined,
      isFailover: this.#isHandingOver,
    });
    this.#options.applier.reset();
    logger.notice(`Connected to primary ${this.host}:${this.port}`);
    socket.write(encodeCommand(this.#handshake.next()));
  }

  #receive(socket: net.Socket, chunk: Buffer): void {
    if (socket !== this.#socket) return;
    this.#lastDataMs = this.#options.clock.nowMs();
    this.inputBytes += chunk.length;
    try {
      if (this.#state === "handshake") this.#shake(chunk);
      else if (this.#state === "sync") this.#takeSnapshot(chunk);
      else if (this.#state === "connected") this.#stream(chunk);
      if (!this.#isHeldBack && this.#isBehind) this.#holdBack(socket);
    } catch (error) {
      this.restart((error as Error).message);
    }
  }

  /** More comes than can be taken just now. */
  get #isBehind(): boolean {
    if (this.#state === "sync") return this.#spool?.isFull ?? false;
    return this.#state === "connected" && this.#options.isBehind();
  }

  /** What the primary sends waits in the socket, and when that is full with the primary, which limits it. */
  #holdBack(socket: net.Socket): void {
    this.#isHeldBack = socket === this.#socket && this.#isBehind;
    if (!this.#isHeldBack) {
      socket.resume();
      return;
    }
    socket.pause();
    this.#options.clock.after(HELD_BACK_MS, () => this.#holdBack(socket));
  }

  #shake(chunk: Buffer): void {
    let start = 0;
    while (chunk[start] === LF) start++;
    this.#decoder.push(chunk.subarray(start));
    const value = this.#decoder.next();
    const handshake = this.#handshake;
    if (value === undefined || handshake === undefined) return;
    const result = handshake.reply(value);
    if (result.kind !== "more" && this.#handOver(result.kind !== "failed")) return;
    switch (result.kind) {
      case "more":
        this.#socket?.write(encodeCommand(handshake.next()));
        return;
      case "failed":
        throw new Error(result.reason);
      case "continue":
        this.#continue(result.id);
        return;
      case "full":
        this.#startSnapshot(result.id, result.offset);
        return;
      default:
        result satisfies never;
    }
  }

  /** True if that was refused, and this link is no more. */
  #handOver(hasTakenOver: boolean): boolean {
    if (!this.#isHandingOver) return false;
    this.#isHandingOver = false;
    this.#options.handedOver?.(hasTakenOver);
    return !hasTakenOver;
  }

  #continue(id: string | undefined): void {
    const { history, logger } = this.#options;
    if (id !== undefined && id !== history.id) this.#options.branched();
    if (id !== undefined) history.continueAs(id);
    logger.notice("Primary accepted a partial resynchronization");
    this.#online();
    this.#stream(this.#decoder.takeRest());
  }

  #startSnapshot(id: string, offset: number): void {
    this.#options.logger.notice(`Full resync from primary: ${id}:${offset}`);
    this.#state = "sync";
    const spool = this.#options.openSpool((reason) => {
      if (this.#spool === spool) this.restart(`its snapshot cannot be received: ${reason.message}`);
    });
    this.#spool = spool;
    const payload = new PayloadReader((bytes) => spool.write(bytes));
    this.#payload = payload;
    this.#transfer = payload;
    this.#lastTransferMs = this.#options.clock.nowMs();
    this.#snapshotAt = { id, offset };
    this.#takeSnapshot(this.#decoder.takeRest());
  }

  #takeSnapshot(chunk: Buffer): void {
    const payload = this.#payload;
    if (payload === undefined) {
      // The snapshot is being loaded: what comes already belongs to the stream.
      this.#keep(chunk);
      return;
    }
    this.#lastTransferMs = this.#options.clock.nowMs();
    const rest = payload.push(chunk);
    if (!payload.isDone) return;
    this.#payload = undefined;
    if (rest.length > 0) this.#keep(Buffer.from(rest));
    const socket = this.#socket;
    socket?.pause();
    const spool = this.#spool as SnapshotSpool;
    this.#spool = undefined;
    this.#isLoading = true;
    const { id, offset } = this.#snapshotAt;
    this.#loadingSpool = spool;
    this.#load(spool, id)
      .finally(() => {
        this.#loadingSpool = undefined;
      })
      .then((databaseIndex) => this.#loaded(socket, id, offset, databaseIndex))
      .catch((error: unknown) => {
        this.#isLoading = false;
        this.#hasSyncFailed = true;
        if (!this.#isStopped) this.restart(`its snapshot cannot be loaded: ${(error as Error).message}`);
      });
  }

  async #load(spool: SnapshotSpool, id: string): Promise<number> {
    try {
      await spool.finish();
      if (this.#isStopped) throw new Error("nobody wants it any more");
    } catch (error) {
      void spool.discard();
      throw error;
    }
    const oldData = this.#options.oldData(id);
    if (oldData === "dropped") this.#options.dataGone();
    return spool.load(oldData);
  }

  #loaded(socket: net.Socket | undefined, id: string, offset: number, databaseIndex: number): void {
    this.#isLoading = false;
    // Our role has changed meanwhile: the data is what it is, but part of nobody's history.
    if (this.#isStopped) return;
    this.#options.applier.databaseIndex = databaseIndex;
    this.#options.synchronized(id, offset);
    if (socket === undefined || socket !== this.#socket) {
      // The link broke meanwhile: the next one goes on from here.
      this.connect();
      return;
    }
    this.#options.logger.notice("PRIMARY <-> REPLICA sync: Finished with success");
    this.#online();
    socket.resume();
    this.#stream(Buffer.alloc(0));
  }

  #online(): void {
    this.#state = "connected";
    this.#hasBeenUp = true;
    this.#upSinceMs = this.#options.clock.nowMs();
    this.#retries.succeeded();
    this.#lastDataMs = this.#options.clock.nowMs();
    this.acknowledge();
  }

  #stream(chunk: Buffer): void {
    const { applier } = this.#options;
    if (chunk.length > 0) this.#keep(chunk);
    // A large value comes in many pieces: they are put together once.
    if (this.#pendingBytes === 0 || this.#pendingBytes < applier.neededBytes) return;
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    const consumed = this.#apply(bytes);
    const settled = applier.settledBytes;
    if (settled > 0) this.#confirm(Buffer.from(bytes.subarray(0, settled)));
    if (consumed > settled) this.#unconfirmed.push(Buffer.from(bytes.subarray(settled, consumed)));
    this.#pending = [];
    this.#pendingBytes = 0;
    if (consumed < bytes.length) this.#keep(Buffer.from(bytes.subarray(consumed)));
    if (settled > 0 && this.#mustAcknowledge) this.acknowledge();
  }

  /** What came before and did not count yet is part of our history now, and these bytes too. */
  #confirm(bytes: Buffer): void {
    const { applied } = this.#options;
    for (const earlier of this.#unconfirmed) applied(earlier);
    this.#unconfirmed = [];
    applied(bytes);
  }

  #apply(bytes: Buffer): number {
    this.#isApplying = true;
    try {
      return this.#options.applier.apply(bytes);
    } finally {
      this.#isApplying = false;
    }
  }

  #keep(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #send(...args: (string | number)[]): void {
    this.#socket?.write(encodeCommand(args));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    this.#disconnected();
  }

  #disconnected(): void {
    if (this.isUp) this.#downSinceMs = this.#options.clock.nowMs();
    if (this.#state === "sync" && !this.#isLoading) this.#hasSyncFailed = true;
    this.#state = "connect";
    this.#socket = undefined;
    this.#payload = undefined;
    if (this.#spool !== undefined) this.#discarded = this.#spool.discard();
    this.#spool = undefined;
    this.#options.applier.reset();
    this.#cancelRetry?.();
    if (!this.#isStopped) this.#retry();
  }

  #retry(): void {
    const { clock, logger } = this.#options;
    const delayMs = this.#hasSyncFailed ? this.#retries.syncFailed() : this.#retries.linkLost();
    if (this.#hasSyncFailed) logger.notice(`The next attempt at a full sync comes in ${delayMs / 1000} s`);
    this.#hasSyncFailed = false;
    this.#retryAtMs = clock.nowMs() + delayMs;
    this.#cancelRetry = clock.after(delayMs, () => this.connect());
  }
}

const LF = 10;
