/**
 * The names of everything that belongs to a cluster. They are a contract: applications, backups and people use them, and
 * host names are stored in the servers' own tables, so a change here would orphan what exists. With a cluster name of 40
 * characters at most, all stay within the 63 of a DNS label.
 */

import type { KVCluster } from "../api/kv-cluster.ts";

export function statefulSetName(cluster: string, shard: number): string {
  return `${cluster}-${shard}`;
}

export function podName(cluster: string, shard: number, ordinal: number): string {
  return `${statefulSetName(cluster, shard)}-${ordinal}`;
}

/** Every server, ready or not, under its own host name. */
export function headlessServiceName(cluster: string): string {
  return `${cluster}-nodes`;
}

/** Every ready server: where cluster-aware clients start. */
export function discoveryServiceName(cluster: string): string {
  return cluster;
}

export function writeServiceName(cluster: string): string {
  return `${cluster}-write`;
}

export function readServiceName(cluster: string): string {
  return `${cluster}-read`;
}

/** One server, from outside of Kubernetes. */
export function externalServiceName(pod: string): string {
  return `${pod}-external`;
}

export function networkPolicyName(cluster: string): string {
  return `${cluster}-servers`;
}

export function configMapName(cluster: string): string {
  return `${cluster}-config`;
}

/** The password the operator generates when the spec names no Secret. */
export function authSecretName(cluster: string): string {
  return `${cluster}-auth`;
}

/** The password in the form in which servers read it. */
export function serverAuthSecretName(cluster: string): string {
  return `${cluster}-server-auth`;
}

/** Address, user, password and URI for applications. */
export function connectionSecretName(cluster: string): string {
  return `${cluster}-connection`;
}

export function serviceHost(cluster: KVCluster, service: string, clusterDomain: string): string {
  return `${service}.${cluster.metadata.namespace ?? "default"}.svc.${clusterDomain}`;
}

export function podHost(cluster: KVCluster, pod: string, clusterDomain: string): string {
  return `${pod}.${serviceHost(cluster, headlessServiceName(cluster.metadata.name), clusterDomain)}`;
}
