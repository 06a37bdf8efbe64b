// KVCluster: the desired cluster and what was last seen of it. Schema, type and defaults are one definition (schema.ts).
//
// The schema holds only what the operator honours: a field is added with the code that obeys it. Sizes named
// "shards" and "replicasPerShard" are counts wanted, never counts of what is alive.
import type { ObjectMeta } from "../kubernetes-object.ts";
import { type KVClusterStatus, MAX_SHARDS } from "./kv-cluster-status.ts";
import { networkingSchema } from "./networking.ts";
import {
  choice,
  defaulted,
  type Infer,
  integer,
  listOf,
  mapOf,
  object,
  opaque,
  quantity,
  required,
  text,
  truth,
} from "./schema.ts";
import { tlsSchema } from "./tls.ts";

export const MAX_REPLICAS_PER_SHARD = 5;
/** Pod names are `<cluster>-<shard>-<ordinal>`, their host names labels of at most 63 bytes; StatefulSets add a hash label of 11. */
export const MAX_CLUSTER_NAME_LENGTH = 40;
/** What is part of host names and labels must look like one. */
export const NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

export const KV_MODES = ["Standalone", "Replication", "Cluster"] as const;

/** Directives that the operator writes itself; a user's value would break the cluster or be overwritten. */
export const RESERVED_CONFIG_KEYS = [
  "aclfile",
  "admin-port",
  "admin-tls",
  "bind",
  "cluster-allow-replica-migration",
  "cluster-announce-bus-port",
  "cluster-announce-external-host",
  "cluster-announce-external-port",
  "cluster-announce-hostname",
  "cluster-announce-ip",
  "cluster-announce-port",
  "cluster-announce-tls-port",
  "cluster-config-file",
  "cluster-enabled",
  "cluster-external-port",
  "cluster-port",
  "cluster-preferred-endpoint-type",
  "daemonize",
  "dbfilename",
  "dir",
  "group-lease",
  "include",
  "logfile",
  "masterauth",
  "masteruser",
  "maxmemory",
  "maxmemory-policy",
  "pidfile",
  "port",
  "replica-announce-ip",
  "replicaof",
  "requirepass",
  "slaveof",
  "tls-auth-clients",
  "tls-ca-cert-dir",
  "tls-ca-cert-file",
  "tls-cert-file",
  "tls-client-cert-file",
  "tls-client-key-file",
  "tls-client-key-file-pass",
  "tls-cluster",
  "tls-key-file",
  "tls-key-file-pass",
  "tls-port",
  "tls-replication",
  "unixsocket",
  "user",
] as const;

const resourceAmounts = (description: string) => mapOf(quantity(), { maxProperties: 16, description });

const memorySchema = object(
  {
    maxMemory: quantity({ description: "Upper limit of the data of one server (maxmemory)." }),
    maxMemoryPercent: integer({
      minimum: 10,
      maximum: 95,
      description:
        "The same as a share of resources.limits.memory. 75 when neither is given and there is a memory limit.",
    }),
    policy: defaulted(
      choice(
        [
          "noeviction",
          "allkeys-lru",
          "allkeys-lfu",
          "allkeys-random",
          "volatile-lru",
          "volatile-lfu",
          "volatile-random",
          "volatile-ttl",
        ],
        { description: "What to evict at the limit (maxmemory-policy)." },
      ),
      "noeviction",
    ),
  },
  {
    rules: [
      {
        rule: "!(has(self.maxMemory) && has(self.maxMemoryPercent))",
        message: "spec.memory: set maxMemory or maxMemoryPercent, not both",
      },
    ],
  },
);

