// A manifest that makes no sense is refused when it is applied, with a sentence that names the field.
import { describe, expect, test } from "vitest";
import { run } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { scene } from "../harness/scene.ts";

const it = scene("validation");

interface Nonsense {
  readonly what: string;
  readonly kind?: "KVCluster" | "KVBackup" | "KVScheduledBackup";
  readonly name?: string;
  readonly spec: object;
  readonly says: RegExp;
}

const claim = { persistentVolumeClaim: { size: "1Gi" } };
const clusterRef = { name: "c" };

const nonsense: readonly Nonsense[] = [
  { what: "two shards", spec: { shards: 2 }, says: /spec\.shards must be 1, or 3 or more/ },
  { what: "no shards", spec: { shards: 0 }, says: /spec\.shards.*greater than or equal to 1/ },
  { what: "a thousand shards", spec: { shards: 1000 }, says: /spec\.shards.*less than or equal to 256/ },
  { what: "a word for a number", spec: { shards: "three" }, says: /spec\.shards.*integer/ },
  {
    what: "negative replicas",
    spec: { replicasPerShard: -1 },
    says: /spec\.replicasPerShard.*greater than or equal to 0/,
  },
  { what: "an unknown mode", spec: { mode: "Galaxy" }, says: /spec\.mode.*Galaxy/ },
  {
    what: "shards without a cluster",
    spec: { mode: "Replication", replicasPerShard: 1 },
    says: /spec\.shards must be 1 unless spec\.mode is Cluster/,
  },
  {
    what: "replicas of one server alone",
    spec: { mode: "Standalone", shards: 1, replicasPerShard: 1 },
    says: /spec\.replicasPerShard must be 0 in mode Standalone/,
  },
  {
    what: "replication without replicas",
    spec: { mode: "Replication", shards: 1, replicasPerShard: 0 },
    says: /spec\.replicasPerShard must be 1 or more in mode Replication/,
  },
  {
    what: "a group for clients outside",
    spec: { mode: "Replication", shards: 1, networking: { external: { type: "NodePort" } } },
    says: /spec\.networking\.external needs mode Cluster/,
  },
  { what: "a misspelt field", spec: { shard: 3 }, says: /unknown field "spec\.shard"/ },
  { what: "a reserved directive", spec: { config: { port: "1234" } }, says: /spec\.config.*belong to the operator/ },
  { what: "a directive over two lines", spec: { config: { save: "1 1\nport 7" } }, says: /spec\.config\.save/ },
  {
    what: "maxMemory beside maxMemoryPercent",
    spec: { memory: { maxMemory: "1Gi", maxMemoryPercent: 50 }, resources: { limits: { memory: "2Gi" } } },
    says: /spec\.memory: set maxMemory or maxMemoryPercent, not both/,
  },
  {
    what: "a percentage of no limit",
    spec: { memory: { maxMemoryPercent: 50 } },
    says: /spec\.memory\.maxMemoryPercent needs spec\.resources\.limits\.memory/,
  },
  {
    what: "more data than memory",
    spec: { memory: { maxMemory: "3Gi" }, resources: { limits: { memory: 2147483648 } } },
    says: /spec\.memory\.maxMemory must not be more than spec\.resources\.limits\.memory/,
  },
  {
    what: "a label of the operator on Services for outside",
    spec: { networking: { external: { type: "NodePort", labels: { "kvcluster.dev/cluster": "other" } } } },
    says: /spec\.networking\.external\.labels: those of kvcluster\.dev\/ .* belong to the operator/,
  },
  {
    what: "a host for load balancers",
    spec: { networking: { external: { type: "LoadBalancer", host: "kv.example.org" } } },
    says: /spec\.networking\.external\.host is for type NodePort/,
  },
  {
    what: "access from outside without a type",
    spec: { networking: { external: {} } },
    says: /spec\.networking\.external\.type/,
  },
  {
    what: "the user of the operator",
    spec: { auth: { users: [{ name: "default", passwordSecretRefs: [{ name: "s" }] }] } },
    says: /spec\.auth\.users: the user default belongs to the operator/,
  },
  {
    what: "a user without a password",
    spec: { auth: { users: [{ name: "u", passwordSecretRefs: [] }] } },
    says: /passwordSecretRefs must name a Secret/,
  },
  {
    what: "a password in the rules of a user",
    spec: { auth: { users: [{ name: "u", rules: [">secret"], passwordSecretRefs: [{ name: "s" }] }] } },
    says: /spec\.auth\.users\[0\]\.rules\[0\]/,
  },
  {
    what: "a user who needs no password",
    spec: { auth: { users: [{ name: "u", rules: ["NoPass"], passwordSecretRefs: [{ name: "s" }] }] } },
    says: /rules must not change passwords/,
  },
  { what: "a volume of no size", spec: { storage: { size: "0" } }, says: /spec\.storage\.size must be more than 0/ },
  { what: "a size that is no quantity", spec: { storage: { size: "big" } }, says: /spec\.storage\.size/ },
  { what: "a name that no host can have", name: "9lives", spec: {}, says: /metadata\.name must start with a letter/ },
  { what: "a name too long for its pods", name: "n".repeat(41), spec: {}, says: /metadata\.name.*at most 40/ },
  { what: "a beginning with nothing", spec: { bootstrap: {} }, says: /spec\.bootstrap needs backupRef/ },
  {
    what: "a backup to nowhere",
    kind: "KVBackup",
    spec: { clusterRef },
    says: /spec\.destination.*Required value/,
  },
  {
    what: "a backup of a name that no cluster has",
    kind: "KVBackup",
    spec: { clusterRef: { name: "My Cluster" }, destination: claim },
    says: /spec\.clusterRef\.name/,
  },
  {
    what: "a backup to two claims",
    kind: "KVBackup",
    spec: { clusterRef, destination: { persistentVolumeClaim: { size: "1Gi", claimName: "x" } } },
    says: /persistentVolumeClaim: set claimName or size, and only one of them/,
  },
  {
    what: "a schedule of four fields",
    kind: "KVScheduledBackup",
    spec: { clusterRef, schedule: "0 3 * *", template: { destination: claim } },
    says: /spec\.schedule/,
  },
  {
    what: "a schedule at minute 61",
    kind: "KVScheduledBackup",
    spec: { clusterRef, schedule: "61 3 * * *", template: { destination: claim } },
    says: /spec\.schedule must be five cron fields/,
  },
  {
    what: "a retention of nothing",
    kind: "KVScheduledBackup",
    spec: { clusterRef, schedule: "0 3 * * *", retention: { keepLast: 0 }, template: { destination: claim } },
    says: /spec\.retention\.keepLast.*greater than or equal to 1/,
  },
];

