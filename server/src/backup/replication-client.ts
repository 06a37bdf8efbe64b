/**
 * A client that asks a server for its data set as a replica would: some commands, then SYNC, then the bytes of one RDB
 * snapshot. Anything that is not as agreed, and silence for too long, is an error that names the server.
 */

import { once } from "node:events";
import type net from "node:net";
import { RespDecoder, RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { PayloadReader } from "../replication/payload-reader.ts";
import type { HostAndPort } from "./backup-arguments.ts";
import { openSocket, readyEvent, type TlsFiles } from "./outside-socket.ts";

/** Servers send a sign of life each second while they prepare a snapshot. */
const SILENCE_MS = 60_000;
const CONNECT_MS = 10_000;

export class SourceError extends Error {}

export class ReplicationClient {
  readonly #address: string;
  readonly #socket: net.Socket;
  readonly #decoder = new RespDecoder();
  #receive: (bytes: Buffer) => void;
  #fail: (error: Error) => void = () => undefined;

  private constructor(socket: net.Socket, address: string) {
    this.#socket = socket;
    this.#address = address;
    this.#receive = (bytes) => this.#decoder.push(bytes);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", (error) => this.#fail(this.#error(error.message)));
    socket.on("close", () => this.#fail(this.#error("the connection was closed")));
    socket.setTimeout(SILENCE_MS, () => this.#fail(this.#error(`nothing was heard for ${SILENCE_MS / 1000} s`)));
  }

  static async connect(source: HostAndPort, files: TlsFiles | undefined): Promise<ReplicationClient> {
    const address = `${source.host}:${source.port}`;
    const socket = openSocket(source, files);
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)));
    await once(socket, readyEvent(socket)).catch((error: Error) => {
      throw new SourceError(`Cannot read from ${address}: ${error.message}`);
    });
    socket.removeAllListeners("timeout");
    return new ReplicationClient(socket, address);
  }

  /** The reply; an error reply is given as a value. */
  command(...args: string[]): Promise<RespValue> {
    this.#socket.write(encodeCommand(args));
    return new Promise<RespValue>((resolve, reject) => {
      this.#fail = reject;
      this.#receive = (bytes) => {
        this.#decoder.push(bytes);
        const reply = this.#decoder.next();
        if (reply !== undefined) resolve(reply);
      };
    });
  }

  /** As `command`, but rejects on an error reply. */
  async require(...args: string[]): Promise<RespValue> {
    const reply = await this.command(...args);
    if (reply instanceof RespError) throw this.#error(reply.message);
    return reply;
  }

  /** Asks for a snapshot and hands over its bytes as they come. What `receive` throws ends it. */
  snapshot(receive: (bytes: Buffer) => void): Promise<void> {
    const reader = new PayloadReader(receive);
    this.#socket.write(encodeCommand(["SYNC"]));
    return new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      this.#receive = (bytes) => {
        reader.push(bytes);
        if (reader.isDone) resolve();
      };
    });
  }

  close(): void {
    this.#fail = () => undefined;
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    try {
      this.#receive(bytes);
    } catch (reason) {
      this.#fail(reason instanceof Error ? reason : this.#error(String(reason)));
    }
  }

  #error(reason: string): SourceError {
    return new SourceError(`Cannot read from ${this.#address}: ${reason}`);
  }
}
