// The Jobs of kv-backup as manifests: the server image with the backups' volume at /backup, under the restricted pod security
// standard. They are created once and never changed, so what the cluster says later does not matter to a run. Each ends
// with one compact JSON as its termination message, or a sentence when it fails.
import { API_VERSION } from "../api/kinds.ts";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { COMPONENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, NAME_LABEL } from "../api/labels.ts";
import type { KubernetesObject, OwnerReference } from "../kubernetes-object.ts";
import { PASSWORD_KEY } from "../resources/auth-secret.ts";
import { serverAuthSecretName } from "../resources/names.ts";
import { containerSecurity, FILE_MODE, podSecurity } from "../resources/pod-security.ts";
import { tlsFiles, tlsOptions } from "../resources/tls.ts";
import { type BackupPlace, MOUNT, S3_DIRECTORY } from "./backup-place.ts";

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
/** Of a Job that first fetches what it then works on. */
export const FETCH_CONTAINER = "fetch";

const PASSWORD_DIRECTORY = "/run/kv-backup";
const PASSWORD_FILE = "password";
const TLS_VOLUME = "tls";
const S3_VOLUME = "s3";
export const TLS_DIRECTORY = "/run/kv-backup-tls";
/** For the arguments of a Job that has a password. */
export const PASSWORD_OPTION = ["--password-file", `${PASSWORD_DIRECTORY}/${PASSWORD_FILE}`];

/** The image and the places of the cluster's own servers; the operator's default when the cluster is gone. */
export interface Runner {
  readonly image: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly imagePullPolicy: string;
}

export function runnerOf(cluster: KVCluster | undefined, defaultImage: string): Runner {
  const { image = defaultImage, imagePullPolicy = "IfNotPresent", imagePullSecrets, scheduling } = cluster?.spec ?? {};
  const { nodeSelector, tolerations, priorityClassName } = scheduling ?? {};
  const fields = { imagePullSecrets, nodeSelector, tolerations, priorityClassName };
  return {
    image,
    imagePullPolicy,
    fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  };
}

/** For a run that talks to servers of the cluster. */
export function accessTo(cluster: KVCluster): Pick<Run, "args" | "secret" | "tls"> {
  const { tls } = cluster.spec;
  const secret = { name: serverAuthSecretName(cluster.metadata.name), key: PASSWORD_KEY };
  if (tls === undefined) return { args: PASSWORD_OPTION, secret, tls: undefined };
  return { args: [...PASSWORD_OPTION, ...tlsOptions(TLS_DIRECTORY)], secret, tls: tlsFiles(tls.secretName) };
}

export interface JobInput extends Run {
  readonly name: string;
  readonly owner: KVBackup | KVScheduledBackup | KVCluster;
  readonly labels: Readonly<Record<string, string>>;
  readonly deadlineSeconds: number;
  /** Finished Jobs stay for people to look at. */
  readonly keepSeconds: number | undefined;
  /** Further attempts for what passes by itself, a restarted replica for example. */
  readonly retries: number;
  readonly place: Pick<BackupPlace, "claimName" | "s3Secret">;
  /** Runs first, on the same volume. */
  readonly fetch?: Run;
  readonly runner: Runner;
}

export interface Run {
  readonly args: readonly string[];
  /** What PASSWORD_OPTION leads to. */
  readonly secret: { readonly name: string; readonly key: string } | undefined;
  /** The files that its options name; undefined where there are none. */
  readonly tls: TlsFiles | undefined;
}

/** A volume of one or of several Secrets, at TLS_DIRECTORY. */
export type TlsFiles = Readonly<Record<string, unknown>>;

export function jobManifest(input: JobInput): Job {
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
      backoffLimit: input.retries,
      activeDeadlineSeconds: input.deadlineSeconds,
      ...(input.keepSeconds === undefined ? {} : { ttlSecondsAfterFinished: input.keepSeconds }),
      // Two pods never write to one directory.
      podReplacementPolicy: "Failed",
      template: { metadata: { labels }, spec: podSpec(input) },
    },
  };
}

function podSpec({ runner, place, fetch, args, secret, tls }: JobInput): Readonly<Record<string, unknown>> {
  const { claimName, s3Secret } = place;
  const files = claimName === undefined ? { emptyDir: {} } : { persistentVolumeClaim: { claimName } };
  const volumes = [{ name: "backup", ...files }, ...passwordVolume(BACKUP_CONTAINER, secret)];
  volumes.push(...tlsVolumeOf(BACKUP_CONTAINER, tls));
  if (s3Secret !== undefined) volumes.push(secretVolume(S3_VOLUME, { secretName: s3Secret }));
  if (fetch !== undefined) volumes.push(...passwordVolume(FETCH_CONTAINER, fetch.secret));
  if (fetch !== undefined) volumes.push(...tlsVolumeOf(FETCH_CONTAINER, fetch.tls));
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: podSecurity(),
    ...runner.fields,
    ...(fetch === undefined ? {} : { initContainers: [container(FETCH_CONTAINER, runner, fetch)] }),
    containers: [container(BACKUP_CONTAINER, runner, { args, secret, tls }, s3Secret)],
    volumes,
  };
}

function container(
  name: string,
  { image, imagePullPolicy }: Runner,
  { args, secret, tls }: Run,
  s3Secret?: string,
): object {
  const password = secret === undefined ? [] : [{ name: passwordOfContainer(name), mountPath: PASSWORD_DIRECTORY }];
  const store = s3Secret === undefined ? [] : [{ name: S3_VOLUME, mountPath: S3_DIRECTORY }];
  const certificate = tls === undefined ? [] : [{ name: tlsOfContainer(name), mountPath: TLS_DIRECTORY }];
  return {
    name,
    image,
    imagePullPolicy,
    command: ["kv-backup"],
    args,
    resources: { requests: { cpu: "50m", memory: "128Mi" } },
    securityContext: containerSecurity(),
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [{ name: "backup", mountPath: MOUNT }, ...password, ...certificate, ...store],
  };
}

function passwordOfContainer(name: string): string {
  return `${name}-password`;
}

/** That of the cluster's own servers has had its name since before there was another. */
function tlsOfContainer(name: string): string {
  return name === BACKUP_CONTAINER ? TLS_VOLUME : `${name}-${TLS_VOLUME}`;
}

function tlsVolumeOf(containerName: string, files: TlsFiles | undefined): readonly { readonly name: string }[] {
  return files === undefined ? [] : [{ name: tlsOfContainer(containerName), ...files }];
}

function passwordVolume(containerName: string, secret: Run["secret"]): readonly { readonly name: string }[] {
  if (secret === undefined) return [];
  const items = [{ key: secret.key, path: PASSWORD_FILE }];
  return [secretVolume(passwordOfContainer(containerName), { secretName: secret.name, items })];
}

function secretVolume(name: string, source: object): { readonly name: string; readonly secret: object } {
  return { name, secret: { ...source, defaultMode: FILE_MODE } };
}

function ownerReference({ kind, metadata }: KVBackup | KVScheduledBackup | KVCluster): OwnerReference {
  const { name, uid = "" } = metadata;
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
