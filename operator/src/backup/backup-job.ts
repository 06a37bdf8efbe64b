// The Jobs behind backups, as manifests. Both run `kv-backup` of the server image with the volume at /backup, under the
// restricted pod security standard:
//   taking    writes <path>/shard-<i>.rdb from each source, checks them, then <path>/manifest.json, and ends with one
//             compact JSON as its termination message (or a sentence, when it fails)
//   deleting  removes <path>; a path that is not there is fine
// They are created once and never changed, so what the cluster says later does not matter to a run.
import { API_VERSION } from "../api/kinds.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import {
  BACKUP_LABEL,
  CLUSTER_LABEL,
  COMPONENT_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NAME_LABEL,
  SCHEDULED_BACKUP_LABEL,
} from "../api/labels.ts";
import type { KubernetesObject, OwnerReference } from "../kubernetes-object.ts";
import { PASSWORD_KEY } from "../resources/auth-secret.ts";
import { serverAuthSecretName } from "../resources/names.ts";
import { containerSecurity, FILE_MODE, podSecurity } from "../resources/pod-security.ts";
import type { BackupSource } from "./backup-sources.ts";

export interface Job extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

export const BACKUP_COMPONENT = "backup";
export const BACKUP_CONTAINER = "backup";

const MOUNT = "/backup";
const PASSWORD_DIRECTORY = "/run/kv-backup";
const PASSWORD_FILE = "password";
/** A second attempt for what passes by itself, a restarted replica for example. */
const RETRIES = 1;
/** Finished Jobs stay for people to look at; a failed deletion is tried again once its Job is gone. */
const KEEP_BACKUP_SECONDS = 3600;
const KEEP_DELETION_SECONDS = 300;
const DELETE_DEADLINE_SECONDS = 600;

export function backupJobName(backup: string): string {
  return `${backup}-backup`;
}

export function deletionJobName(backup: string): string {
  return `${backup}-delete`;
}

/** Where on the volume a backup's files are. The uid keeps a later backup of the same name apart. */
export function backupPath({ metadata, spec }: KVBackup): string {
  return `${spec.clusterRef.name}/${metadata.name}-${(metadata.uid ?? "").slice(0, 8)}`;
}

export interface BackupJobInput {
  readonly backup: KVBackup;
  readonly cluster: KVCluster;
  readonly claimName: string;
  readonly sources: readonly BackupSource[];
  readonly defaultImage: string;
}

export function backupJob({ backup, cluster, claimName, sources, defaultImage }: BackupJobInput): Job {
  const { namespace = "", name } = backup.metadata;
  // What the servers run with, whatever the source of the password says by now.
  const secret = { name: serverAuthSecretName(cluster.metadata.name), key: PASSWORD_KEY };
  const options = [
    ["--directory", `${MOUNT}/${backupPath(backup)}`],
    ["--password-file", `${PASSWORD_DIRECTORY}/${PASSWORD_FILE}`],
    ["--name", `${namespace}/${name}`],
    ["--cluster", cluster.metadata.name],
    [backup.spec.verify ? "--verify" : "--no-verify"],
    ...sources.map(({ index, address, slots }) => [
      ...["--source", `${index}=${address}`],
      ...(slots === "" ? [] : ["--slots", `${index}=${slots}`]),
    ]),
  ];
  return job({
    name: backupJobName(name),
    owner: backup,
    labels: { [CLUSTER_LABEL]: cluster.metadata.name, [BACKUP_LABEL]: name },
    deadlineSeconds: backup.spec.timeoutSeconds,
    keepSeconds: KEEP_BACKUP_SECONDS,
    claimName,
    runner: runnerOf(cluster, defaultImage),
    args: options.flat(),
    secret,
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

/** The image and the places of the cluster's own servers; the operator's default when the cluster is gone. */
interface Runner {
  readonly image: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly imagePullPolicy: string;
}

function runnerOf(cluster: KVCluster | undefined, defaultImage: string): Runner {
  const { image = defaultImage, imagePullPolicy = "IfNotPresent", imagePullSecrets, scheduling } = cluster?.spec ?? {};
  const { nodeSelector, tolerations, priorityClassName } = scheduling ?? {};
  const fields = { imagePullSecrets, nodeSelector, tolerations, priorityClassName };
  return {
    image,
    imagePullPolicy,
    fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  };
}

export interface DeletionJobInput {
  readonly schedule: KVScheduledBackup;
  readonly backup: KVBackup;
  readonly cluster: KVCluster | undefined;
  readonly claimName: string;
  readonly path: string;
  readonly defaultImage: string;
}

export function deletionJob({ schedule, backup, cluster, claimName, path, defaultImage }: DeletionJobInput): Job {
  return job({
    name: deletionJobName(backup.metadata.name),
    owner: schedule,
    labels: {
      [CLUSTER_LABEL]: backup.spec.clusterRef.name,
      [BACKUP_LABEL]: backup.metadata.name,
      [SCHEDULED_BACKUP_LABEL]: schedule.metadata.name,
    },
    deadlineSeconds: DELETE_DEADLINE_SECONDS,
    keepSeconds: KEEP_DELETION_SECONDS,
    claimName,
    runner: runnerOf(cluster, defaultImage),
    args: ["--delete", `${MOUNT}/${path}`],
    secret: undefined,
  });
}

interface JobInput {
  readonly name: string;
  readonly owner: KVBackup | KVScheduledBackup;
  readonly labels: Readonly<Record<string, string>>;
  readonly deadlineSeconds: number;
  readonly keepSeconds: number;
  readonly claimName: string;
  readonly runner: Runner;
  readonly args: readonly string[];
  readonly secret: { readonly name: string; readonly key: string } | undefined;
}

function job(input: JobInput): Job {
  const labels = {
    [NAME_LABEL]: "kvcluster",
    [COMPONENT_LABEL]: BACKUP_COMPONENT,
    [MANAGED_BY_LABEL]: MANAGED_BY,
    ...input.labels,
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: input.name,
      namespace: input.owner.metadata.namespace ?? "",
      labels,
      ownerReferences: [ownerReference(input.owner)],
    },
    spec: {
      backoffLimit: RETRIES,
      activeDeadlineSeconds: input.deadlineSeconds,
      ttlSecondsAfterFinished: input.keepSeconds,
      // Two pods never write to one directory.
      podReplacementPolicy: "Failed",
      template: { metadata: { labels }, spec: podSpec(input) },
    },
  };
}

function podSpec({ runner, args, claimName, secret }: JobInput): Readonly<Record<string, unknown>> {
  const mounts = [{ name: "backup", mountPath: MOUNT }];
  const volumes: unknown[] = [{ name: "backup", persistentVolumeClaim: { claimName } }];
  if (secret !== undefined) {
    mounts.push({ name: "password", mountPath: PASSWORD_DIRECTORY });
    const items = [{ key: secret.key, path: PASSWORD_FILE }];
    volumes.push({ name: "password", secret: { secretName: secret.name, items, defaultMode: FILE_MODE } });
  }
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity(),
    ...runner.fields,
    containers: [
      {
        name: BACKUP_CONTAINER,
        image: runner.image,
        imagePullPolicy: runner.imagePullPolicy,
        command: ["kv-backup"],
        args,
        resources: { requests: { cpu: "50m", memory: "128Mi" } },
        securityContext: containerSecurity(),
        terminationMessagePolicy: "FallbackToLogsOnError",
        volumeMounts: mounts,
      },
    ],
    volumes,
  };
}

function ownerReference({ kind, metadata }: KVBackup | KVScheduledBackup): OwnerReference {
  const { name, uid = "" } = metadata;
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
