// The two Jobs behind backups:
//   taking    writes shard-<i>.rdb from each source to its place, checks them, then manifest.json, and ends with one JSON as its result
//   deleting  removes what is at the place; where nothing is, that is fine
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { BACKUP_LABEL, CLUSTER_LABEL, SCHEDULED_BACKUP_LABEL } from "../api/labels.ts";
import { type BackupPlace, inStore, onClaim } from "./backup-place.ts";
import type { BackupSource } from "./backup-sources.ts";
import { accessTo, type Job, jobManifest, runnerOf } from "./job-manifest.ts";

const RETRIES = 1;
/** A failed deletion is tried again once its Job is gone. */
const KEEP_BACKUP_SECONDS = 3600;
const KEEP_DELETION_SECONDS = 300;
const DELETE_DEADLINE_SECONDS = 600;

export function backupJobName(backup: string): string {
  return `${backup}-backup`;
}

export function deletionJobName(backup: string): string {
  return `${backup}-delete`;
}

/** Where on the volume or in the store a backup's files are. The uid keeps a later backup of the same name apart. */
export function backupPath({ metadata, spec }: KVBackup): string {
  const { prefix } = spec.destination.s3 ?? {};
  const path = `${spec.clusterRef.name}/${metadata.name}-${(metadata.uid ?? "").slice(0, 8)}`;
  return prefix === undefined ? path : `${prefix}/${path}`;
}

/** Where a backup is to be; the name of its claim is settled by who makes it. */
export function placeFor(backup: KVBackup, claimName: string | undefined): BackupPlace {
  const { s3 } = backup.spec.destination;
  return s3 === undefined ? onClaim(claimName ?? "", backupPath(backup)) : inStore(s3, backupPath(backup));
}

export interface BackupJobInput {
  readonly backup: KVBackup;
  readonly cluster: KVCluster;
  readonly place: BackupPlace;
  readonly sources: readonly BackupSource[];
  readonly defaultImage: string;
}

export function backupJob({ backup, cluster, place, sources, defaultImage }: BackupJobInput): Job {
  const { namespace = "", name } = backup.metadata;
  const access = accessTo(cluster);
  const options = [
    ["--directory", place.location],
    place.options,
    access.args,
    ["--name", `${namespace}/${name}`],
    ["--cluster", cluster.metadata.name],
    [backup.spec.verify ? "--verify" : "--no-verify"],
    ...sources.map(({ index, address, slots }) => [
      ...["--source", `${index}=${address}`],
      ...(slots === "" ? [] : ["--slots", `${index}=${slots}`]),
    ]),
  ];
  return jobManifest({
    name: backupJobName(name),
    owner: backup,
    labels: { [CLUSTER_LABEL]: cluster.metadata.name, [BACKUP_LABEL]: name },
    deadlineSeconds: backup.spec.timeoutSeconds,
    keepSeconds: KEEP_BACKUP_SECONDS,
    retries: RETRIES,
    place,
    runner: runnerOf(cluster, defaultImage),
    ...access,
    args: options.flat(),
  });
}

/** The sources that a backup's Job was started with. */
export function sourcesOf({ spec }: Job): BackupSource[] {
  const { template } = spec as { template?: { spec?: { containers?: readonly { args?: readonly string[] }[] } } };
  const args = template?.spec?.containers?.[0]?.args ?? [];
  const valuesOf = (option: string) =>
    args.flatMap((value, index) => {
      const [, shard, rest = ""] = args[index - 1] === option ? (/^(\d+)=(.*)$/.exec(value) ?? []) : [];
      return shard === undefined ? [] : [[Number(shard), rest] as const];
    });
  const slots = new Map(valuesOf("--slots"));
  return valuesOf("--source").map(([index, address]) => ({
    index,
    address,
    pod: address.slice(0, Math.max(0, address.indexOf("."))),
    slots: slots.get(index) ?? "",
  }));
}

export interface DeletionJobInput {
  readonly schedule: KVScheduledBackup;
  readonly backup: KVBackup;
  readonly cluster: KVCluster | undefined;
  readonly place: BackupPlace;
  readonly defaultImage: string;
}

export function deletionJob({ schedule, backup, cluster, place, defaultImage }: DeletionJobInput): Job {
  return jobManifest({
    name: deletionJobName(backup.metadata.name),
    owner: schedule,
    labels: {
      [CLUSTER_LABEL]: backup.spec.clusterRef.name,
      [BACKUP_LABEL]: backup.metadata.name,
      [SCHEDULED_BACKUP_LABEL]: schedule.metadata.name,
    },
    deadlineSeconds: DELETE_DEADLINE_SECONDS,
    keepSeconds: KEEP_DELETION_SECONDS,
    retries: RETRIES,
    place,
    runner: runnerOf(cluster, defaultImage),
    args: ["--delete", place.location, ...place.options],
    secret: undefined,
    tls: undefined,
  });
}
