// What was last seen of a KVCluster. Counts of what is alive are here, counts wanted are in the spec (kv-cluster.ts).

import { conditionsSchema } from "./condition.ts";
import { choice, type Infer, integer, listOf, object, required, text, timestamp } from "./schema.ts";

export const MAX_SHARDS = 256;

const shardStatusSchema = object({
  index: required(integer({ minimum: 0 })),
  primary: text({ maxLength: 253, description: "Pod that serves writes." }),
  replicas: listOf(text({ maxLength: 253 }), { maxItems: 16 }),
  slots: text({ maxLength: 8192, description: "Slot ranges, for example 0-5460." }),
  nodeId: text({ maxLength: 40, description: "Cluster node id of the primary; its run id outside of a cluster." }),
  replicationId: text({ maxLength: 40, description: "Outside of a cluster: the stream that the primary writes." }),
  copies: listOf(object({ pod: required(text({ maxLength: 253 })), runId: required(text({ maxLength: 40 })) }), {
    maxItems: 16,
    keys: ["pod"],
    description: "Outside of a cluster: servers with a whole copy, as they were then.",
  }),
});

export type ShardStatus = Infer<typeof shardStatusSchema>;

const restoreStatusSchema = object(
  {
    source: text({ maxLength: 512, description: "Where the data comes from." }),
    jobName: text({ maxLength: 253 }),
    startedAt: timestamp(),
    completedAt: timestamp({ description: "Once it is set nothing is restored again." }),
    keys: integer({ format: "int64", description: "Keys that were restored." }),
    expired: integer({ format: "int64", description: "Keys whose time had passed since the backup." }),
  },
  { description: "How spec.bootstrap went." },
);

export type RestoreStatus = Infer<typeof restoreStatusSchema>;

export const kvClusterStatusSchema = object({
  observedGeneration: integer({ format: "int64" }),
  phase: choice([
    "Creating",
    "Forming",
    "Restoring",
    "Ready",
    "Updating",
    "Degraded",
    "Paused",
    "Hibernating",
    "Hibernated",
    "Waking",
  ]),
  message: text({ maxLength: 4096 }),
  conditions: conditionsSchema,
  shards: integer({ description: "Shards that there are, for the scale subresource." }),
  readyShards: integer(),
  replicasPerShard: integer({ description: "Replicas that the shard with the fewest has." }),
  instances: integer(),
  readyInstances: integer(),
  ready: text({ maxLength: 16, description: "readyInstances/instances, for people." }),
  selector: text({ maxLength: 512, description: "Label selector of the server pods, for the scale subresource." }),
  slotsAssigned: integer(),
  shardStatus: listOf(shardStatusSchema, { maxItems: MAX_SHARDS, keys: ["index"] }),
  restore: restoreStatusSchema,
  endpoints: object({
    write: text({ maxLength: 512 }),
    read: text({ maxLength: 512 }),
    discovery: text({ maxLength: 512 }),
    external: text({ maxLength: 4096, description: "Some servers as clients outside reach them, to begin with." }),
  }),
  secretName: text({ maxLength: 253, description: "Secret with address, user, password and URI for applications." }),
});

export type KVClusterStatus = Infer<typeof kvClusterStatusSchema>;
