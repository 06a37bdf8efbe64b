/**
 * TLS to a server through a forwarded port. The name in its certificate cannot be that of this end, so what counts is the
 * authority that the cluster's Secret names, as among servers.
 */

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { PluginError } from "./plugin-error.ts";

export interface TlsSecrets {
  readonly authority: string;
  /** For servers that ask clients for one. */
  readonly own: { readonly certificate: string; readonly key: string } | undefined;
}

export async function secureSocket(socket: Socket, pod: string, { authority, own }: TlsSecrets): Promise<TLSSocket> {
  const certificate = own === undefined ? {} : { cert: own.certificate, key: own.key };
  const secure = connect({ socket, ca: authority, ...certificate, checkServerIdentity: () => undefined });
  try {
    await once(secure, "secureConnect");
  } catch (error) {
    secure.destroy();
    throw new PluginError(`Cannot speak TLS with pod "${pod}": ${(error as Error).message}`);
  }
  return secure;
}
