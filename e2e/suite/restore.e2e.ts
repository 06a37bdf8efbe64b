// Restore: the cluster and its volumes are gone, a new one begins with the backup, in as many shards or in others, and a
// client finds the same content. RESTORE_KEYS sets how many keys there are.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import { getObject, type KubernetesObject, kubectl, listObjects, tryKubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const KEYS = Number(process.env.RESTORE_KEYS ?? 10_000);
/** What one run of a client writes: it has three minutes. */
const KEYS_A_RUN = 200_000;
/** What content.py adds. */
const MORE_KEYS = 306;
const WITHIN_MS = 240_000 + KEYS / 2;
const TIMEOUT_MS = 3 * WITHIN_MS + 300_000;

const it = scene("restore");
let content = "";
let shell: Shell;

interface Restored extends KVCluster {
  readonly status?: KVCluster["status"] & {
    readonly message?: string;
    readonly restore?: { readonly jobName?: string; readonly completedAt?: string; readonly keys?: number };
  };
}

beforeAll(async () => {
  shell = await openShell(it.namespace);
  await it.apply(clusterManifest("source"));
  await it.ready("source", 180_000);
  const environment = { HOST: "source", PASSWORD: await it.password("source") };
  for (let first = 0; first < KEYS; first += KEYS_A_RUN) {
    const count = Math.min(KEYS_A_RUN, KEYS - first);
    const said = await it.python(clientScript("keys.py"), environment, ["write", `${count}`, `${first}`]);
    expect(said).toBe(`${count} keys written\n`);
  }
  await it.python(clientScript("content.py"), environment, ["enrich"]);
  content = await contentOf("source", 3);
  expect(content).toMatch(new RegExp(`^${KEYS + MORE_KEYS} `));
}, TIMEOUT_MS);
afterAll(() => shell.close());

describe("a KVCluster that begins with a backup", () => {
  test("waits for a backup that is not there yet, and is restored into five shards", {
    timeout: TIMEOUT_MS,
  }, async () => {
    explainFailure(it.namespace);
    await it.apply(restoredManifest("five", { shards: 5, replicasPerShard: 0 }));
    await eventually("that it says what is missing", { withinMs: 120_000 }, async () => {
      expect(await reasonOf("five")).toBe("BackupNotFound");
    });
    expect(await endpointsOf("five")).toBe("");
    const spec = { clusterRef: { name: "source" }, destination: { persistentVolumeClaim: { size: "1Gi" } } };
    await it.apply(backupManifest("before", spec));
    await it.ready("five", WITHIN_MS);
    expect(await reasonOf("five")).toBe("Restored");
    expect((await restored("five")).status?.restore?.keys).toBe(KEYS + MORE_KEYS);
    expect(await contentOf("five", 5)).toBe(content);
    await remove("five");
  });

  test("into as many shards, once the cluster and its volumes are gone", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    await remove("source");
    await it.apply(restoredManifest("restored", { shards: 3, replicasPerShard: 1 }));
    await eventually("a restore under way", { withinMs: 120_000, everyMs: 200 }, async () => {
      expect(["RestoreRunning", "Restored"]).toContain(await reasonOf("restored"));
    });
    await kubectl("-n", "kvcluster-system", "delete", "pod", "-l", "app.kubernetes.io/name=kvcluster-operator");
    await shell.run(printed("README.md", "kubectl get kvcluster restored"), { seconds: WITHIN_MS / 1_000 });
    await it.ready("restored", 60_000);
    expect(await contentOf("restored", 3)).toBe(content);
  });

  test("into a primary with a replica, without a cluster", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    const bootstrap = { backupRef: { name: "before" } };
    await it.apply(clusterManifest("pair", { mode: "Replication", shards: 1, replicasPerShard: 1 }, { bootstrap }));
    await it.ready("pair", WITHIN_MS);
    expect(await reasonOf("pair")).toBe("Restored");
    expect((await restored("pair")).status?.restore?.keys).toBe(KEYS + MORE_KEYS);
    expect(Number(await it.redisCli("pair", ["dbsize"]))).toBe(KEYS + MORE_KEYS);
    await remove("pair");
  });

  test("is filled from a running cluster instead, one address a shard", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    const addresses = [0, 1, 2].map((shard) => `restored-${shard}-0.restored-nodes:6379`);
    const passwordSecretRef = { name: "restored-connection" };
    const bootstrap = { externalSource: { addresses, passwordSecretRef } };
    await it.apply(clusterManifest("copy", { shards: 3, replicasPerShard: 0 }, { bootstrap }));
    await it.ready("copy", WITHIN_MS);
    expect(await contentOf("copy", 3)).toBe(content);
    await remove("copy");
  });

  test("is restored once: not again after a restart without the Job", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    expect(await it.redisCli("restored", ["-c", "del", "string:0"])).toBe("1\n");
    const jobName = (await restored("restored")).status?.restore?.jobName ?? "";
    await kubectl("-n", it.namespace, "delete", "job", jobName, "--wait");
    // Not waiting: pods of the same names come back at once, and kubectl may wait for these to go too.
    const selector = "kvcluster.dev/cluster=restored,kvcluster.dev/shard";
    await kubectl("-n", it.namespace, "delete", "pods", "-l", selector, "--wait=false");
    await it.ready("restored", 120_000);
    expect(await it.redisCli("restored", ["-c", "exists", "string:0"])).toBe("0\n");
    expect(await it.redisCli("restored", ["-c", "exists", "string:5"])).toBe("1\n");
    expect((await tryKubectl("-n", it.namespace, "get", "job", jobName)).code).not.toBe(0);
  });
});