const storageSchema = object(
  {
    type: defaulted(
      choice(["PersistentVolume", "Ephemeral"], { description: "Where servers keep their files." }),
      "PersistentVolume",
    ),
    size: defaulted(quantity({ description: "Size of each server's volume. It can grow, never shrink." }), "1Gi"),
    storageClassName: text({
      maxLength: 253,
      description: "Storage class of the volumes; the cluster's default when absent.",
    }),
    warnAtPercent: defaulted(
      integer({
        minimum: 1,
        maximum: 99,
        description: "How full a server's disk may be before the condition DiskSpace turns False.",
      }),
      85,
    ),
    reclaimPolicy: defaulted(
      choice(["Retain", "Delete"], { description: "What becomes of the volumes when the KVCluster is deleted." }),
      "Retain",
    ),
  },
  {
    rules: [
      { rule: "self.type == oldSelf.type", message: "spec.storage.type cannot be changed after creation" },
      {
        rule: "has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        message: "spec.storage.storageClassName cannot be changed after creation",
      },
      {
        rule: "quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",
        message: "spec.storage.size can grow but not shrink",
      },
      {
        rule: "quantity(string(self.size)).isGreaterThan(quantity('0'))",
        message: "spec.storage.size must be more than 0",
      },
    ],
  },
);

/** Like the operator's and the servers' own, by which nobody else may log in. */
const USER_NAME_PATTERN = "^[a-zA-Z0-9][-a-zA-Z0-9_.@]*$";

const declaredUserSchema = object(
  {
    name: required(text({ minLength: 1, maxLength: 64, pattern: USER_NAME_PATTERN })),
    rules: defaulted(
      listOf(text({ minLength: 1, maxLength: 256, pattern: "^([^\\s()<>#!][^\\s()]*|\\([^()\\r\\n]*\\))$" }), {
        maxItems: 32,
        description: "Words of ACL SETUSER, one each: +@read, ~app:*, &news. A selector in brackets is one.",
      }),
      [],
    ),
    passwordSecretRefs: required(
      listOf(
        object({
          name: required(text({ minLength: 1, maxLength: 253 })),
          key: defaulted(text({ minLength: 1, maxLength: 253 }), "password"),
        }),
        { maxItems: 4, description: "Secrets of the passwords, all of which are valid: two while one is replaced." },
      ),
    ),
  },
  {
    rules: [
      {
        rule: "self.name != 'default'",
        message: "spec.auth.users: the user default belongs to the operator and the servers",
      },
      {
        rule: "size(self.passwordSecretRefs) > 0",
        message: "spec.auth.users: passwordSecretRefs must name a Secret",
      },
      {
        rule: "!self.rules.exists(rule, rule.matches('(?i)^(nopass|resetpass|reset)$'))",
        message: "spec.auth.users: rules must not change passwords, they come from passwordSecretRefs",
      },
    ],
  },
);

export type DeclaredUser = Infer<typeof declaredUserSchema>;

const authSchema = object(
  {
    users: listOf(declaredUserSchema, {
      maxItems: 32,
      keys: ["name"],
      description: "Further ACL users, applied while servers run. A user that leaves the list is deleted.",
    }),
    passwordSecretRef: object(
      {
        name: required(text({ minLength: 1, maxLength: 253 })),
        key: defaulted(text({ minLength: 1, maxLength: 253 }), "password"),
      },
      { description: "The Secret that holds the password. Without it the operator makes one, named <cluster>-auth." },
    ),
  },
  {
    rules: [
      {
        rule: "has(self.passwordSecretRef) == has(oldSelf.passwordSecretRef) && (!has(self.passwordSecretRef) || self.passwordSecretRef == oldSelf.passwordSecretRef)",
        message: "spec.auth.passwordSecretRef cannot be changed after creation",
      },
    ],
  },
);

const spread = (topology: string) =>
  defaulted(
    choice(["Preferred", "Required", "Disabled"], {
      description: `Whether the pods of one shard keep to different ${topology}.`,
    }),
    "Preferred",
  );

const schedulingSchema = object({
  nodeSelector: mapOf(text({ maxLength: 63 }), { maxProperties: 32 }),
  tolerations: listOf(opaque(), { maxItems: 32, description: "core/v1 Toleration" }),
  affinity: opaque({ description: "core/v1 Affinity, in addition to spread" }),
  topologySpreadConstraints: listOf(opaque(), { maxItems: 16, description: "core/v1 TopologySpreadConstraint" }),
  priorityClassName: text({ maxLength: 253 }),
  spread: defaulted(object({ node: spread("nodes"), zone: spread("zones") }), {}),
});

