/** The admin port, and the reading of sockets in batches. */

import { bindAddress } from "../config/bind-address.ts";
import type { Config } from "../config/config.ts";
import type { FactSources } from "../observability/facts.ts";
import type { Logger } from "../observability/logger.ts";
import { createMetricsReader } from "../observability/metrics.ts";
import { describeSystemError } from "../platform/system-error.ts";
import { AdminServer } from "./admin-server.ts";
import type { ListeningParts } from "./client-ports.ts";
import { loadSocketBatch, type SocketBatch } from "./socket-batch.ts";
import { followSecrets } from "./tls-service.ts";
import { serverTlsSettings } from "./tls-settings.ts";

type AdminParts = Pick<ListeningParts, "config" | "logger" | "clock">;

/** Undefined if it is turned off or cannot be had: then each socket reads and writes by itself. */
export function openSocketBatch(config: Config, logger: Logger): SocketBatch | undefined {
  if (!config.get("socket-batching")) return undefined;
  return loadSocketBatch((reason) => logger.notice(`Sockets are read and written one by one: ${reason}`));
}

/** Undefined if it is turned off, or if nobody asked for it and another server on this machine has the default port. */
export async function openAdmin(parts: AdminParts, facts: FactSources) {
  const { config, logger } = parts;
  const port = config.get("admin-port");
  if (port === 0) return undefined;
  const { host } = bindAddress(config.get("admin-bind")[0] ?? "*");
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

function renew(server: AdminServer, { config, logger }: AdminParts): string | undefined {
  try {
    server.update(serverTlsSettings(config));
    return undefined;
  } catch (error) {
    logger.warning(`Failed to configure TLS of the admin port: ${(error as Error).message}`);
    return "Unable to update TLS configuration. Check server logs.";
  }
}
