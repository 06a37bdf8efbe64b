// The label keys that this operator puts on what it makes. Selectors, caches and owner lookups all read them from here,
// so changing a value here orphans what older versions made: do not.

export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
export const MANAGED_BY = "kvcluster-operator";
/** Selects everything the operator made, and nothing else. */
export const MANAGED_SELECTOR = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

export const NAME_LABEL = "app.kubernetes.io/name";
export const COMPONENT_LABEL = "app.kubernetes.io/component";
/** Name of the KVCluster an object belongs to. */
export const CLUSTER_LABEL = "kvcluster.dev/cluster";
/** Index of the shard a pod, StatefulSet or volume belongs to. */
export const SHARD_LABEL = "kvcluster.dev/shard";
/** Live role of a pod, "primary" or "replica": for routing by Services, never trusted for decisions. */
export const ROLE_LABEL = "kvcluster.dev/role";
/** "yes" on pods that the read Service of mode Replication leads to: replicas that are ready, the primary where there is none. */
export const READS_LABEL = "kvcluster.dev/reads";
/** Name of the KVBackup a Job belongs to. */
export const BACKUP_LABEL = "kvcluster.dev/backup";
/** Name of the KVScheduledBackup a KVBackup came from. */
export const SCHEDULED_BACKUP_LABEL = "kvcluster.dev/scheduled-backup";

/** On a KVCluster: any new value asks for a restart of all its servers, one after another. */
export const RESTART_ANNOTATION = "kvcluster.dev/restart";
/** On a KVCluster: "true" keeps it from being deleted, by a policy of the chart, and its volumes whatever happens to it. */
export const DELETION_PROTECTION_ANNOTATION = "kvcluster.dev/deletion-protection";
/** On a KVCluster with updateStrategy Supervised: its generation whose restarts of primaries are approved. */
export const APPROVED_GENERATION_ANNOTATION = "kvcluster.dev/approved-generation";
