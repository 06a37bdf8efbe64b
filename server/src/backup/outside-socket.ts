/**
 * Sockets of programs that work on servers from outside; over TLS in redis-cli's words. As for redis-cli, and among servers, who
 * has a certificate of the authority that is named is trusted whatever name stands in it. Without one the authorities of the
 * system count, and then names do too.
 */

import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import type { HostAndPort } from "./backup-arguments.ts";

/** PEM files; they are read for each connection, since they may be renewed meanwhile. */
export interface TlsFiles {
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/** What the socket says when something can be said on it. */
export function readyEvent(socket: net.Socket): "connect" | "secureConnect" {
  return socket instanceof tls.TLSSocket ? "secureConnect" : "connect";
}

/** Throws where a file cannot be read, or holds something else. */
export function openSocket({ host, port }: HostAndPort, files: TlsFiles | undefined): net.Socket {
  if (files === undefined) return net.connect({ host, port, noDelay: true });
  const { authority, certificate, key } = files;
  return tls
    .connect({
      ...{ host, port },
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(authority === undefined ? {} : { ca: readFileSync(authority), checkServerIdentity: () => undefined }),
      ...(certificate === undefined ? {} : { cert: readFileSync(certificate) }),
      ...(key === undefined ? {} : { key: readFileSync(key) }),
    })
    .setNoDelay(true);
}
