/**
 * How the cluster bus speaks: plain, or over TLS with `tls-cluster`, asked for each connection as in Redis. On the bus everybody
 * must show a certificate of the authority, whatever `tls-auth-clients` says.
 */

import type { Socket } from "node:net";
import tls from "node:tls";
import type { BusTransport } from "../cluster/bus.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../observability/logger.ts";
import { linkConnector } from "./link-connector.ts";
import { serverTlsSettings } from "./tls-settings.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;
const VERIFICATION = { requestCert: true, rejectUnauthorized: true } as const;

export function busTransport(config: Config, logger: Logger): BusTransport {
  return {
    connect: linkConnector(config, () => config.get("tls-cluster")),
    accept(socket, ready) {
      if (!config.get("tls-cluster")) {
        ready(socket);
        return;
      }
      try {
        acceptOverTls(config, logger, socket, ready);
      } catch (error) {
        logger.warning(`A node of the cluster cannot be let in: ${(error as Error).message}`);
        socket.destroy();
      }
    },
  };
}

/** Certificates are read for each connection: there are few, and they may have changed. */
function acceptOverTls(config: Config, logger: Logger, socket: Socket, ready: (socket: Socket) => void): void {
  const from = `${socket.remoteAddress}:${socket.remotePort}`;
  const server = tls.createServer(
    { ...serverTlsSettings(config), ...VERIFICATION, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    ready,
  );
  server.on("tlsClientError", (error, broken) => {
    logger.verbose(`Error accepting cluster node: ${error.message} (from ${from})`);
    broken.destroy();
    socket.destroy();
  });
  server.emit("connection", socket);
}
