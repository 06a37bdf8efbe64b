/**
 * One RESP connection to one server, for one pass: connect, authenticate, ask a few questions, close. Commands are sent
 * one at a time; every wait has a deadline and replies have a size limit, so a server that hangs or babbles costs a pass
 * seconds, not the operator. No reconnects and no retries: the next pass is the retry.
 */

import { connect, type Socket } from "node:net";
import { connect as connectSecurely, type SecureContext } from "node:tls";
import { RespDecoder, RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";

export interface NodeEndpoint {
  readonly host: string;
  readonly port: number;
  readonly password: string | undefined;
  /** Whom to trust, and what to show (tls-identity.ts); without it the connection is without TLS. */
  readonly identity?: SecureContext | undefined;
}

export interface NodeConnection {
  /** The reply; an error reply rejects with a `NodeCommandError`. */
  command(...args: readonly CommandArgument[]): Promise<RespValue>;
  close(): void;
}

export interface ConnectOptions {
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export const DEFAULT_CONNECT_OPTIONS: ConnectOptions = { connectTimeoutMs: 2_000, commandTimeoutMs: 3_000 };

/** CLUSTER NODES of 1,000 nodes is about 200 kB; nothing the operator asks for is larger. */
const REPLY_LIMITS = { maxBulkBytes: 8 << 20, maxDepth: 8, maxElements: 1 << 16 };

/** The server answered with an error, for example because it is still loading. */
export class NodeCommandError extends Error {}

export async function connectNode(
  endpoint: NodeEndpoint,
  options: ConnectOptions = DEFAULT_CONNECT_OPTIONS,
): Promise<NodeConnection> {
  const socket = await openSocket(endpoint, options.connectTimeoutMs);
  const connection = new SocketConnection(socket, `${endpoint.host}:${endpoint.port}`, options.commandTimeoutMs);
  if (endpoint.password === undefined) return connection;
  try {
    await connection.command("AUTH", endpoint.password);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

function openSocket({ host, port, identity }: NodeEndpoint, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      identity === undefined
        ? connect({ host, port, noDelay: true })
        : connectSecurely({ host, port, secureContext: identity, checkServerIdentity: () => undefined });
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(new Error(`Failed to connect to ${host}:${port}: ${cause.message}`, { cause }));
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const broken = (error: Error): void => {
      clearTimeout(timer);
      fail(error);
    };
    socket.once("error", broken);
    socket.once(identity === undefined ? "connect" : "secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", broken);
      resolve(socket.setNoDelay(true));
    });
  });
}

interface Pending {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class SocketConnection implements NodeConnection {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #decoder = new RespDecoder(REPLY_LIMITS);
  #pending: Pending | undefined;
  #broken: Error | undefined;

  constructor(socket: Socket, name: string, timeoutMs: number) {
    this.#socket = socket;
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", (error) => this.#break(error));
    socket.on("close", () => this.#break(new Error("connection closed")));
  }

  async command(...args: readonly CommandArgument[]): Promise<RespValue> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#pending !== undefined) throw new Error(`Failed to ask ${this.#name}: a command is still running`);
    const value = await new Promise<RespValue>((resolve, reject) => {
      const timer = setTimeout(() => this.#break(new Error(`no reply within ${this.#timeoutMs} ms`)), this.#timeoutMs);
      this.#pending = { resolve, reject, timer };
      this.#socket.write(encodeCommand(args));
    });
    // Arguments may hold a password; only the command's name goes into messages.
    if (value instanceof RespError) throw new NodeCommandError(`${this.#name} refused ${args[0]}: ${value.message}`);
    return value;
  }

  close(): void {
    this.#break(new Error("connection closed"));
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      const value = this.#decoder.next();
      if (value === undefined) return;
      const pending = this.#takePending();
      if (pending === undefined) throw new Error("reply without a command");
      pending.resolve(value);
    } catch (error) {
      this.#break(error as Error);
    }
  }

  #break(cause: Error): void {
    this.#broken ??= new Error(`Failed to talk to ${this.#name}: ${cause.message}`, { cause });
    this.#takePending()?.reject(this.#broken);
    this.#socket.destroy();
  }

  #takePending(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) clearTimeout(pending.timer);
    return pending;
  }
}
