// KVBackup: one consistent RDB file a shard, on a volume or in an S3-compatible store, taken once. The spec never changes after creation; the status
// tells how it went. The files outlive neither retention nor whoever deletes the volume, but they outlive the cluster.
import type { ObjectMeta } from "../kubernetes-object.ts";
import { conditionsSchema } from "./condition.ts";
import { MAX_CLUSTER_NAME_LENGTH, NAME_PATTERN } from "./kv-cluster.ts";
import {
  choice,
  defaulted,
  type Infer,
  integer,
  listOf,
  object,
  quantity,
  required,
  text,
  timestamp,
  truth,
} from "./schema.ts";

const claimSchema = object(
  {
    claimName: text({ minLength: 1, maxLength: 253, description: "An existing claim." }),
    size: quantity({
      description:
        "Size of the claim <cluster>-backup that the operator makes when it is not there, and never deletes.",
    }),
    storageClassName: text({ maxLength: 253, description: "Storage class of the claim the operator makes." }),
  },
  {
    rules: [
      {
        rule: "has(self.claimName) != has(self.size)",
        message: "destination.persistentVolumeClaim: set claimName or size, and only one of them",
      },
      {
        rule: "!has(self.storageClassName) || has(self.size)",
        message: "destination.persistentVolumeClaim.storageClassName goes with size, not with claimName",
      },
    ],
  },
);

const s3Schema = object(
  {
    bucket: required(
      text({
        minLength: 3,
        maxLength: 63,
        pattern: "^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        description: "It has to be there.",
      }),
    ),
    prefix: text({
      minLength: 1,
      maxLength: 256,
      pattern: "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
      description: "What the keys of objects begin with.",
    }),
    endpoint: text({
      maxLength: 253,
      pattern: "^https?://[^/\\s]+$",
      description: "URL of the store; Amazon's of the region when absent.",
    }),
    region: defaulted(text({ minLength: 1, maxLength: 63, pattern: "^[a-z0-9-]+$" }), "us-east-1"),
    credentialsSecretRef: required(
      object(
        { name: required(text({ minLength: 1, maxLength: 253 })) },
        {
          description:
            "A Secret with access-key-id and secret-access-key, and maybe session-token, and ca.crt of the store's authority.",
        },
      ),
    ),
  },
  {
    description:
      "An S3-compatible store. Files lie on the Job's node on their way: one shard's to it, all of them back.",
  },
);

export type S3Destination = Infer<typeof s3Schema>;

const destinationSchema = object(
  { persistentVolumeClaim: claimSchema, s3: s3Schema },
  {
    rules: [
      {
        rule: "has(self.persistentVolumeClaim) != has(self.s3)",
        message: "destination.persistentVolumeClaim and destination.s3: set one, and only one of them",
      },
    ],
  },
);

/** What a scheduled backup hands to each of its backups. */
export const backupTemplateFields = {
  target: defaulted(
    choice(["PreferReplica", "Primary"], { description: "Which server of each shard the data is read from." }),
    "PreferReplica",
  ),
  destination: required(destinationSchema),
  verify: defaulted(
    truth({ description: "Read the files back and check them before the backup counts as completed." }),
    true,
  ),
  timeoutSeconds: defaulted(
    integer({ minimum: 30, maximum: 604_800, description: "A run that takes longer has failed." }),
    3600,
  ),
};

export const clusterRefSchema = object(
  { name: required(text({ minLength: 1, maxLength: MAX_CLUSTER_NAME_LENGTH, pattern: NAME_PATTERN })) },
  { description: "A KVCluster in the same namespace." },
);

export const kvBackupSpecSchema = object(
  { clusterRef: required(clusterRefSchema), ...backupTemplateFields },
  { rules: [{ rule: "self == oldSelf", message: "spec of a KVBackup cannot be changed: make another one" }] },
);

export type KVBackupSpec = Infer<typeof kvBackupSpecSchema>;

const backupShardSchema = object({
  index: required(integer({ minimum: 0 })),
  source: text({ maxLength: 253, description: "Pod the data was read from." }),
  slots: text({ maxLength: 8192 }),
  file: text({ maxLength: 512 }),
  sizeBytes: integer({ format: "int64" }),
  keys: integer({ format: "int64" }),
  sha256: text({ maxLength: 64 }),
});

export type BackupShard = Infer<typeof backupShardSchema>;

export const kvBackupStatusSchema = object({
  observedGeneration: integer({ format: "int64" }),
  phase: choice(["Pending", "Running", "Completed", "Failed"]),
  message: text({ maxLength: 4096 }),
  conditions: conditionsSchema,
  claimName: text({ maxLength: 253 }),
  path: text({ maxLength: 512, description: "Directory on the volume, or what the keys of objects begin with." }),
  jobName: text({ maxLength: 253 }),
  startedAt: timestamp(),
  completedAt: timestamp(),
  sizeBytes: integer({ format: "int64" }),
  size: text({ maxLength: 32, description: "sizeBytes, for people." }),
  keys: integer({ format: "int64" }),
  verified: truth(),
  shards: listOf(backupShardSchema, { maxItems: 256, keys: ["index"] }),
});

export type KVBackupStatus = Infer<typeof kvBackupStatusSchema>;

export interface KVBackup {
  readonly apiVersion: "kvcluster.dev/v1alpha1";
  readonly kind: "KVBackup";
  readonly metadata: ObjectMeta;
  readonly spec: KVBackupSpec;
  readonly status?: KVBackupStatus;
}
