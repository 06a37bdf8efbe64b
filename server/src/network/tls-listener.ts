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
  readonly certificateRefused: (refusal: CertificateRefusal) => void;
}

export interface CertificateRefusal {
  readonly address: string;
  readonly localAddress: string;
  /** Whom the certificate names; empty if there was none, or if it is gone with the connection. */
  readonly commonName: string;
  readonly reason: string;
}

/** Of a name in a certificate, which can be as long as who made it liked. */
const LOGGED_NAME = 128;
const NO_CERTIFICATE = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections beyond the limit of clients: so many are told of it, more are dropped before their handshake costs anything. */
const TOLD_OF_THE_LIMIT = 32;

interface Addresses {
  readonly address: string;
  readonly localAddress: string;
}

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: tls.Server;
  #verification: ClientVerification;
  readonly #addresses = new WeakMap<net.Socket, Addresses>();

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
    this.#server.on("connection", (raw: net.Socket) => this.#addresses.set(raw, addressesOf(raw)));
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      const problem = error.code === NO_CERTIFICATE ? "no certificate" : socket.authorizationError;
      if (problem) this.#refuse(socket, String(problem));
      else options.handshakeFailed(this.#addressesOf(socket).address, error);
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
    const { address, localAddress } = addressesOf(socket);
    if (this.#isForeign(socket)) {
      this.#refuse(socket, String(socket.authorizationError));
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    if (this.#options.keepAliveSeconds > 0) socket.setKeepAlive(true, this.#options.keepAliveSeconds * 1000);
    const isLocal = isLoopback(socket.remoteAddress);
    const receive = this.#options.accept({ socket, descriptor: -1, address, localAddress, isLocal });
    if (receive === undefined) socket.resume();
    else socket.on("data", (chunk: Buffer) => receive(chunk, 0, chunk.length));
  }

  /** A socket that was closed for its certificate knows its addresses no more. */
  #addressesOf(socket: tls.TLSSocket): Addresses {
    const { _parent: raw } = socket as unknown as { readonly _parent?: net.Socket };
    return (raw && this.#addresses.get(raw)) ?? addressesOf(socket);
  }

  #refuse(socket: tls.TLSSocket, reason: string): void {
    const { address, localAddress } = this.#addressesOf(socket);
    const { CN } = socket.getPeerCertificate()?.subject ?? {};
    this.#options.handshakeFailed(address, new Error(`certificate verify failed: ${reason}`));
    this.#options.certificateRefused({
      address,
      localAddress,
      commonName: [CN ?? ""].flat().join().slice(0, LOGGED_NAME),
      reason,
    });
  }

  /** A certificate may be left out where it is optional; one of a foreign authority is refused all the same. */
  #isForeign(socket: tls.TLSSocket): boolean {
    const hasOne = this.#verification.requestCert && Object.keys(socket.getPeerCertificate()).length > 0;
    return hasOne && !socket.authorized;
  }
}

function addressesOf(socket: net.Socket): Addresses {
  const address = formatAddress(socket.remoteAddress, socket.remotePort);
  return { address, localAddress: formatAddress(socket.localAddress, socket.localPort) };
}
