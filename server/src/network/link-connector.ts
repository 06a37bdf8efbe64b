/** Connections to other servers: plain, or over TLS where `tls-replication` or `tls-cluster` says so. */

import net from "node:net";
import { networkInterfaces } from "node:os";
import tls from "node:tls";
import type { Config } from "../config/config.ts";
import { clientTlsSettings } from "./tls-settings.ts";

/** Gives what opens a connection; `ready` is called when something can be said on it. */
export function linkConnector(
  config: Config,
  isEncrypted: () => boolean,
): (host: string, port: number, ready: () => void) => net.Socket {
  return (host, port, ready) => {
    const from = { localAddress: sourceFor(host, config.get("bind-source-addr")) };
    if (!isEncrypted()) return net.connect({ host, port, ...from, noDelay: true }).on("connect", ready);
    let secrets: tls.SecureContextOptions;
    try {
      secrets = clientTlsSettings(config);
    } catch (error) {
      return new net.Socket().destroy(error as Error);
    }
    // As in Redis: who has a certificate of the authority is one of us, whatever name stands in it.
    const socket = tls.connect({ ...secrets, host, port, ...from, checkServerIdentity: () => undefined });
    return socket.setNoDelay(true).on("secureConnect", ready);
  };
}

/** `bind-source-addr` where the machine has that address and it leads to the host; as in Redis, no link fails because of it. */
function sourceFor(host: string, address: string): string | undefined {
  const family = net.isIP(address);
  if (family === 0 || (net.isIP(host) !== 0 && net.isIP(host) !== family)) return undefined;
  const isOwn = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address));
  return isOwn || address.startsWith("127.") ? address : undefined;
}