describe("the API refuses", () => {
  test.each(nonsense)("$what", async ({ kind = "KVCluster", name = "c", spec, says }) => {
    const manifest = { apiVersion: "kvcluster.dev/v1alpha1", kind, metadata: { name }, spec };
    const argv = ["-n", it.namespace, "apply", "--dry-run=server", "-f", "-"];
    const result = await run("kubectl", argv, { input: JSON.stringify(manifest) });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(says);
  });

  test.each([
    { what: "two shards", spec: { shards: 2 }, says: /spec\.shards must be 1, or 3 or more/ },
    {
      what: "a smaller volume",
      spec: { storage: { size: "1Mi" } },
      says: /spec\.storage\.size can grow but not shrink/,
    },
    {
      what: "another kind of storage",
      spec: { storage: { type: "Ephemeral" } },
      says: /spec\.storage\.type cannot be changed/,
    },
    {
      what: "a mode without a cluster",
      spec: { mode: "Standalone" },
      says: /spec\.mode cannot change from Cluster/,
    },
    {
      what: "another beginning",
      spec: { bootstrap: { backupRef: { name: "b" } } },
      says: /spec\.bootstrap cannot be changed after creation/,
    },
  ])("$what for a cluster that exists", async ({ spec, says }) => {
    await it.apply(clusterManifest("fixed", { shards: 1, replicasPerShard: 0 }));
    const patch = JSON.stringify({ spec });
    const result = await run("kubectl", [
      "-n",
      it.namespace,
      "patch",
      "kvc/fixed",
      "--type=merge",
      "--dry-run=server",
      "-p",
      patch,
    ]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(says);
  });
});
