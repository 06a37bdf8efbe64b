// Where the files of a backup are, as its Jobs are told: a path on a volume, or a key in an S3-compatible store. On their way to or
// from a store files lie on a volume that goes with the pod.
import type { KVBackup, S3Destination } from "../api/kv-backup.ts";

/** Where a Job has its volume, of backups or for the way. */
export const MOUNT = "/backup";
export const S3_DIRECTORY = "/run/kv-backup-s3";

/** Words for kv-backup, and what its pod needs for them. */
export interface BackupPlace {
  readonly location: string;
  readonly options: readonly string[];
  /** Undefined: a volume that goes with the pod. */
  readonly claimName: string | undefined;
  /** The Secret that lets one into the store. */
  readonly s3Secret: string | undefined;
}

export function onClaim(claimName: string, path: string): BackupPlace {
  return { location: `${MOUNT}/${path}`, options: [], claimName, s3Secret: undefined };
}

export function inStore({ bucket, endpoint, region, credentialsSecretRef }: S3Destination, key: string): BackupPlace {
  return {
    location: `s3://${bucket}/${key}`,
    options: [
      ...(endpoint === undefined ? [] : ["--s3-endpoint", endpoint]),
      ...["--s3-region", region, "--s3-credentials", S3_DIRECTORY, "--scratch", MOUNT],
    ],
    claimName: undefined,
    s3Secret: credentialsSecretRef.name,
  };
}

/** Where a backup that has run is, by its own word; undefined where it does not say. */
export function placeOf({ spec, status }: Pick<KVBackup, "spec" | "status">): BackupPlace | undefined {
  const { path, claimName } = status ?? {};
  if (path === undefined) return undefined;
  const { s3 } = spec.destination;
  if (s3 !== undefined) return inStore(s3, path);
  return claimName === undefined ? undefined : onClaim(claimName, path);
}