function backupManifest(name: string, spec: object): string {
  return JSON.stringify({ apiVersion: "kvcluster.dev/v1alpha1", kind: "KVBackup", metadata: { name }, spec });
}

function restoredManifest(name: string, shape: { readonly shards: number; readonly replicasPerShard: number }): string {
  return clusterManifest(name, shape, { bootstrap: { backupRef: { name: "before" } } });
}

const restored = (name: string) => getObject<Restored>(it.namespace, `kvc/${name}`);

async function reasonOf(name: string): Promise<string> {
  const path = `jsonpath={.status.conditions[?(@.type=="Restored")].reason}`;
  return await kubectl("-n", it.namespace, "get", `kvc/${name}`, "-o", path);
}

/** Addresses behind the Service that clients use. */
async function endpointsOf(name: string): Promise<string> {
  const selector = `kubernetes.io/service-name=${name}`;
  const path = "jsonpath={.items[*].endpoints[*].addresses[*]}";
  return await kubectl("-n", it.namespace, "get", "endpointslices", "-l", selector, "-o", path);
}

/** Number of keys, and one digest over all of them however they are spread. */
async function contentOf(name: string, shards: number): Promise<string> {
  const environment = { HOST: name, PASSWORD: await it.password(name) };
  let [keys, sum] = [0, 0n];
  for (let shard = 0; shard < shards; shard++) {
    const [count = "", digest = ""] = (
      await it.python(clientScript("content.py"), environment, ["digest", `${shard}`])
    ).split(" ");
    keys += Number(count);
    sum ^= BigInt(`0x${digest.trim()}`);
  }
  return `${keys} ${sum.toString(16)}`;
}

/** The cluster, and its volumes, which go with it. */
async function remove(name: string): Promise<void> {
  await kubectl("-n", it.namespace, "delete", `kvc/${name}`, "--wait");
  await eventually(`pods and volumes of ${name} gone`, { withinMs: 120_000 }, async () => {
    const left = await listObjects<KubernetesObject>(
      it.namespace,
      "pods,pvc",
      `kvcluster.dev/cluster=${name},kvcluster.dev/shard`,
    );
    expect(left.map(({ metadata }) => metadata.name)).toEqual([]);
  });
}
