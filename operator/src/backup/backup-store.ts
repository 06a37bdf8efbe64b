// What backups need from outside, as small as it is used, and its implementation over the operator's caches and client.
// Reads come from caches, which may lag; those named `fresh` ask the API server, where a lagging answer would do harm.
import type { UntimedCondition } from "../api/condition.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { CLUSTER_LABEL, COMPONENT_LABEL, SCHEDULED_BACKUP_LABEL } from "../api/labels.ts";
import { isApiError } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { type KubernetesObject, nameOf, type ObjectName } from "../kubernetes-object.ts";
import type { PodWithConditions } from "../pod-readiness.ts";
import { SERVER_COMPONENT } from "../resources/manifest.ts";
import type { Cache } from "../runtime/cache.ts";
import type { StatusWriter } from "../runtime/status-writer.ts";
import type { Claim } from "./backup-claim.ts";
import type { JobPod } from "./backup-result.ts";
import { BACKUP_COMPONENT, type Job } from "./job-manifest.ts";
import { JOB_NAME_LABEL, podsOfJob } from "./job-pods.ts";

export type Untimed<S> = Omit<S, "conditions"> & { readonly conditions: readonly UntimedCondition[] };

export interface BackupStore {
  cluster(name: ObjectName): KVCluster | undefined;
  backup(name: ObjectName): KVBackup | undefined;
  schedule(name: ObjectName): KVScheduledBackup | undefined;
  /** Whether a new cluster is to be restored from it, and is not yet. */
  isAwaited(backup: ObjectName): boolean;
  /** The backups that a schedule made. */
  backupsOf(schedule: ObjectName): readonly KVBackup[];
  serverPods(cluster: ObjectName): readonly PodWithConditions[];
  job(name: ObjectName): Job | undefined;
  /** The pods of a backup's Job, taking or deleting. */
  freshPodsOf(job: Job): Promise<readonly JobPod[]>;
  podsOf(job: Job): readonly JobPod[];
  freshBackup(name: ObjectName): Promise<KVBackup | undefined>;
  freshJob(name: ObjectName): Promise<Job | undefined>;
  hasClaim(name: ObjectName): Promise<boolean>;
  /** Returns false when an object of that name is there already. */
  create(object: KVBackup | Job | Claim): Promise<boolean>;
  remove(backup: KVBackup): Promise<void>;
  /** Sends nothing when the status is as it was. Returns whether something was sent. */
  writeStatus(object: KVBackup | KVScheduledBackup, status: object): Promise<boolean>;
}

export interface BackupCaches {
  readonly KVCluster: Cache<KVCluster>;
  readonly KVBackup: Cache<KVBackup>;
  readonly KVScheduledBackup: Cache<KVScheduledBackup>;
  readonly Job: Cache;
  readonly Pod: Cache;
}

export interface BackupStoreDependencies {
  readonly client: KubeClient;
  readonly caches: BackupCaches;
  readonly statusWriter: StatusWriter;
}

export function createBackupStore({ client, caches, statusWriter }: BackupStoreDependencies): BackupStore {
  return {
    cluster: (name) => caches.KVCluster.get(name),
    backup: (name) => caches.KVBackup.get(name),
    schedule: (name) => caches.KVScheduledBackup.get(name),
    isAwaited: ({ namespace, name }) => caches.KVCluster.list({ namespace }).some((one) => isWaitingFor(one, name)),
    backupsOf: ({ namespace, name }) => caches.KVBackup.list({ namespace, labels: { [SCHEDULED_BACKUP_LABEL]: name } }),
    serverPods: ({ namespace, name }) => {
      const labels = { [CLUSTER_LABEL]: name, [COMPONENT_LABEL]: SERVER_COMPONENT };
      return caches.Pod.list({ namespace, labels }) as readonly PodWithConditions[];
    },
    job: (name) => caches.Job.get(name) as Job | undefined,
    podsOf: (job) => {
      const { namespace, name } = nameOf(job);
      const labels = { [COMPONENT_LABEL]: BACKUP_COMPONENT, [JOB_NAME_LABEL]: name };
      return caches.Pod.list({ namespace, labels }) as readonly JobPod[];
    },
    freshPodsOf: (job) => podsOfJob(client, job),
    freshBackup: (name) => client.get<KVBackup>(RESOURCE_KINDS.KVBackup, name),
    freshJob: (name) => client.get<Job>(RESOURCE_KINDS.Job, name),
    hasClaim: async (name) => (await client.get(RESOURCE_KINDS.PersistentVolumeClaim, name)) !== undefined,
    create: async (object) => {
      try {
        await client.create<KubernetesObject>(object);
        return true;
      } catch (error) {
        if (isApiError(error, "alreadyExists")) {
          return false;
        }
        throw error;
      }
    },
    remove: async (backup) => {
      await client.delete(RESOURCE_KINDS.KVBackup, nameOf(backup), { uid: backup.metadata.uid });
    },
    writeStatus: (object, status) => statusWriter.write(object, status as Readonly<Record<string, unknown>>),
  };
}

function isWaitingFor({ spec, status }: KVCluster, backup: string): boolean {
  return spec.bootstrap?.backupRef?.name === backup && status?.restore?.completedAt === undefined;
}
