/**
 * Accepts client connections over TLS. What is wrong with a handshake ends that connection only; one that takes its time is
 * given up. Connections that are open keep the certificates that they have seen when others take their place.
 */

import type net from "node:net";
import tls from "node:tls";
import type { AcceptedSocket, ByteReceiver } from "./listener.ts";
import { formatAddress, isLoopback } from "./listener.ts";
import type { ClientVerification } from "./tls-settings.ts";

export interface TlsListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
  readonly maxClients: number;
  readonly keepAliveSeconds: number;
  readonly secrets: tls.SecureContextOptions;
  readonly verification: ClientVerification;
  readonly accept: (accepted: AcceptedSocket) => ByteReceiver | undefined;
  readonly acceptFailed: (error: Error) => void;
  readonly handshakeFailed: (address: string, error: Error) => void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections beyond the limit of clients: so many are told of it, more are dropped before their handshake costs anything. */
const TOLD_OF_THE_LIMIT = 32;

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: tls.Server;
  #verification: ClientVerification;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#verification = options.verification;
    this.#server = tls.createServer(
      {
        ...options.secrets,
        ...options.verification,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        noDelay: true,
        allowHalfOpen: true,
      },
      (socket) => this.#accept(socket),
    );
    this.limit(options.maxClients);
    this.#server.on("tlsClientError", (error, socket) => {
      options.handshakeFailed(formatAddress(socket.remoteAddress, socket.remotePort), error);
      socket.destroy();
    });
  }

  /** Resolves with the port in use; rejects if the address cannot be bound. */
  start(): Promise<number> {
    const { host, port, backlog, acceptFailed } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", acceptFailed);
        resolve((this.#server.address() as net.AddressInfo).port);
      });
    });
  }

  /** Connections in the middle of their handshake hold a descriptor and memory like clients: together they are no more. */
  limit(maxClients: number): void {
    this.#server.maxConnections = maxClients + TOLD_OF_THE_LIMIT;
  }

  /** From now on new connections get these. Throws if they are none. */
  update(secrets: tls.SecureContextOptions, verification: ClientVerification): void {
    this.#server.setSecureContext(secrets);
    Object.assign(this.#server, verification);
    this.#verification = verification;
  }

  /** Stops accepting; existing connections go on. */
  stop(): void {
    this.#server.close();
  }

  #accept(socket: tls.TLSSocket): void {
    const address = formatAddress(socket.remoteAddress, socket.remotePort);
    if (this.#isForeign(socket)) {
      this.#options.handshakeFailed(address, new Error("certificate verify failed"));
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    const localAddress = formatAddress(socket.localAddress, socket.localPort);
    if (this.#options.keepAliveSeconds > 0) socket.setKeepAlive(true, this.#options.keepAliveSeconds * 1000);
    const isLocal = isLoopback(socket.remoteAddress);
    const receive = this.#options.accept({ socket, descriptor: -1, address, localAddress, isLocal });
    if (receive === undefined) socket.resume();
    else socket.on("data", (chunk: Buffer) => receive(chunk, 0, chunk.length));
  }

  /** A certificate may be left out where it is optional; one of a foreign authority is refused all the same. */
  #isForeign(socket: tls.TLSSocket): boolean {
    const hasOne = this.#verification.requestCert && Object.keys(socket.getPeerCertificate()).length > 0;
    return hasOne && !socket.authorized;
  }
}
