/**
 * Sockets of the cluster bus: a listener, and one outgoing connection for each node. Cuts the streams into whole
 * messages and hands them up as events; knows nothing of what they mean. Both directions are bounded: a message has a
 * largest size, and a peer that does not read is disconnected once too much waits for it.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { frameLength } from "./bus-message-decode.ts";

/** Of inbound connections; a cluster has one from each of its nodes. */
const MAX_INBOUND = 10_000;
/** Where `cluster-link-sendbuf-limit` sets none. */
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/** An address to listen on; an optional one may be missing on this machine. */
export interface BusHost {
  readonly host: string;
  readonly isOptional: boolean;
}

export interface BusOptions {
  readonly hosts: readonly BusHost[];
  /** 0: any free one. */
  readonly port: number;
  /** Limit of unsent bytes of a link, 0 for the default. */
  sendBufferLimit(): number;
  readonly transport: BusTransport;
}

/** Plain sockets, or TLS over them. */
export interface BusTransport {
  /** Calls `ready` once something can be said. */
  connect(host: string, port: number, ready: () => void): Socket;
  /** Gives what is read and written in place of the socket, once its peer has shown that it may; else the socket is gone. */
  accept(socket: Socket, ready: (socket: Socket) => void): void;
}

export const plainTransport: BusTransport = {
  connect: (host, port, ready) => connect({ host, port }).on("connect", ready),
  accept: (socket, ready) => ready(socket),
};

export interface BusEvents {
  /** Returns the id for the new link. */
  accepted(remoteIp: string, localIp: string): number;
  opened(link: number): void;
  closed(link: number): void;
  packet(link: number, bytes: Buffer): void;
  garbage(link: number, reason: string): void;
}

export class Bus {
  /** Links closed because their peer did not read. */
  limitExceeded = 0;
  readonly #options: BusOptions;
  readonly #events: BusEvents;
  readonly #servers: Server[] = [];
  readonly #sockets = new Map<number, Socket>();
  #inbound = 0;

  constructor(options: BusOptions, events: BusEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Resolves with the port once all addresses listen; rejects if one cannot. */
  async listen(): Promise<number> {
    let port = this.#options.port;
    for (const { host, isOptional } of this.#options.hosts) {
      try {
        port = await this.#listenOn(host, port);
      } catch (error) {
        if (!isOptional) throw error;
      }
    }
    return port;
  }

  connect(link: number, host: string, port: number): void {
    const socket = this.#options.transport.connect(host, port, () => this.#events.opened(link));
    this.#attach(link, socket);
  }

  send(link: number, bytes: Buffer): void {
    const socket = this.#sockets.get(link);
    if (socket === undefined || socket.destroyed) return;
    const limit = this.#options.sendBufferLimit();
    if (socket.writableLength + bytes.length > (limit === 0 ? MAX_UNSENT_BYTES : limit)) {
      this.limitExceeded++;
      socket.destroy();
      return;
    }
    socket.write(bytes);
  }

  /** Closes without a `closed` event: who calls this knows. */
  close(link: number): void {
    const socket = this.#sockets.get(link);
    if (socket === undefined) return;
    this.#sockets.delete(link);
    socket.destroy();
  }

  unsentBytes(link: number): number {
    return this.#sockets.get(link)?.writableLength ?? 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
    this.#servers.length = 0;
  }

  #listenOn(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, ipv6Only: host.includes(":") }, () => {
        server.off("error", reject);
        this.#servers.push(server);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#inbound >= MAX_INBOUND) {
      socket.destroy();
      return;
    }
    this.#inbound++;
    socket.once("close", () => this.#inbound--);
    socket.on("error", () => socket.destroy());
    this.#options.transport.accept(socket, (ready) => this.#accepted(ready));
  }

  #accepted(socket: Socket): void {
    const link = this.#events.accepted(plainIp(socket.remoteAddress), plainIp(socket.localAddress));
    this.#attach(link, socket);
  }

  #attach(link: number, socket: Socket): void {
    this.#sockets.set(link, socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#sockets.get(link) !== socket) return;
      this.#sockets.delete(link);
      this.#events.closed(link);
    });
    const reader = new FrameReader();
    socket.on("data", (chunk) => this.#receive(link, socket, reader, chunk));
  }

  #receive(link: number, socket: Socket, reader: FrameReader, chunk: Buffer): void {
    reader.push(chunk);
    for (;;) {
      if (this.#sockets.get(link) !== socket) return;
      const frame = reader.next();
      if (frame === undefined) return;
      if ("error" in frame) {
        this.#events.garbage(link, frame.error);
        return;
      }
      this.#events.packet(link, frame.bytes);
    }
  }
}

/** Collects chunks until a whole message is there. Each message gets memory of its own. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #needed = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  next(): { readonly bytes: Buffer } | { readonly error: string } | undefined {
    if (this.#size < Math.max(this.#needed, 8)) return undefined;
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [all];
    const length = frameLength(all, 0);
    if (typeof length !== "number") return length;
    this.#needed = length;
    if (this.#size < length) return undefined;
    this.#needed = 0;
    this.#size -= length;
    this.#chunks = this.#size === 0 ? [] : [all.subarray(length)];
    return { bytes: all.subarray(0, length) };
  }
}

/** IPv4 addresses of dual-stack sockets without their IPv6 prefix. */
function plainIp(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
