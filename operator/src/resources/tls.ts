/**
 * TLS of a cluster's servers (spec.tls). The port for clients keeps its number and speaks TLS only; what is without it, where that is
 * asked for, is another port. Servers show each other the certificate that they show clients, and look for new files by
 * themselves. The programs beside them, kv-backup and kv-handover, use the same files.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import type { TlsSpec } from "../api/tls.ts";
import { ADMIN_PORT, BUS_PORT, CLIENT_PORT, PLAIN_PORT } from "./manifest.ts";
import { FILE_MODE } from "./pod-security.ts";

type Fields = Readonly<Record<string, unknown>>;

/** In the Secret, as Kubernetes and cert-manager call them. */
export const CERTIFICATE_KEY = "tls.crt";
export const PRIVATE_KEY = "tls.key";
export const AUTHORITY_KEY = "ca.crt";

export const TLS_DIRECTORY = "/etc/kvcluster-tls";

/** In YAML a bare `no` is no word. */
const AUTH_CLIENTS: Readonly<Record<TlsSpec["authClients"], string>> = {
  Disabled: "no",
  Optional: "optional",
  Required: "yes",
};

/** The ports of a cluster's servers for clients inside of Kubernetes, and what is spoken there. */
export function portDirectives({ spec }: KVCluster): Readonly<Record<string, string>> {
  const { tls, mode } = spec;
  if (tls === undefined) return { port: String(CLIENT_PORT) };
  return {
    port: tls.plaintext ? String(PLAIN_PORT) : "0",
    "tls-port": String(CLIENT_PORT),
    "tls-replication": "yes",
    ...(mode === "Cluster" ? { "tls-cluster": "yes" } : {}),
    "tls-cert-file": `${TLS_DIRECTORY}/${CERTIFICATE_KEY}`,
    "tls-key-file": `${TLS_DIRECTORY}/${PRIVATE_KEY}`,
    "tls-ca-cert-file": `${TLS_DIRECTORY}/${AUTHORITY_KEY}`,
    "tls-auth-clients": AUTH_CLIENTS[tls.authClients],
    "admin-tls": "yes",
  };
}

export type NamedPort = readonly [name: string, number: number];

/** The ports that clients inside of Kubernetes use. */
export function clientPorts({ spec }: KVCluster): readonly NamedPort[] {
  return [["client", CLIENT_PORT], ...(spec.tls?.plaintext ? [["plain", PLAIN_PORT] as const] : [])];
}

/** All that is listened at inside of Kubernetes. */
export function serverPorts(cluster: KVCluster): readonly NamedPort[] {
  return [...clientPorts(cluster), ["bus", BUS_PORT], ["admin", ADMIN_PORT]];
}

/** Of kv-backup and kv-handover, where the files are in that directory. */
export function tlsOptions(directory: string): readonly string[] {
  return [
    ...["--tls", "--cacert", `${directory}/${AUTHORITY_KEY}`],
    ...["--cert", `${directory}/${CERTIFICATE_KEY}`, "--key", `${directory}/${PRIVATE_KEY}`],
  ];
}

/** A volume of those three files; what else may be in the Secret is for others. */
export function tlsFiles(secretName: string): Fields {
  const items = [CERTIFICATE_KEY, PRIVATE_KEY, AUTHORITY_KEY].map((key) => ({ key, path: key }));
  return { secret: { secretName, items, defaultMode: FILE_MODE } };
}