const disruptionSchema = object({
  podDisruptionBudget: defaulted(
    choice(["PerShard", "Disabled"], {
      description: "PerShard: at most one pod of a shard is evicted at a time.",
    }),
    "PerShard",
  ),
  updateStrategy: defaulted(
    choice(["Automatic", "Supervised"], {
      description:
        "Supervised: shards are handed over and their old primaries restarted only once the annotation kvcluster.dev/approved-generation names the generation.",
    }),
    "Automatic",
  ),
  terminationGracePeriodSeconds: defaulted(
    integer({ minimum: 10, maximum: 3600, description: "Time for hand-over and last save before a server is killed." }),
    60,
  ),
});

const sourceTlsSchema = object(
  {
    caSecretRef: object(
      {
        name: required(text({ minLength: 1, maxLength: 253 })),
        key: defaulted(text({ minLength: 1, maxLength: 253 }), "ca.crt"),
      },
      {
        description:
          "The authority of the source: whatever has a certificate of it is trusted. Without it the well-known ones count, and the address has to be in the certificate.",
      },
    ),
    clientSecretName: text({
      minLength: 1,
      maxLength: 253,
      description: "A Secret of type kubernetes.io/tls: the certificate to show to a source that asks for one.",
    }),
  },
  { description: "The source speaks TLS at its addresses." },
);

const externalSourceSchema = object(
  {
    addresses: required(
      listOf(text({ maxLength: 261, pattern: "^[^\\s,=]+:[0-9]{1,5}$" }), {
        maxItems: MAX_SHARDS,
        description: "host:port of the server, or of one server of each shard: replicas do.",
      }),
    ),
    userName: text({ maxLength: 253, description: "ACL user; the default user when absent." }),
    passwordSecretRef: object({
      name: required(text({ minLength: 1, maxLength: 253 })),
      key: defaulted(text({ minLength: 1, maxLength: 253 }), "password"),
    }),
    tls: sourceTlsSchema,
  },
  {
    description: "A running Redis, or something that replicates like one, whose data is copied once.",
    rules: [{ rule: "size(self.addresses) > 0", message: "spec.bootstrap.externalSource.addresses must not be empty" }],
  },
);

export type ExternalSource = Infer<typeof externalSourceSchema>;

const bootstrapSchema = object(
  {
    externalSource: externalSourceSchema,
    backupRef: object(
      { name: required(text({ minLength: 1, maxLength: 253 })) },
      { description: "A KVBackup in the same namespace, of a cluster with any number of shards." },
    ),
  },
  {
    description: "What the cluster holds in the beginning. It serves once that is there. Fixed after creation.",
    rules: [
      {
        rule: "has(self.backupRef) != has(self.externalSource)",
        message: "spec.bootstrap needs backupRef or externalSource, and only one of them",
      },
    ],
  },
);

const configRules = [
  {
    rule: `[${RESERVED_CONFIG_KEYS.map((key) => `'${key}'`).join(", ")}].all(key, !(key in self))`,
    message: `spec.config: these directives belong to the operator: ${RESERVED_CONFIG_KEYS.join(", ")}`,
  },
  {
    rule: "self.all(key, key.matches('^[a-z][a-z0-9-]{0,63}$'))",
    message: "spec.config: directive names are lower-case letters, digits and dashes",
  },
];

