/**
 * What every builder here gets and gives. A manifest is the complete object as it is applied: with an explicit value for
 * each API default that we would otherwise leave to the server, so that the same input always gives the same object.
 */

import { API_VERSION } from "../api/kinds.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import {
  CLUSTER_LABEL,
  COMPONENT_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NAME_LABEL,
  SHARD_LABEL,
} from "../api/labels.ts";
import type { KubernetesObject, ObjectMeta } from "../kubernetes-object.ts";

/** Users of spec.auth.users. */
export interface DeclaredUsers {
  /** Lines of redis.conf by name: of what servers have taken. */
  readonly lines: ReadonlyMap<string, string>;
  /** Names that were declared once and are not any more. */
  readonly removed: readonly string[];
}

export interface ServerPlace {
  readonly pod: string;
  readonly shard: number;
}

/** What is remembered of the servers' configuration, by the directives' own names. */
export interface ConfigMemory {
  /** What servers do not take of the spec, with their words. */
  readonly refused: ReadonlyMap<string, { readonly value: string; readonly words: string }>;
  /** What has left the spec, until all servers have been told. */
  readonly left: readonly string[];
}

export interface Manifest extends KubernetesObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly type?: string;
}

export interface OldPassword {
  readonly password: string;
  /** ISO time. */
  readonly until: string;
}

export interface ChildContext {
  /** With a configuration that servers can start with. */
  readonly cluster: KVCluster;
  readonly defaultImage: string;
  /** The DNS domain of Kubernetes, usually `cluster.local`. */
  readonly clusterDomain: string;
  readonly password: string;
  /** In PEM: by which clients know servers that speak TLS. */
  readonly authority: string | undefined;
  /** What servers accept besides. */
  readonly oldPassword: OldPassword | undefined;
  readonly users: DeclaredUsers;
  readonly configMemory: ConfigMemory;
  /** Pods that there are or should be. */
  readonly servers: readonly ServerPlace[];
  /** Servers know of the port for clients outside. */
  readonly opensExternalPort: boolean;
  /** No Service leads clients to it yet. */
  readonly isHeldBack: boolean;
}

export const SERVER_COMPONENT = "server";
export const CLIENT_PORT = 6379;
export const BUS_PORT = 16379;
export const ADMIN_PORT = 9121;
/** Without TLS, where the other has it and this one is asked for. */
export const PLAIN_PORT = 6381;
/** For clients from outside of Kubernetes: servers tell by it who is shown which addresses. */
export const EXTERNAL_PORT = 6380;

export function childMetadata(
  cluster: KVCluster,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): ObjectMeta {
  const { namespace, uid } = cluster.metadata;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...commonLabels(cluster), ...labels },
    ownerReferences: [
      {
        apiVersion: API_VERSION,
        kind: "KVCluster",
        name: cluster.metadata.name,
        uid: uid ?? "",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}

/** Whether the object was made for this very cluster, not for a namesake that was deleted. */
export function isOwnedBy({ metadata }: Manifest, cluster: KVCluster): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid) ?? false;
}

export function commonLabels(cluster: KVCluster): Readonly<Record<string, string>> {
  return {
    [NAME_LABEL]: "kvcluster",
    "app.kubernetes.io/instance": cluster.metadata.name,
    [COMPONENT_LABEL]: SERVER_COMPONENT,
    "app.kubernetes.io/part-of": "kvcluster",
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [CLUSTER_LABEL]: cluster.metadata.name,
  };
}

/** Selects the servers of a cluster, and no Job or other pod that carries its name. */
export function serverSelector(cluster: KVCluster): Readonly<Record<string, string>> {
  return { [CLUSTER_LABEL]: cluster.metadata.name, [COMPONENT_LABEL]: SERVER_COMPONENT };
}

export function shardSelector(cluster: KVCluster, shard: number): Readonly<Record<string, string>> {
  return { ...serverSelector(cluster), [SHARD_LABEL]: String(shard) };
}

export function encodeData(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]),
  );
}

export function decodeData(data: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
}
