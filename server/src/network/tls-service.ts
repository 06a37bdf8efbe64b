/**
 * TLS for clients while the server runs: opens `tls-port`, and takes up changes of directives, and of the files that they name
 * within seconds (Kubernetes swaps them below the server). Secrets that are wrong change nothing: the old ones stay in use.
 */

import { statSync } from "node:fs";
import type { Config } from "../config/config.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { AcceptedSocket, ByteReceiver } from "./listener.ts";
import { type CertificateRefusal, TlsListener } from "./tls-listener.ts";
import { clientVerification, serverTlsSettings, tlsFiles } from "./tls-settings.ts";

export interface TlsServiceParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0: nowhere. */
  readonly port: number;
  /** Where to listen; one that is optional may be missing or taken. */
  readonly addresses: readonly { readonly host: string; readonly isOptional: boolean }[];
  readonly accept: (accepted: AcceptedSocket) => ByteReceiver | undefined;
  readonly certificateRefused: (refusal: CertificateRefusal) => void;
}

export interface TlsService {
  stop(): void;
}

const LOOK_AT_FILES_MS = 2000;
const DIRECTIVES = [
  ...(["tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-ca-cert-file", "tls-ca-cert-dir"] as const),
  ...([
    "tls-cluster",
    "tls-replication",
    "tls-auth-clients",
    "tls-protocols",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-prefer-server-ciphers",
  ] as const),
];

/** Calls `apply` when a directive of TLS or one of its files has changed; it gives what CONFIG SET is refused with. */
export function followSecrets(
  parts: Pick<TlsServiceParts, "config" | "clock" | "logger">,
  apply: () => string | undefined,
): () => void {
  const stopFollowing = parts.config.onChange(DIRECTIVES, apply);
  const stopLooking = followFiles(parts, apply);
  return () => {
    stopFollowing();
    stopLooking();
  };
}

/** Undefined for port 0. Rejects if the secrets are wrong or the address cannot be bound. */
export async function startTls(parts: TlsServiceParts): Promise<TlsService | undefined> {
  const { config, logger } = parts;
  if (parts.port === 0) return undefined;
  const listeners: TlsListener[] = [];
  for (const { host, isOptional } of parts.addresses) {
    const listener = createListener(parts, host);
    try {
      await listener.start();
      listeners.push(listener);
    } catch (error) {
      if (!isOptional) {
        for (const other of listeners) other.stop();
        throw error;
      }
      logger.verbose(`Skipped address "${host}" for TLS: ${(error as Error).message}`);
    }
  }
  const apply = (): string | undefined => {
    try {
      const secrets = serverTlsSettings(config);
      for (const listener of listeners) listener.update(secrets, clientVerification(config));
      return undefined;
    } catch (error) {
      logger.warning(`Failed to configure TLS: ${(error as Error).message}`);
      return "Unable to update TLS configuration. Check server logs.";
    }
  };
  const stopFollowing = followSecrets(parts, apply);
  const stopLimiting = config.onChange(["maxclients"], () => {
    for (const listener of listeners) listener.limit(config.get("maxclients"));
    return undefined;
  });
  return {
    stop() {
      stopFollowing();
      stopLimiting();
      for (const listener of listeners) listener.stop();
    },
  };
}

function createListener(
  { config, logger, accept, certificateRefused, port }: TlsServiceParts,
  host: string,
): TlsListener {
  return new TlsListener({
    ...{ host, port, backlog: config.get("tcp-backlog"), accept, certificateRefused },
    keepAliveSeconds: config.get("tcp-keepalive"),
    maxClients: config.get("maxclients"),
    ...{ secrets: serverTlsSettings(config), verification: clientVerification(config) },
    acceptFailed: (error: Error) => logger.warning(`Accepting a client failed: ${error.message}`),
    handshakeFailed: (address: string, error: Error) =>
      logger.verbose(`Error accepting a client connection: ${error.message} (conn: ${address})`),
  });
}

/** Applies anew when a file is another or has changed. */
function followFiles(
  { config, clock, logger }: Pick<TlsServiceParts, "config" | "clock" | "logger">,
  apply: () => string | undefined,
): () => void {
  let seen = stateOfFiles(config);
  return clock.every(LOOK_AT_FILES_MS, () => {
    const now = stateOfFiles(config);
    if (now === seen) return;
    seen = now;
    if (apply() === undefined) logger.notice("TLS certificates have changed and are in use for new connections");
  });
}

function stateOfFiles(config: Config): string {
  return tlsFiles(config).map(stateOfFile).join();
}

/** Of one that cannot be looked at, why: that must not end a server that has read it before. */
function stateOfFile(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
