// The Job that fills a new cluster from a backup. kv-backup keeps a record beside the files under the cluster's uid: the
// target must be empty at first, an attempt that was cut off is gone on with, and one that was finished is not repeated, also
// if this Job, and the operator's memory of it, are long gone.
import type { ExternalSource, KVCluster } from "../api/kv-cluster.ts";
import { CLUSTER_LABEL } from "../api/labels.ts";
import { CLIENT_PORT } from "../resources/manifest.ts";
import { podHost, podName } from "../resources/names.ts";
import { type BackupPlace, MOUNT } from "./backup-place.ts";
import { accessTo, type Job, type JobInput, jobManifest, PASSWORD_OPTION, runnerOf } from "./job-manifest.ts";
import { sourceTls } from "./source-tls.ts";

/** Servers move, nodes are drained: each attempt goes on where it makes sense. */
const RETRIES = 6;
const DEADLINE_SECONDS = 86_400;
const KEEP_SECONDS = 604_800;
const MAX_ADDRESSES = 8;

export function restoreJobName(cluster: string): string {
  return `${cluster}-restore`;
}

export interface RestoreJobInput {
  readonly cluster: KVCluster;
  /** Of the backup. */
  readonly place: BackupPlace;
  readonly defaultImage: string;
  readonly clusterDomain: string;
}

export function restoreJob(input: RestoreJobInput): Job {
  const once = ["--once", input.cluster.metadata.uid ?? ""];
  return fillingJob(input, {
    keepSeconds: KEEP_SECONDS,
    place: input.place,
    args: ["--restore", input.place.location, ...input.place.options, ...once],
  });
}

export interface ImportJobInput extends Omit<RestoreJobInput, "place"> {
  readonly source: ExternalSource;
}

/**
 * The same from a running server: its data is fetched by replication to a volume that goes with the pod, then restored. Each
 * attempt does both anew, so there is no record, and the Job stays until its cluster goes: it is the memory.
 */
export function importJob(input: ImportJobInput): Job {
  const { addresses, userName, passwordSecretRef } = input.source;
  const directory = `${MOUNT}/import`;
  const sources = addresses.flatMap((address, index) => ["--source", `${index}=${address}`]);
  const user = userName === undefined ? [] : ["--user", userName];
  const password = passwordSecretRef === undefined ? [] : PASSWORD_OPTION;
  const encryption = sourceTls(input.source);
  return fillingJob(input, {
    keepSeconds: undefined,
    place: { claimName: undefined, s3Secret: undefined },
    fetch: {
      args: ["--directory", directory, ...sources, ...user, ...password, ...encryption.args],
      ...{ secret: passwordSecretRef, tls: encryption.tls },
    },
    args: ["--restore", directory, "--replace"],
  });
}

function fillingJob(
  { cluster, defaultImage, clusterDomain }: Omit<RestoreJobInput, "place">,
  { args, ...own }: Pick<JobInput, "keepSeconds" | "place" | "args" | "fetch">,
): Job {
  const { name } = cluster.metadata;
  const addresses = podsToAsk(cluster)
    .slice(0, MAX_ADDRESSES)
    .map((pod) => `${podHost(cluster, pod, clusterDomain)}:${CLIENT_PORT}`);
  const access = accessTo(cluster);
  return jobManifest({
    name: restoreJobName(name),
    owner: cluster,
    labels: { [CLUSTER_LABEL]: name },
    deadlineSeconds: DEADLINE_SECONDS,
    retries: RETRIES,
    runner: runnerOf(cluster, defaultImage),
    ...own,
    ...access,
    args: [...args, "--to", addresses.join(","), ...access.args],
  });
}

/** In a cluster any one tells where all slots are; outside of one each tells whether it is the primary. */
function podsToAsk({ metadata, spec }: KVCluster): readonly string[] {
  const { name } = metadata;
  if (spec.mode === "Cluster") return Array.from({ length: spec.shards }, (_, shard) => podName(name, shard, 0));
  return Array.from({ length: 1 + spec.replicasPerShard }, (_, ordinal) => podName(name, 0, ordinal));
}
