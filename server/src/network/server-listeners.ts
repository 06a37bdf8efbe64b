/** Opens what a server listens on: the addresses of `bind`, the unix socket, the admin port. */

import type { Config } from "../config/config.ts";
import type { FactSources } from "../observability/facts.ts";
import type { Logger } from "../observability/logger.ts";
import { createMetricsReader } from "../observability/metrics.ts";
import type { Clock } from "../platform/clock.ts";
import { describeSystemError } from "../platform/system-error.ts";
import { AdminServer } from "./admin-server.ts";
import type { ClientGateway } from "./client-gateway.ts";
import { type AcceptedSocket, Listener } from "./listener.ts";
import { loadSocketBatch, type SocketBatch } from "./socket-batch.ts";
import { followSecrets, startTls } from "./tls-service.ts";
import { serverTlsSettings } from "./tls-settings.ts";

export interface OpenListeners {
  readonly port: number;
  readonly listeners: readonly { stop(): void }[];
}

export interface ListeningParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly gateway: ClientGateway;
}

/**
 * Rejects if an address cannot be bound that `bind` does not mark as optional. Port 0 is settled by the first address; beside
 * a `tls-port` it means that there is no other.
 */
export async function listenForClients(parts: ListeningParts): Promise<OpenListeners> {
  const { config, logger, gateway, clock } = parts;
  const common = {
    backlog: config.get("tcp-backlog"),
    keepAliveSeconds: config.get("tcp-keepalive"),
    batch: gateway.batch,
    accept: (accepted: AcceptedSocket) => gateway.accept(accepted),
    acceptFailed: (error: Error) => logger.warning(`Accepting a client failed: ${describeSystemError(error)}`),
  };
  const listeners: { stop(): void }[] = [];
  let port = config.get("port");
  const isPlain = port !== 0 || config.get("tls-port") === 0;
  for (const address of isPlain ? config.get("bind") : []) {
    const listener = new Listener({ ...common, host: hostOf(address), port });
    try {
      port = await listener.start();
      listeners.push(listener);
    } catch (error) {
      if (!address.startsWith("-")) throw error;
      logger.verbose(`Skipped address "${address}": ${(error as Error).message}`);
    }
  }
  const path = config.get("unixsocket");
  if (path !== "") {
    const listener = new Listener({ ...common, host: undefined, port: 0, path });
    await listener.start();
    listeners.push(listener);
  }
  const addresses = config.get("bind").map((word) => ({ host: hostOf(word), isOptional: word.startsWith("-") }));
  const secure = await startTls({ config, clock, logger, addresses, accept: common.accept });
  return { port, listeners: secure === undefined ? listeners : [...listeners, secure] };
}

/** Undefined if it is turned off or cannot be had: then each socket reads and writes by itself. */
export function openSocketBatch(config: Config, logger: Logger): SocketBatch | undefined {
  if (!config.get("socket-batching")) return undefined;
  return loadSocketBatch((reason) => logger.notice(`Sockets are read and written one by one: ${reason}`));
}

/** Undefined if it is turned off, or if nobody asked for it and another server on this machine has the default port. */
export async function openAdmin(parts: Omit<ListeningParts, "gateway">, facts: FactSources) {
  const { config, logger } = parts;
  const port = config.get("admin-port");
  if (port === 0) return undefined;
  const host = hostOf(config.get("admin-bind")[0] ?? "*");
  const isEncrypted = config.get("admin-tls");
  const secrets = isEncrypted ? { secrets: serverTlsSettings(config) } : {};
  const server = new AdminServer({ port, host, facts, readMetrics: createMetricsReader(facts), ...secrets });
  try {
    const bound = await server.start();
    logger.notice(`Admin port ${bound} is open`);
    const stopFollowing = isEncrypted ? followSecrets(parts, () => renew(server, parts)) : undefined;
    const stop = (): Promise<void> => {
      stopFollowing?.();
      return server.stop();
    };
    return { stop, port: bound };
  } catch (error) {
    if (config.isGiven("admin-port")) throw error;
    logger.warning(`Admin port ${port} is not open: ${describeSystemError(error)}`);
    return undefined;
  }
}

function renew(server: AdminServer, { config, logger }: Omit<ListeningParts, "gateway">): string | undefined {
  try {
    server.update(serverTlsSettings(config));
    return undefined;
  } catch (error) {
    logger.warning(`Failed to configure TLS of the admin port: ${(error as Error).message}`);
    return "Unable to update TLS configuration. Check server logs.";
  }
}

/** A leading minus in `bind` marks an address that may be missing; `*` is every address of IPv4. */
function hostOf(address: string): string {
  const name = address.startsWith("-") ? address.slice(1) : address;
  return name === "*" ? "0.0.0.0" : name === "::*" ? "::" : name;
}
