/**
 * A client that gives replies as the bytes they came in, for tests that compare servers byte for byte or send what no
 * well-behaved client sends. It frames RESP2 and RESP3 but interprets nothing.
 */

import { connect, type Socket } from "node:net";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { frameEnd } from "./reply-frame.ts";

const REPLY_TIMEOUT_MS = 15_000;

export class RawClient {
  readonly socket: Socket;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  /** So many must be there before it is worth looking for a whole reply. */
  #neededBytes = 0;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  readonly #patienceMs: number;

  constructor(socket: Socket, patienceMs = REPLY_TIMEOUT_MS) {
    this.socket = socket;
    this.#patienceMs = patienceMs;
    socket.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("end", () => this.#wake());
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static async connect(port: number, patienceMs?: number, host = "127.0.0.1"): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawClient(socket, patienceMs);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends bytes as they are; latin1 if a string. */
  write(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Sends one command and gives the bytes of its reply. */
  async command(...args: readonly CommandArgument[]): Promise<Buffer> {
    this.write(encodeCommand(args));
    return (await this.replies(1))[0] as Buffer;
  }

  /** Sends one command and gives its reply as latin1 text. */
  async text(...args: readonly CommandArgument[]): Promise<string> {
    return (await this.command(...args)).toString("latin1");
  }

  /** The next `count` replies; rejects if the connection ends or nothing comes for long. */
  async replies(count: number): Promise<Buffer[]> {
    const replies: Buffer[] = [];
    for (;;) {
      this.#takeReplies(replies, count);
      if (replies.length === count) return replies;
      if (this.#isClosed) throw new Error(`Connection closed after ${replies.length} of ${count} replies`);
      await this.#more(`${count - replies.length} more replies`);
    }
  }

  /** Everything that comes until the server closes the connection. */
  async untilClosed(): Promise<Buffer> {
    while (!this.#isClosed && !this.socket.readableEnded) await this.#more("the end of the connection");
    return this.takeAll();
  }

  /** Everything that comes up to this text and with it, as latin1; what came behind it stays for who asks next. */
  async until(marker: string): Promise<string> {
    let all = "";
    let searched = 0;
    for (;;) {
      all += this.takeAll().toString("latin1");
      const at = all.indexOf(marker, searched);
      if (at >= 0) {
        this.#putBack(Buffer.from(all.slice(at + marker.length), "latin1"));
        return all.slice(0, at + marker.length);
      }
      searched = Math.max(0, all.length - marker.length + 1);
      if (this.#isClosed) throw new Error(`Connection closed before ${marker}`);
      await this.#more(marker);
    }
  }

  /** What has come and was not taken. */
  takeAll(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received = [];
    this.#receivedBytes = 0;
    return all;
  }

  /** Ends our side; the server may go on sending. */
  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  #takeReplies(replies: Buffer[], count: number): void {
    if (this.#receivedBytes < this.#neededBytes || this.#receivedBytes === 0) return;
    const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
    let position = 0;
    this.#neededBytes = 0;
    while (replies.length < count) {
      const end = frameEnd(all, position);
      if (end < 0) {
        this.#neededBytes = -end - position;
        break;
      }
      replies.push(all.subarray(position, end));
      position = end;
    }
    this.#received = position === all.length ? [] : [all.subarray(position)];
    this.#receivedBytes = all.length - position;
  }

  #putBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#received = [bytes];
    this.#receivedBytes = bytes.length;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #more(what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Waited in vain for ${what}`)), this.#patienceMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
