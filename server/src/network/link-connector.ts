/** Connections to other servers: plain, or over TLS where `tls-replication` or `tls-cluster` says so. */

import net from "node:net";
import tls from "node:tls";
import type { Config } from "../config/config.ts";
import { clientTlsSettings } from "./tls-settings.ts";

/** Gives what opens a connection; `ready` is called when something can be said on it. */
export function linkConnector(
  config: Config,
  isEncrypted: () => boolean,
): (host: string, port: number, ready: () => void) => net.Socket {
  return (host, port, ready) => {
    if (!isEncrypted()) return net.connect({ host, port, noDelay: true }).on("connect", ready);
    let secrets: tls.SecureContextOptions;
    try {
      secrets = clientTlsSettings(config);
    } catch (error) {
      return new net.Socket().destroy(error as Error);
    }
    // As in Redis: who has a certificate of the authority is one of us, whatever name stands in it.
    const socket = tls.connect({ ...secrets, host, port, checkServerIdentity: () => undefined });
    return socket.setNoDelay(true).on("secureConnect", ready);
  };
}
