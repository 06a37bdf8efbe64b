/** The ClusterStore over the operator's caches and client: the only place where reconcile/ meets the Kubernetes API. */

import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { CLUSTER_LABEL, COMPONENT_LABEL } from "../api/labels.ts";
import { isRunningBackup, jobState } from "../backup/backup-result.ts";
import type { Job } from "../backup/job-manifest.ts";
import { podsOfJob } from "../backup/job-pods.ts";
import { restoreJobName } from "../backup/restore-job.ts";
import { isApiError, isRefusal } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { RESOURCE_KINDS, resourceKindOf } from "../kube/resource-kinds.ts";
import { type KubernetesObject, nameOf, type ObjectName } from "../kubernetes-object.ts";
import { type Manifest, SERVER_COMPONENT } from "../resources/manifest.ts";
import type { Applier } from "../runtime/applier.ts";
import type { Selection } from "../runtime/cache.ts";
import type { StatusWriter } from "../runtime/status-writer.ts";
import type { Claim } from "./claim.ts";
import type { Pod } from "./pod.ts";
import type { ClusterStore } from "./ports.ts";

/** The kinds of which a cluster's children are; each has a cache. */
export const CHILD_KINDS = [
  "ConfigMap",
  "Secret",
  "Service",
  "PodDisruptionBudget",
  "NetworkPolicy",
  "StatefulSet",
] as const;
export type ChildKind = (typeof CHILD_KINDS)[number];

/** A cache as far as it is read. */
export interface CachedObjects {
  get(name: ObjectName): KubernetesObject | undefined;
  list(selection: Selection): readonly KubernetesObject[];
}

export type ClusterCaches = Readonly<
  Record<ChildKind | "KVCluster" | "KVBackup" | "Job" | "Pod" | "PersistentVolumeClaim", CachedObjects>
>;

export interface ClusterStoreDependencies {
  readonly client: KubeClient;
  readonly caches: ClusterCaches;
  readonly applier: Applier;
  readonly statusWriter: StatusWriter;
}

export function createClusterStore(dependencies: ClusterStoreDependencies): ClusterStore {
  const { client, caches, applier, statusWriter } = dependencies;
  const serverLabels = { [COMPONENT_LABEL]: SERVER_COMPONENT };
  const labelled = ({ namespace, name }: ObjectName) => ({ namespace, labels: { [CLUSTER_LABEL]: name } });
  return {
    cluster: (name) => caches.KVCluster.get(name) as KVCluster | undefined,
    children: (name) => CHILD_KINDS.flatMap((kind) => caches[kind].list(labelled(name)) as readonly Manifest[]),
    backup: (name) => caches.KVBackup.get(name) as KVBackup | undefined,
    podsOf: (job) => podsOfJob(client, job),
    pods: (name) => {
      const { namespace, labels } = labelled(name);
      return caches.Pod.list({ namespace, labels: { ...labels, ...serverLabels } }) as Pod[];
    },
    claims: (name) => {
      const { namespace, labels } = labelled(name);
      return caches.PersistentVolumeClaim.list({ namespace, labels: { ...labels, ...serverLabels } }) as Claim[];
    },
    freshCluster: async ({ metadata }) => {
      const fresh = await client.get<KVCluster>(
        RESOURCE_KINDS.KVCluster,
        nameOf({ ...RESOURCE_KINDS.KVCluster, metadata }),
      );
      if (fresh === undefined || fresh.metadata.uid !== metadata.uid) {
        throw new Error(`KVCluster "${metadata.name}" is gone, or another one`);
      }
      return fresh;
    },
    read: (reference) => client.get<Manifest>(resourceKindOf(reference), nameOf(reference)),
    create: async (object) => {
      await client.create(object);
    },
    apply: (wanted, live) => applier.apply(wanted, live),
    remove: async (object) => {
      await client.delete(resourceKindOf(object), nameOf(object), { uid: object.metadata.uid });
      applier.forget(object);
    },
    removeAlone: async (set) => {
      const options = { uid: set.metadata.uid, propagationPolicy: "Orphan" } as const;
      await client.delete(resourceKindOf(set), nameOf(set), options);
      applier.forget(set);
    },
    takeClaimsAlong: async ({ apiVersion, kind, metadata }) => {
      const { uid } = metadata;
      const spec = { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } };
      await client.mergePatch({ apiVersion, kind, metadata }, { metadata: { uid }, spec });
    },
    isBackupRunning: (name) => caches.Job.list(labelled(name)).some((job) => holdsSlots(job as Job, name)),
    freshPods: ({ namespace, name }) => {
      const labelSelector = `${CLUSTER_LABEL}=${name},${COMPONENT_LABEL}=${SERVER_COMPONENT}`;
      return client.list<Pod>(RESOURCE_KINDS.Pod, { namespace, labelSelector });
    },
    deletePod: async (pod) => {
      await client.delete(RESOURCE_KINDS.Pod, nameOf(pod), { uid: pod.metadata.uid });
    },
    patchLabels: async (pod, labels) => {
      const { uid } = pod.metadata;
      try {
        await client.mergePatch({ ...RESOURCE_KINDS.Pod, metadata: pod.metadata }, { metadata: { uid, labels } });
      } catch (error) {
        // Another pod has this name by now, or none: the next pass sees it.
        if (!isApiError(error, "notFound") && !isApiError(error, "conflict")) throw error;
      }
    },
    growClaim: async ({ metadata }, size) => {
      const { uid } = metadata;
      const patch = { metadata: { uid }, spec: { resources: { requests: { storage: size } } } };
      try {
        await client.mergePatch({ ...RESOURCE_KINDS.PersistentVolumeClaim, metadata }, patch);
        return undefined;
      } catch (error) {
        if (isRefusal(error)) return error.message;
        throw error;
      }
    },
    writeStatus: async (cluster, status) => {
      await statusWriter.write(cluster, status);
    },
  };
}

/** A backup that reads the shards, or a restore that counts what it has written. */
function holdsSlots(job: Job, { name }: ObjectName): boolean {
  return isRunningBackup(job) || (job.metadata.name === restoreJobName(name) && jobState(job) === "running");
}
