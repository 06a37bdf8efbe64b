// The Job that fills a new cluster from a backup. kv-backup keeps a record beside the files under the cluster's uid: the
// target must be empty at first, an attempt that was cut off is gone on with, and one that was finished is not repeated, also
// if this Job, and the operator's memory of it, are long gone.
import type { KVCluster } from "../api/kv-cluster.ts";
import { CLUSTER_LABEL } from "../api/labels.ts";
import { CLIENT_PORT } from "../resources/manifest.ts";
import { podHost, podName } from "../resources/names.ts";
import { type Job, jobManifest, MOUNT, PASSWORD_OPTION, passwordOf, runnerOf } from "./job-manifest.ts";

/** Servers move, nodes are drained: each attempt goes on where it makes sense. */
const RETRIES = 6;
const DEADLINE_SECONDS = 86_400;
const KEEP_SECONDS = 604_800;
/** Any one of them tells where all slots are. */
const MAX_ADDRESSES = 8;

export function restoreJobName(cluster: string): string {
  return `${cluster}-restore`;
}

export interface RestoreJobInput {
  readonly cluster: KVCluster;
  readonly claimName: string;
  /** Of the backup, on its volume. */
  readonly path: string;
  readonly defaultImage: string;
  readonly clusterDomain: string;
}

export function restoreJob({ cluster, claimName, path, defaultImage, clusterDomain }: RestoreJobInput): Job {
  const { name, uid = "" } = cluster.metadata;
  const addresses = Array.from({ length: Math.min(cluster.spec.shards, MAX_ADDRESSES) }, (_, shard) => {
    return `${podHost(cluster, podName(name, shard, 0), clusterDomain)}:${CLIENT_PORT}`;
  });
  return jobManifest({
    name: restoreJobName(name),
    owner: cluster,
    labels: { [CLUSTER_LABEL]: name },
    deadlineSeconds: DEADLINE_SECONDS,
    keepSeconds: KEEP_SECONDS,
    retries: RETRIES,
    claimName,
    runner: runnerOf(cluster, defaultImage),
    args: ["--restore", `${MOUNT}/${path}`, "--to", addresses.join(","), "--once", uid, ...PASSWORD_OPTION],
    secret: passwordOf(cluster),
  });
}
