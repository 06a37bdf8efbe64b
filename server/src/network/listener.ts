/**
 * Accepts client connections over TCP or a unix socket. Each accepted socket is rebuilt around its handle so that the kernel
 * reads into one buffer shared by all connections (`onread`), instead of a new 64 KiB block for each read. A connection that
 * has filled the buffer lets the others have their turn: libuv alone would read 2 MiB from it at a time.
 */

import net from "node:net";
import type { BatchedReader, SocketBatch } from "./socket-batch.ts";

export interface AcceptedSocket {
  readonly socket: net.Socket;
  /** Where a batch may send what the socket has no other bytes before; -1 if only the socket itself can. */
  readonly descriptor: number;
  readonly address: string;
  readonly localAddress: string;
  /** False for connections over the network, true for loopback and unix sockets. */
  readonly isLocal: boolean;
}

export interface ListenerOptions {
  readonly host: string | undefined;
  readonly port: number;
  /** A unix socket's path in place of host and port. */
  readonly path?: string;
  readonly backlog: number;
  readonly keepAliveSeconds: number;
  /** A connection could not be accepted, for want of descriptors or memory; the next ones may be. */
  readonly acceptFailed: (error: Error) => void;
  /** Makes the receiver of a new connection's bytes; undefined refuses it (the socket is already answered and closed). */
  readonly accept: (accepted: AcceptedSocket) => ByteReceiver | undefined;
  /** Reads all sockets at once, where there is one. */
  readonly batch?: SocketBatch | undefined;
}

/** Takes `chunk[start..end)`, which is only valid during the call. */
export type ByteReceiver = (chunk: Buffer, start: number, end: number) => void;

const READ_BYTES = 64 << 10;

/** Node's internals that make a socket anew around a handle; absent, plain events are used. */
interface RawSocket {
  _handle: { readonly fd?: number } | null;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #shared = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #server: net.Server;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = net.createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, (raw) =>
      this.#accept(raw),
    );
  }

  /** Resolves with the port in use (0 for a unix socket); rejects if the address cannot be bound. */
  start(): Promise<number> {
    const { host, port, path, backlog } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      const target =
        path === undefined ? { port, backlog, ...(host === undefined ? {} : { host }) } : { path, backlog };
      this.#server.listen(target, () => {
        this.#server.off("error", reject);
        this.#server.on("error", this.#options.acceptFailed);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  /** Stops accepting; existing connections go on. */
  stop(): void {
    this.#server.close();
  }

  #accept(raw: net.Socket): void {
    const isUnix = this.#options.path !== undefined;
    const address = isUnix ? `${this.#options.path}:0` : formatAddress(raw.remoteAddress, raw.remotePort);
    const localAddress = isUnix ? `${this.#options.path}:0` : formatAddress(raw.localAddress, raw.localPort);
    const isLocal = isUnix || isLoopback(raw.remoteAddress);
    let receive: ByteReceiver | undefined;
    const socket = this.#withSharedBuffer(raw, (chunk, start, end) => receive?.(chunk, start, end));
    if (this.#options.keepAliveSeconds > 0) socket.setKeepAlive(true, this.#options.keepAliveSeconds * 1000);
    const descriptor = this.#options.batch === undefined ? -1 : descriptorOf(socket);
    receive = this.#options.accept({ socket, descriptor, address, localAddress, isLocal });
    const ended = (): void => {
      socket.resume();
      if (receive !== undefined) socket.read(0);
    };
    if (receive === undefined || !this.#isBatched(descriptor, { receive, ended })) ended();
  }

  #isBatched(descriptor: number, reader: BatchedReader): boolean {
    if (descriptor < 0) return false;
    this.#options.batch?.watch(descriptor, reader);
    return true;
  }

  #withSharedBuffer(raw: net.Socket, receive: ByteReceiver): net.Socket {
    const source = raw as unknown as RawSocket;
    const handle = source._handle;
    source._handle = null;
    const buffer = this.#shared;
    const options = {
      handle,
      allowHalfOpen: true,
      // Else it begins to read at once, and where a batch reads, each request would cost a second read that finds nothing.
      pauseOnCreate: true,
      onread: {
        buffer,
        callback: (bytes: number): boolean => {
          receive(buffer, 0, bytes);
          if (bytes < READ_BYTES) return true;
          setImmediate(resume);
          return false;
        },
      },
    };
    const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
    const resume = (): void => void (socket.destroyed || socket.read(0));
    socket.setNoDelay(true);
    return socket;
  }
}

/** -1 if it has none (any more). */
export function descriptorOf(socket: net.Socket): number {
  return (socket as unknown as RawSocket)._handle?.fd ?? -1;
}

export function formatAddress(address: string | undefined, port: number | undefined): string {
  const host = address ?? "?";
  const plain = host.startsWith("::ffff:") ? host.slice(7) : host;
  return plain.includes(":") ? `[${plain}]:${port ?? 0}` : `${plain}:${port ?? 0}`;
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