export const kvClusterSpecSchema = object(
  {
    mode: defaulted(
      choice(KV_MODES, {
        description:
          "Topology. Standalone: one server. Replication: a primary and replicas. Cluster: hash slots over all shards.",
      }),
      "Cluster",
    ),
    shards: defaulted(
      integer({
        minimum: 1,
        maximum: MAX_SHARDS,
        description: "Number of shards: 1, or 3 and more. Slots move when it changes.",
      }),
      3,
    ),
    replicasPerShard: defaulted(
      integer({
        minimum: 0,
        maximum: MAX_REPLICAS_PER_SHARD,
        description: "Replicas of each shard, besides its primary.",
      }),
      1,
    ),
    image: text({ minLength: 1, maxLength: 512, description: "Server image; the operator's default when absent." }),
    imagePullPolicy: defaulted(choice(["Always", "IfNotPresent", "Never"]), "IfNotPresent"),
    imagePullSecrets: listOf(object({ name: required(text({ minLength: 1, maxLength: 253 })) }), { maxItems: 8 }),
    resources: defaulted(
      object(
        { requests: resourceAmounts("Guaranteed amounts"), limits: resourceAmounts("Upper limits") },
        { description: "Resources of each server." },
      ),
      {},
    ),
    memory: defaulted(memorySchema, {}),
    config: mapOf(text({ maxLength: 1024, pattern: "^[^\\r\\n]*$" }), {
      maxProperties: 64,
      description: "Further redis.conf directives.",
      rules: configRules,
    }),
    storage: defaulted(storageSchema, {}),
    auth: defaulted(authSchema, {}),
    tls: tlsSchema,
    networking: defaulted(networkingSchema, {}),
    scheduling: defaulted(schedulingSchema, {}),
    disruption: defaulted(disruptionSchema, {}),
    bootstrap: bootstrapSchema,
    paused: defaulted(
      truth({ description: "While true the operator observes and reports but changes nothing." }),
      false,
    ),
    hibernated: defaulted(
      truth({ description: "While true nothing runs: servers save, then stop. Volumes, Services and Secrets stay." }),
      false,
    ),
  },
  {
    rules: [
      {
        rule: "!self.hibernated || self.storage.type != 'Ephemeral'",
        message: "spec.hibernated needs volumes: with spec.storage.type Ephemeral nothing would be kept",
      },
      {
        rule: "!oldSelf.hibernated || self.shards >= oldSelf.shards",
        message: "spec.shards cannot shrink while the cluster is hibernated: somebody has to move the slots",
      },
      {
        rule: "self.mode == 'Cluster' || self.shards == 1",
        message: "spec.shards must be 1 unless spec.mode is Cluster: there are no slots to share out",
      },
      {
        rule: "self.mode != 'Standalone' || self.replicasPerShard == 0",
        message: "spec.replicasPerShard must be 0 in mode Standalone: with replicas the mode is Replication",
      },
      {
        rule: "self.mode != 'Replication' || self.replicasPerShard > 0",
        message: "spec.replicasPerShard must be 1 or more in mode Replication: without replicas the mode is Standalone",
      },
      {
        rule: "self.mode == 'Cluster' || oldSelf.mode != 'Cluster'",
        message:
          "spec.mode cannot change from Cluster: the data of several shards does not go into one server in place, and its clients know a cluster; back up, and restore into a new KVCluster",
      },
      {
        rule: "self.mode != 'Cluster' || oldSelf.mode == 'Cluster' || self.storage.type != 'Ephemeral'",
        message:
          "spec.mode can change to Cluster only with volumes: all servers restart for it, and with spec.storage.type Ephemeral nothing would be kept",
      },
      {
        rule: "has(self.tls) == has(oldSelf.tls)",
        message:
          "spec.tls cannot be added or removed after creation, servers with and without TLS do not understand each other: back up, and restore into a new KVCluster",
      },
      {
        rule: "self.mode == 'Cluster' || !has(self.networking.external)",
        message: "spec.networking.external needs mode Cluster",
      },
      {
        rule: "self.shards == 1 || self.shards >= 3",
        message: "spec.shards must be 1, or 3 or more: two primaries cannot outvote each other",
      },
      {
        rule: "has(self.bootstrap) == has(oldSelf.bootstrap) && (!has(self.bootstrap) || self.bootstrap == oldSelf.bootstrap)",
        message: "spec.bootstrap cannot be changed after creation",
      },
      {
        rule: "!has(self.memory.maxMemoryPercent) || (has(self.resources.limits) && 'memory' in self.resources.limits)",
        message: "spec.memory.maxMemoryPercent needs spec.resources.limits.memory",
      },
      {
        rule: "!has(self.memory.maxMemory) || !has(self.resources.limits) || !('memory' in self.resources.limits) || quantity(string(self.memory.maxMemory)).compareTo(quantity(string(self.resources.limits['memory']))) <= 0",
        message: "spec.memory.maxMemory must not be more than spec.resources.limits.memory",
      },
    ],
  },
);

export type KVClusterSpec = Infer<typeof kvClusterSpecSchema>;

export interface KVCluster {
  readonly apiVersion: "kvcluster.dev/v1alpha1";
  readonly kind: "KVCluster";
  readonly metadata: ObjectMeta;
  readonly spec: KVClusterSpec;
  readonly status?: KVClusterStatus;
}
