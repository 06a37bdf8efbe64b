// The kinds this operator reads or writes, with their addresses in the API. A kind that is not here cannot be asked for,
// and permissions.ts is checked against it.
import { API_VERSION, KV_BACKUP, KV_CLUSTER, KV_SCHEDULED_BACKUP } from "../api/kinds.ts";

export interface ResourceKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

const kind = <const K extends string>(apiVersion: string, name: K, plural: string) => ({
  apiVersion,
  kind: name,
  plural,
});

export const RESOURCE_KINDS = {
  KVCluster: kind(API_VERSION, KV_CLUSTER.kind, KV_CLUSTER.plural),
  KVBackup: kind(API_VERSION, KV_BACKUP.kind, KV_BACKUP.plural),
  KVScheduledBackup: kind(API_VERSION, KV_SCHEDULED_BACKUP.kind, KV_SCHEDULED_BACKUP.plural),
  Pod: kind("v1", "Pod", "pods"),
  Service: kind("v1", "Service", "services"),
  ConfigMap: kind("v1", "ConfigMap", "configmaps"),
  Secret: kind("v1", "Secret", "secrets"),
  PersistentVolumeClaim: kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  StatefulSet: kind("apps/v1", "StatefulSet", "statefulsets"),
  PodDisruptionBudget: kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  NetworkPolicy: kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  Job: kind("batch/v1", "Job", "jobs"),
  Lease: kind("coordination.k8s.io/v1", "Lease", "leases"),
  Event: kind("events.k8s.io/v1", "Event", "events"),
} as const satisfies Record<string, ResourceKind>;

export type KindName = keyof typeof RESOURCE_KINDS;

export function resourceKindOf({ apiVersion, kind: name }: { apiVersion: string; kind: string }): ResourceKind {
  const found: ResourceKind | undefined = Object.values(RESOURCE_KINDS).find(
    (row) => row.apiVersion === apiVersion && row.kind === name,
  );
  if (found === undefined) {
    throw new Error(`Kind "${name}" of "${apiVersion}": is not in the table of resource kinds`);
  }
  return found;
}

/** The path of a collection, or of one object in it. An empty namespace means all of them. */
export function pathOf({ apiVersion, plural }: ResourceKind, namespace: string, name?: string): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const leaf = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${plural}${leaf}`;
}
