// The table of our three kinds: names, columns, subresources and schemas. CRDs are generated from it
// (custom-resource-definition.ts), and clients and reflectors take their addresses from it.
import { kvBackupSpecSchema, kvBackupStatusSchema } from "./kv-backup.ts";
import { kvClusterSpecSchema, MAX_CLUSTER_NAME_LENGTH, NAME_PATTERN } from "./kv-cluster.ts";
import { kvClusterStatusSchema } from "./kv-cluster-status.ts";
import { kvScheduledBackupSpecSchema, kvScheduledBackupStatusSchema } from "./kv-scheduled-backup.ts";
import type { Field, Rule } from "./schema.ts";

export const GROUP = "kvcluster.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = "kvcluster.dev/v1alpha1";

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: number;
}

export interface ScaleSubresource {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath: string;
}

export interface CustomKind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  readonly spec: Field<unknown>;
  readonly status: Field<unknown>;
  /** Rules on the whole object: the only place where metadata.name can be checked. */
  readonly rules: readonly Rule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale?: ScaleSubresource;
}

const age: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };
const cluster: PrinterColumn = { name: "Cluster", type: "string", jsonPath: ".spec.clusterRef.name" };

function nameRule(maxLength: number, why: string): Rule {
  return {
    rule: `size(self.metadata.name) <= ${maxLength} && self.metadata.name.matches('${NAME_PATTERN}')`,
    message: `metadata.name must start with a letter, hold lower-case letters, digits and dashes only, and have at most ${maxLength} of them: ${why}`,
  };
}

export const KV_CLUSTER = {
  kind: "KVCluster",
  plural: "kvclusters",
  singular: "kvcluster",
  shortNames: ["kvc"],
  categories: ["all", "kv"],
  description: "A sharded, replicated, Redis-compatible in-memory store.",
  spec: kvClusterSpecSchema,
  status: kvClusterStatusSchema,
  rules: [nameRule(MAX_CLUSTER_NAME_LENGTH, "pods, Services and host names are built from it")],
  columns: [
    { name: "Mode", type: "string", jsonPath: ".spec.mode" },
    { name: "Shards", type: "integer", jsonPath: ".spec.shards" },
    { name: "Ready", type: "string", jsonPath: ".status.ready", description: "Ready servers of all servers" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    {
      name: "Reason",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      priority: 1,
    },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    age,
  ],
  scale: {
    specReplicasPath: ".spec.shards",
    statusReplicasPath: ".status.shards",
    labelSelectorPath: ".status.selector",
  },
} as const satisfies CustomKind;

export const KV_BACKUP = {
  kind: "KVBackup",
  plural: "kvbackups",
  singular: "kvbackup",
  shortNames: ["kvb"],
  categories: ["all", "kv"],
  description: "One backup of a KVCluster: an RDB file a shard on a persistent volume or in an S3-compatible store.",
  spec: kvBackupSpecSchema,
  status: kvBackupStatusSchema,
  rules: [nameRule(56, "the Job that takes the backup is named after it")],
  columns: [
    cluster,
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Size", type: "string", jsonPath: ".status.size" },
    { name: "Keys", type: "integer", jsonPath: ".status.keys" },
    { name: "Completed", type: "date", jsonPath: ".status.completedAt" },
    { name: "Path", type: "string", jsonPath: ".status.path", priority: 1 },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    age,
  ],
} as const satisfies CustomKind;

export const KV_SCHEDULED_BACKUP = {
  kind: "KVScheduledBackup",
  plural: "kvscheduledbackups",
  singular: "kvscheduledbackup",
  shortNames: ["kvsb"],
  categories: ["all", "kv"],
  description: "Backups of a KVCluster on a cron schedule, with retention.",
  spec: kvScheduledBackupSpecSchema,
  status: kvScheduledBackupStatusSchema,
  rules: [nameRule(40, "the backups are named after it, followed by their time")],
  columns: [
    cluster,
    { name: "Schedule", type: "string", jsonPath: ".spec.schedule" },
    { name: "Suspended", type: "boolean", jsonPath: ".spec.suspend" },
    { name: "Last", type: "date", jsonPath: ".status.lastScheduleTime" },
    { name: "Last Backup", type: "string", jsonPath: ".status.lastBackupName" },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    age,
  ],
} as const satisfies CustomKind;

export const CUSTOM_KINDS = [KV_CLUSTER, KV_BACKUP, KV_SCHEDULED_BACKUP] as const;
