/**
 * One client's socket: bytes in, whole requests to the dispatcher, replies out. Reading goes into one buffer shared by all
 * connections; only what is left of an incomplete request is copied to a buffer of the connection's own.
 * Replies leave at the end of the turn; memory that the kernel did not take whole belongs to the socket until it did.
 */

import type { Socket } from "node:net";
import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { type Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import { descriptorOf } from "./listener.ts";
import type { Outbox, Outboxes } from "./outboxes.ts";
import type { ReplyOwner, ReplyQueue } from "./reply-queue.ts";

/** What a connection needs of the server. */
export interface RequestHandler {
  /** Between these two, the requests of many connections run one right after the other. */
  beginTurn(): void;
  endTurn(): void;
  run(client: Client, buffer: Buffer, position: number, end: number, flush: () => void): number;
  readonly reply: ReplyWriter;
  readonly current: Client | undefined;
  /** After a run that left an incomplete request: bytes from its start that are surely needed before another attempt. */
  readonly neededBytes: number;
  /** How many commands the last run was. */
  readonly lastBatchCommands: number;
}

export interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

export interface ConnectionLimits {
  readonly queryBytes: number;
  /** The limit of this client's class (normal, replica, pubsub); 0 is none. */
  output(client: Client): OutputLimit;
  tooMuchOutput(client: Client, bytes: number): void;
  /** A client takes so much more memory than before, for what it has sent or not read. */
  grew(bytes: number): void;
}

/** Bytes over all connections since the start. */
export interface Traffic {
  inputBytes: number;
  outputBytes: number;
  /** How often a socket was read, and written. */
  reads: number;
  writes: number;
}

/** Which replies have to wait until the append-only file has what they acknowledge. */
export interface DurabilityGate {
  /** What a reply given now has to wait for; stands still while nobody has to wait. */
  readonly position: number;
  /** Up to where the file has it, for good enough. */
  readonly kept: number;
  /** `settle` would move it now, for all requests that have come by then. */
  readonly gathers: boolean;
  /** Calls `release` once, the next time that `kept` moves. */
  wait(replies: { release(): void }): void;
  /** Moves `kept` now where that takes no longer than asking for it. */
  settle(): void;
  /** Called before `release` is. */
  releasing: () => void;
}

/** Replies that wait for the append-only file. */
interface HeldReplies {
  readonly position: number;
  readonly bytes: Buffer;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  /** As of an AcceptedSocket. */
  readonly descriptor: number;
  readonly handler: RequestHandler;
  readonly limits: ConnectionLimits;
  readonly traffic: Traffic;
  readonly durable: DurabilityGate;
  /** Shared by all connections. */
  readonly replies: ReplyQueue;
  readonly outboxes: Outboxes;
  /** Those above the soft limit of their output, and since when; somebody has to call their `endIfSlow`. */
  readonly slow: Map<Connection, number>;
  readonly closed: () => void;
  readonly nowMs: () => number;
}

/** Redis has so much room for replies that counts for no limit. */
const UNCOUNTED_REPLY_BYTES = 16 << 10;
const FIRST_PENDING_BYTES = 16 << 10;
const LARGE_PENDING_BYTES = 1 << 20;
/** A query buffer larger than this is given back as soon as it is empty. */
const KEEP_PENDING_BYTES = 64 << 10;

export class Connection implements ClientConnection, ReplyOwner, Outbox {
  readonly #socket: Socket;
  readonly #descriptor: number;
  readonly #handler: RequestHandler;
  readonly #limits: ConnectionLimits;
  readonly #traffic: Traffic;
  readonly #durable: DurabilityGate;
  readonly #replies: ReplyQueue;
  readonly #outboxes: Outboxes;
  readonly #slow: Map<Connection, number>;
  readonly #closed: () => void;
  readonly #nowMs: () => number;
  readonly #flush = (): void => {
    if (this.#isOverwhelmed()) return;
    this.#noteAwaited();
    this.#replies.add(this);
    // Not before: whoever is released by that must not come between these replies.
    this.#durable.settle();
    this.#replies.flush();
  };
  flush = 0;
  #client: Client | undefined;
  #pending: Buffer | undefined;
  #pendingBytes = 0;
  #neededBytes = 0;
  #outbox: Buffer[] = [];
  #outboxBytes = 0;
  /** What replies from now on must wait for, and those that do already. */
  #awaited = 0;
  /** Where the stream was when that was last looked at. */
  #notedPosition = 0;
  #held: HeldReplies[] = [];
  #heldBytes = 0;
  /** What waited when that was last looked at. */
  #lastOutputBytes = 0;
  /** The connection closes once what it holds has gone. */
  #isEnding = false;
  #isPaused = false;
  #isClosing = false;
  #takeOver: ((bytes: Buffer) => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#socket = options.socket;
    this.#descriptor = options.descriptor;
    this.#handler = options.handler;
    this.#limits = options.limits;
    this.#traffic = options.traffic;
    this.#durable = options.durable;
    this.#replies = options.replies;
    this.#outboxes = options.outboxes;
    this.#slow = options.slow;
    this.#closed = options.closed;
    this.#nowMs = options.nowMs;
    this.#socket.on("error", () => this.destroy());
    this.#socket.on("end", () => this.closeAfterFlush());
    this.#socket.on("close", () => this.#onClose());
  }

  attach(client: Client): void {
    this.#client = client;
  }

  /** Bytes that came from the socket, `chunk[start..end)`; only valid during the call. */
  receive(chunk: Buffer, start: number, end: number): void {
    const client = this.#client;
    if (client === undefined || this.#isClosing) return;
    this.#traffic.inputBytes += end - start;
    this.#traffic.reads++;
    if (this.#takeOver !== undefined) {
      this.#takeOver(Buffer.from(chunk.subarray(start, end)));
      return;
    }
    if (this.#pendingBytes === 0 && !this.#isPaused) {
      const consumed = this.#run(client, chunk, start, end);
      if (consumed < end) this.#keep(chunk, consumed, end);
      return;
    }
    this.#keep(chunk, start, end);
    if (!this.#isPaused && this.#pendingBytes >= this.#neededBytes) this.#runPending(client);
  }

  /** From now on the bytes go to `receiver` as they come: the connection has become something other than a client. */
  takeOver(receiver: (bytes: Buffer) => void): void {
    this.#takeOver = receiver;
    if (this.#pendingBytes === 0 || this.#pending === undefined) return;
    const rest = Buffer.from(this.#pending.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
    receiver(rest);
  }

  send(bytes: Buffer): void {
    if (this.#isClosing || this.#socket.destroyed) return;
    if (this.#handler.current === this.#client && !this.#isPushedAside) {
      this.#handler.reply.raw(bytes);
      return;
    }
    if (this.#outbox.length === 0) this.#outboxes.add(this);
    this.#outbox.push(bytes);
    this.#outboxBytes += bytes.length;
  }

  /** Where a client's replies are thrown away, what is no reply must not stand among them. */
  get #isPushedAside(): boolean {
    return this.#client?.has(ClientFlag.replyOff | ClientFlag.replySkip) === true;
  }

  writeReplies(bytes: Buffer): boolean {
    if (this.#socket.destroyed) return true;
    if (this.#isHeldBack) {
      this.#hold(Buffer.from(bytes));
      return true;
    }
    this.#traffic.outputBytes += bytes.length;
    this.#traffic.writes++;
    this.#socket.write(bytes);
    if (this.#socket.writableLength === 0) return true;
    this.#checkOutput();
    return false;
  }

  closeAfterFlush(): void {
    if (this.#isClosing) return;
    this.#replies.flush();
    this.flushOutbox();
    this.#isClosing = true;
    if (this.#held.length > 0) {
      this.#isEnding = true;
      return;
    }
    this.#endSocket();
  }

  /** The file has more now. */
  release(): void {
    const { kept } = this.#durable;
    const held = this.#held;
    if (held.length === 0 || this.#socket.destroyed) return;
    if (this.#awaited <= kept && !this.#isEnding) {
      this.#releaseAll();
      return;
    }
    let gone = 0;
    while (gone < held.length && (held[gone] as HeldReplies).position <= kept) gone++;
    for (const { bytes } of held.splice(0, gone)) {
      this.#heldBytes -= bytes.length;
      this.#traffic.outputBytes += bytes.length;
      this.#traffic.writes++;
      this.#socket.write(bytes);
    }
    if (held.length > 0) this.#durable.wait(this);
    else if (this.#isEnding) this.#endSocket();
    if (this.#socket.writableLength > 0) this.#checkOutput();
  }

  /** With those of everybody else who waited for the same sync. */
  #releaseAll(): void {
    const { reply } = this.#handler;
    for (const { bytes } of this.#held) reply.raw(bytes);
    this.#held = [];
    this.#heldBytes = 0;
    this.#replies.add(this);
  }

  #endSocket(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What came meanwhile runs after the current turn, never inside another client's command. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#pendingBytes > 0) process.nextTick(() => this.#continue());
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  get queryBytes(): number {
    return this.#pendingBytes;
  }

  get outputBytes(): number {
    return this.#socket.writableLength + this.#heldBytes + this.#outboxBytes;
  }

  get fileDescriptor(): number {
    return descriptorOf(this.#socket);
  }

  get directDescriptor(): number {
    if (this.#descriptor < 0 || this.#isClosing || this.#isHeldBack) return -1;
    return this.#socket.destroyed || this.#socket.writableLength > 0 ? -1 : this.#descriptor;
  }

  get socket(): Socket {
    return this.#socket;
  }

  #continue(): void {
    const client = this.#client;
    if (client === undefined || this.#isPaused || this.#isClosing || this.#pendingBytes === 0) return;
    this.#runPending(client);
  }

  #run(client: Client, buffer: Buffer, start: number, end: number): number {
    this.#notedPosition = this.#durable.position;
    const consumed = this.#handler.run(client, buffer, start, end, this.#flush);
    this.#noteAwaited();
    this.#neededBytes = consumed < end ? this.#handler.neededBytes : 0;
    if (this.#isOverwhelmed()) return consumed;
    if (this.#handler.lastBatchCommands === 1) this.#replies.addUrgent(this);
    else this.#replies.add(this);
    if ((client.flags & ClientFlag.closeAfterReply) !== 0) this.closeAfterFlush();
    return consumed;
  }

  /** What ran since then has written if the stream has moved. */
  #noteAwaited(): void {
    const { position } = this.#durable;
    if (position === this.#notedPosition) return;
    this.#notedPosition = position;
    this.#awaited = position;
  }

  #runPending(client: Client): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const end = this.#pendingBytes;
    const consumed = this.#run(client, pending, 0, end);
    if (this.#pendingBytes !== end) return;
    if (consumed === end) {
      this.#pendingBytes = 0;
      if (pending.length > KEEP_PENDING_BYTES) this.#pending = undefined;
      return;
    }
    if (consumed > 0) {
      pending.copyWithin(0, consumed, end);
      this.#pendingBytes = end - consumed;
    }
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#pendingBytes + end - start;
    if (needed > this.#limits.queryBytes) {
      this.destroy();
      return;
    }
    if (this.#pending === undefined || this.#pending.length < needed) {
      const grown = Buffer.allocUnsafeSlow(this.#capacityFor(needed));
      this.#pending?.copy(grown, 0, 0, this.#pendingBytes);
      this.#limits.grew(grown.length - (this.#pending?.length ?? 0));
      this.#pending = grown;
    }
    chunk.copy(this.#pending, this.#pendingBytes, start, end);
    this.#pendingBytes = needed;
  }

  /** Whoever has sent a good part of a large argument gets the room for all of it, so that it is not copied again and again. */
  #capacityFor(needed: number): number {
    if (needed >= LARGE_PENDING_BYTES && this.#neededBytes > needed) {
      return Math.min(this.#neededBytes, this.#limits.queryBytes);
    }
    return Math.max(FIRST_PENDING_BYTES, this.#pending === undefined ? needed : needed * 2);
  }

  flushOutbox(): void {
    if (this.#outbox.length === 0) return;
    const bytes = this.#outbox.length === 1 ? (this.#outbox[0] as Buffer) : Buffer.concat(this.#outbox);
    this.#outbox = [];
    this.#outboxBytes = 0;
    if (this.#replies.holds(this)) this.#replies.flush();
    if (this.#socket.destroyed || this.#isClosing) return;
    // It may tell of what others have written, whose place in the stream nobody noted: the file must have all of it.
    this.#awaited = Math.max(this.#awaited, this.#durable.position);
    if (this.#isHeldBack) {
      this.#hold(bytes);
      return;
    }
    this.#traffic.outputBytes += bytes.length;
    this.#traffic.writes++;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > 0) this.#checkOutput();
  }

  /** A replica follows the stream, not the file. */
  get #isHeldBack(): boolean {
    if (this.#held.length === 0 && this.#awaited <= this.#durable.kept) return false;
    return this.#client?.has(ClientFlag.replica) !== true;
  }

  #hold(bytes: Buffer): void {
    if (this.#held.length === 0) this.#durable.wait(this);
    this.#held.push({ position: this.#awaited, bytes });
    this.#heldBytes += bytes.length;
    this.#checkOutput();
  }

  /** Replies of one turn beyond the hard limit are not even begun to be sent: the client hears nothing, and is closed. */
  #isOverwhelmed(): boolean {
    const bytes = this.#replies.unclaimedBytes;
    if (bytes < UNCOUNTED_REPLY_BYTES || this.#client === undefined) return false;
    const { hardBytes } = this.#limits.output(this.#client);
    if (hardBytes === 0 || bytes + this.outputBytes <= hardBytes) return false;
    this.#replies.dropUnclaimed();
    this.#limits.tooMuchOutput(this.#client, bytes + this.outputBytes);
    this.destroy();
    return true;
  }

  /** Some times a second: whoever stays above the soft limit is closed, also when nothing more is written. */
  endIfSlow(): void {
    if (!this.#isClosing) this.#checkOutput();
  }

  #checkOutput(): void {
    const client = this.#client;
    if (client === undefined) return;
    const waiting = this.outputBytes;
    this.#limits.grew(Math.max(0, waiting - this.#lastOutputBytes));
    this.#lastOutputBytes = waiting;
    const limit = this.#limits.output(client);
    const overHard = limit.hardBytes > 0 && waiting > limit.hardBytes;
    if (!overHard && !this.#isOverSoft(waiting, limit)) return;
    this.#limits.tooMuchOutput(client, waiting);
    this.destroy();
  }

  #isOverSoft(waiting: number, limit: OutputLimit): boolean {
    if (limit.softBytes === 0 || waiting <= limit.softBytes) {
      this.#slow.delete(this);
      return false;
    }
    const nowMs = this.#nowMs();
    const sinceMs = this.#slow.get(this) ?? nowMs;
    this.#slow.set(this, sinceMs);
    return nowMs - sinceMs > limit.softSeconds * 1000;
  }

  #onClose(): void {
    this.#isClosing = true;
    this.#slow.delete(this);
    this.#pending = undefined;
    this.#outbox = [];
    this.#outboxBytes = 0;
    this.#held = [];
    this.#closed();
  }
}
