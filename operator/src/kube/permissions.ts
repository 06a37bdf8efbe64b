// What the operator may do, and why: the source of the chart's RBAC (`make generate`). Rights on Secrets and Pods are the
// ones an administrator will ask about, so every row has its reason.
import { type KindName, RESOURCE_KINDS } from "./resource-kinds.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

export interface Permission {
  readonly kind: KindName;
  readonly subresource?: "status" | "finalizers";
  readonly verbs: readonly Verb[];
  readonly why: string;
  /** Only in the operator's own namespace; otherwise wherever it watches. */
  readonly ownNamespace?: true;
}

const WATCH = ["get", "list", "watch"] as const;
/** Server-side apply of an object that may not exist yet needs both. */
const APPLY = ["create", "patch"] as const;

export const PERMISSIONS = [
  { kind: "KVCluster", verbs: WATCH, why: "reads what is wanted" },
  { kind: "KVCluster", subresource: "status", verbs: ["get", "patch"], why: "reports what is" },
  { kind: "KVCluster", subresource: "finalizers", verbs: ["update"], why: "owns the objects of a cluster" },
  {
    kind: "KVBackup",
    verbs: [...WATCH, "create", "delete"],
    why: "takes backups, on schedule too, and removes old ones",
  },
  { kind: "KVBackup", subresource: "status", verbs: ["get", "patch"], why: "reports how a backup went" },
  { kind: "KVBackup", subresource: "finalizers", verbs: ["update"], why: "owns the Job of a backup" },
  { kind: "KVScheduledBackup", verbs: WATCH, why: "reads schedules" },
  {
    kind: "KVScheduledBackup",
    subresource: "status",
    verbs: ["get", "patch"],
    why: "reports the next and the last slot",
  },
  {
    kind: "KVScheduledBackup",
    subresource: "finalizers",
    verbs: ["update"],
    why: "owns the Jobs that remove old files",
  },
  {
    kind: "StatefulSet",
    verbs: [...WATCH, ...APPLY, "delete"],
    why: "one for each shard; removes those it has drained",
  },
  { kind: "Pod", verbs: [...WATCH, "patch", "delete"], why: "finds servers, labels their role, restarts them" },
  {
    kind: "Service",
    verbs: [...WATCH, ...APPLY, "delete"],
    why: "addresses of servers and of the cluster, inside and outside",
  },
  { kind: "ConfigMap", verbs: [...WATCH, ...APPLY], why: "redis.conf of the servers" },
  {
    kind: "Secret",
    verbs: [...WATCH, ...APPLY],
    why: "passwords, generated and referenced; connection details",
  },
  { kind: "PersistentVolumeClaim", verbs: [...WATCH, ...APPLY], why: "grows volumes, makes the volume of backups" },
  { kind: "PodDisruptionBudget", verbs: [...WATCH, ...APPLY, "delete"], why: "one pod of a shard at a time" },
  {
    kind: "NetworkPolicy",
    verbs: [...WATCH, ...APPLY, "delete"],
    why: "limits who connects, where a cluster asks for it",
  },
  { kind: "Job", verbs: [...WATCH, "create"], why: "takes backups, removes old files" },
  { kind: "Event", verbs: ["create", "patch"], why: "tells what it did" },
  { kind: "Lease", verbs: ["get", "create", "update"], why: "leader election", ownNamespace: true },
] as const satisfies readonly Permission[];

/** A PolicyRule of a Role. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly Verb[];
}

export function policyRule({ kind, subresource, verbs }: Permission): PolicyRule {
  const { apiVersion, plural } = RESOURCE_KINDS[kind];
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  return {
    apiGroups: [group],
    resources: [subresource === undefined ? plural : `${plural}/${subresource}`],
    verbs,
  };
}
