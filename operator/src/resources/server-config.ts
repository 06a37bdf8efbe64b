/**
 * The redis.conf of a cluster's servers: what the operator decides, then what the user adds, then the include that brings
 * the password, so that no password is in an argument list, an environment variable or this text.
 *
 * Replicas stay in their shard (`cluster-allow-replica-migration no`), or topology and StatefulSets would drift apart, and a
 * replica may always be elected (`cluster-replica-validity-factor 0`): with the primary gone an old copy is better than
 * none, and the servers prefer the one with the highest offset anyway.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { parseQuantity } from "../api/quantity.ts";
import { directiveName } from "./live-directives.ts";
import { ADMIN_PORT, BUS_PORT, EXTERNAL_PORT } from "./manifest.ts";
import { portDirectives } from "./tls.ts";

export const CONFIG_DIRECTORY = "/etc/kvcluster";
export const CONFIG_FILE = "kvcluster.conf";
export const AUTH_DIRECTORY = "/etc/kvcluster-auth";
export const AUTH_FILE = "auth.conf";
export const DATA_DIRECTORY = "/data";

export const EXTERNAL_PORT_DIRECTIVE = "cluster-external-port";

const DEFAULT_MAX_MEMORY_PERCENT = 75;

/** What users may override. */
const PREFERRED: Readonly<Record<string, string>> = {
  save: "3600 1 300 100 60 10000",
  "cluster-node-timeout": "5000",
  "cluster-require-full-coverage": "yes",
  "cluster-replica-validity-factor": "0",
  "repl-diskless-sync-delay": "0",
  "protected-mode": "no",
};

/** What the servers of the cluster run with, as far as it is not left to them, by the directives' own names. */
export function directivesOf(cluster: KVCluster): Readonly<Record<string, string>> {
  const { spec } = cluster;
  const decided: Readonly<Record<string, string>> = {
    ...portDirectives(cluster),
    "cluster-port": String(BUS_PORT),
    "admin-port": String(ADMIN_PORT),
    bind: "* -::*",
    dir: DATA_DIRECTORY,
    "cluster-enabled": spec.mode === "Cluster" ? "yes" : "no",
    "cluster-config-file": "nodes.conf",
    "cluster-preferred-endpoint-type": "hostname",
    "cluster-allow-replica-migration": "no",
    "maxmemory-policy": spec.memory.policy,
    ...maxMemory(spec),
  };
  const added = Object.entries(spec.config ?? {}).map(([name, value]) => [directiveName(name), value]);
  return { ...PREFERRED, ...Object.fromEntries(added), ...decided };
}

export function serverConfig(cluster: KVCluster, opensExternalPort = false): string {
  const external = opensExternalPort ? { [EXTERNAL_PORT_DIRECTIVE]: String(EXTERNAL_PORT) } : {};
  const lines = Object.entries({ ...directivesOf(cluster), ...external })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} ${value === "" ? '""' : value}`);
  return `${["# Written by the kvcluster operator", ...lines, `include ${AUTH_DIRECTORY}/${AUTH_FILE}`].join("\n")}\n`;
}

/** The lines that the include brings: one password for clients and for replicas. */
export function authConfig(password: string): string {
  return `requirepass ${quoteDirective(password)}\nmasterauth ${quoteDirective(password)}\n`;
}

function maxMemory({ memory, resources }: KVCluster["spec"]): Readonly<Record<string, string>> {
  if (memory.maxMemory !== undefined) return { maxmemory: String(parseQuantity(memory.maxMemory) ?? 0) };
  const limit = resources.limits?.memory;
  const limitBytes = limit === undefined ? undefined : parseQuantity(limit);
  if (limitBytes === undefined) return {};
  const percent = memory.maxMemoryPercent ?? DEFAULT_MAX_MEMORY_PERCENT;
  return { maxmemory: String(Math.floor((limitBytes / 100) * percent)) };
}

/** redis.conf quoting: any byte that is not plain is written as \xHH. */
export function quoteDirective(value: string): string {
  const escaped = [...Buffer.from(value, "utf8")].map((byte) => {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
