// Clusters with spec.tls as people use them: nothing begins without the certificate, clients get in by TLS only and check names,
// a new certificate is taken up while nobody restarts, and backup, restore, restart and `kubectl kv connect` work as ever.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, createAuthority } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { getObject, kubectl, mustRun, run, variables } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

const it = scene("tls");
const PLUGIN = join(import.meta.dirname, "../../operator/bin/kubectl-kv");
const TLS = { tls: { secretName: "kv-tls" } };
/** Kubelets bring a changed Secret within a minute or so, and servers look every two seconds. */
const NEW_CERTIFICATE_MS = 180_000;
/** The operator looks at Secrets of others once in each pass, which is every 30 s. */
const SEEN_MS = 60_000;
let authority: Authority;

const hostsOf = (cluster: string): readonly string[] => [
  ...[cluster, `${cluster}-write`, `${cluster}-read`].flatMap((host) => [
    host,
    `${host}.${it.namespace}.svc.cluster.local`,
  ]),
  `*.${cluster}-nodes.${it.namespace}.svc.cluster.local`,
];

/** A program in the client pod, which finds the authority of the cluster in a file. */
async function withAuthority(cluster: string, program: readonly string[]) {
  const object = await getObject<KVCluster>(it.namespace, `kvc/${cluster}`);
  const path = [
    "-n",
    it.namespace,
    "get",
    "secret",
    object.status?.secretName ?? "",
    "-o",
    "jsonpath={.data['ca\\.crt']}",
  ];
  const ca = Buffer.from(await kubectl(...path), "base64").toString();
  const password = await it.password(cluster);
  const environment = variables({ REDISCLI_AUTH: password, PASSWORD: password, CA: ca });
  const script = 'printf "%s" "$CA" > /dev/shm/ca.crt; exec "$@"';
  return await it.client(["env", ...environment, "sh", "-c", script, "sh", ...program]);
}

const redisCli = async (cluster: string, ...words: readonly string[]): Promise<string> => {
  const tls = ["--tls", "--cacert", "/dev/shm/ca.crt", "-h", cluster];
  const { stdout, stderr } = await withAuthority(cluster, ["redis-cli", "--no-auth-warning", "-c", ...tls, ...words]);
  return `${stdout}${stderr}`.trim();
};

/** As an application does, with the names in certificates checked. */
const PYTHON = `
import os
from redis.cluster import RedisCluster
db = RedisCluster(host="kv", port=6379, password=os.environ["PASSWORD"], ssl=True, ssl_ca_certs="/dev/shm/ca.crt", ssl_check_hostname=True)
for k in range(300):
    db.set(f"py:{k}", k)
print(sum(int(db.get(f"py:{k}")) for k in range(300)))
`;

const conditionOf = async (cluster: string, type: string): Promise<string> => {
  const { status } = await getObject<KVCluster>(it.namespace, `kvc/${cluster}`);
  const found = status?.conditions?.find((condition) => condition.type === type);
  return `${found?.status} ${found?.reason}`;
};

async function commonNameAt(pod: string): Promise<string> {
  const host = `${pod}.kv-nodes.${it.namespace}.svc.cluster.local`;
  const script = `import socket, ssl
context = ssl.create_default_context(cafile="/dev/shm/ca.crt")
with context.wrap_socket(socket.create_connection(("${host}", 6379)), server_hostname="${host}") as s:
    print(dict(x[0] for x in s.getpeercert()["subject"])["commonName"])`;
  return (await withAuthority("kv", ["python3", "-c", script])).stdout.trim();
}

beforeAll(async () => {
  authority = await createAuthority();
});

afterAll(() => authority.remove());

describe("a cluster with spec.tls", () => {
  test("begins once its Secret is there, and says so until then", { timeout: 300_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("kv", {}, TLS));
    await eventually("what is missing told of", { withinMs: SEEN_MS }, async () => {
      expect(await conditionOf("kv", "CertificateValid")).toBe("False CertificateMissing");
    });
    expect(await it.pods("kv")).toEqual([]);
    await it.apply(await authority.secret("kv-tls", "first", hostsOf("kv")));
    await it.ready("kv", 240_000);
    expect(await conditionOf("kv", "CertificateValid")).toBe("True Valid");
  });

  test("serves clients that trust its authority, and no others", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    for (const key of ["a", "b", "c", "d"]) expect(await redisCli("kv", "set", key, `value of ${key}`)).toBe("OK");
    for (const key of ["a", "b", "c", "d"]) expect(await redisCli("kv", "get", key)).toBe(`value of ${key}`);
    expect((await withAuthority("kv", ["python3", "-c", PYTHON])).stdout.trim()).toBe(String((299 * 300) / 2));
    const plain = await withAuthority("kv", ["timeout", "10", "redis-cli", "-h", "kv", "PING"]);
    expect(`${plain.stdout}${plain.stderr}`).not.toContain("PONG");
    const strange = await withAuthority("kv", ["redis-cli", "--tls", "-h", "kv", "PING"]);
    expect(`${strange.stdout}${strange.stderr}`).toMatch(/certificate verify failed/i);
  });

  test("is reached by kubectl kv, and by nobody who says nothing of TLS", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    const connect = await run(PLUGIN, ["connect", "kv", "-n", it.namespace, "--", "GET", "a"]);
    expect([connect.stdout, connect.stderr]).toEqual(["value of a\n", ""]);
    const status = await run(PLUGIN, ["status", "kv", "-n", it.namespace]);
    expect(status.stdout).toMatch(/^0 +primary +kv-0-\d .*0-5460/m);
    expect(status.stdout).not.toContain("NOTES");
  });
});

describe("a running cluster with spec.tls", () => {
  test("takes up a new certificate while no pod restarts", { timeout: NEW_CERTIFICATE_MS + 60_000 }, async () => {
    explainFailure(it.namespace);
    const [before, pods] = [await it.podUids("kv"), await it.pods("kv")];
    expect(await commonNameAt("kv-0-0")).toBe("first");
    await it.apply(await authority.secret("kv-tls", "second", hostsOf("kv")));
    await eventually("it shown by every server", { withinMs: NEW_CERTIFICATE_MS }, async () => {
      for (const { metadata } of pods) expect(await commonNameAt(metadata.name)).toBe("second");
    });
    expect(await it.podUids("kv")).toEqual(before);
    await it.ready("kv", 60_000);
  });

  test("restarts one by one without an election, and keeps its data", { timeout: 420_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("kv");
    await kubectl("-n", it.namespace, "annotate", "kvc/kv", "kvcluster.dev/restart=now", "--overwrite");
    await eventually("every pod another one", { withinMs: 360_000 }, async () => {
      const now = await it.podUids("kv");
      expect(now.filter((uid) => before.includes(uid))).toEqual([]);
    });
    await it.ready("kv", 120_000);
    for (const key of ["a", "b", "c", "d"]) expect(await redisCli("kv", "get", key)).toBe(`value of ${key}`);
  });

  test("is backed up, and restored into another one with TLS", { timeout: 420_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(
      JSON.stringify({
        apiVersion: "kvcluster.dev/v1alpha1",
        kind: "KVBackup",
        metadata: { name: "today" },
        spec: { clusterRef: { name: "kv" }, destination: { persistentVolumeClaim: { size: "256Mi" } } },
      }),
    );
    await eventually("it completed", { withinMs: 120_000 }, async () => {
      expect((await getObject(it.namespace, "kvb/today")).status?.phase).toBe("Completed");
    });
    await it.apply(await authority.secret("copy-tls", "copy", hostsOf("copy")));
    const bootstrap = { backupRef: { name: "today" } };
    await it.apply(
      clusterManifest("copy", { shards: 1, replicasPerShard: 0 }, { tls: { secretName: "copy-tls" }, bootstrap }),
    );
    await it.ready("copy", 240_000);
    for (const key of ["a", "b", "c", "d"]) expect(await redisCli("copy", "get", key)).toBe(`value of ${key}`);
    await mustRun("kubectl", ["-n", it.namespace, "delete", "kvc/kv", "--wait", "--timeout=120s"]);
  });

  test("is what another one without TLS is filled from", { timeout: 420_000 }, async () => {
    explainFailure(it.namespace);
    const externalSource = {
      addresses: ["copy-0-0.copy-nodes:6379"],
      passwordSecretRef: { name: "copy-connection" },
      tls: { caSecretRef: { name: "copy-tls" } },
    };
    await it.apply(clusterManifest("plain", { shards: 1, replicasPerShard: 0 }, { bootstrap: { externalSource } }));
    await it.ready("plain", 240_000);
    for (const key of ["a", "b", "c", "d"]) {
      expect((await it.redisCli("plain", ["get", key])).trim()).toBe(`value of ${key}`);
    }
    await mustRun("kubectl", ["-n", it.namespace, "delete", "kvc/copy", "kvc/plain", "--wait", "--timeout=120s"]);
  });

  test("cannot lose TLS", { timeout: 60_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("fixed", { shards: 1, replicasPerShard: 0 }, TLS));
    const patch = ["-n", it.namespace, "patch", "kvc/fixed", "--type", "merge", "-p", '{"spec":{"tls":null}}'];
    const { code, stderr } = await run("kubectl", patch);
    expect([code, stderr]).toEqual([1, expect.stringContaining("spec.tls cannot be added or removed after creation")]);
    await kubectl("-n", it.namespace, "delete", "kvc/fixed", "--wait", "--timeout=120s");
  });
});

describe("a primary with a replica and spec.tls", () => {
  test("fails over, and serves those who show a certificate", { timeout: 360_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(await authority.secret("group-tls", "group", hostsOf("group")));
    const tls = { secretName: "group-tls", authClients: "Required" };
    await it.apply(clusterManifest("group", { mode: "Replication", shards: 1, replicasPerShard: 1 }, { tls }));
    await it.ready("group", 180_000);
    expect(await redisCli("group", "set", "k", "v")).not.toBe("OK");
    const connect = (...words: string[]) => run(PLUGIN, ["connect", "group", "-n", it.namespace, "--", ...words]);
    expect((await connect("SET", "k", "v")).stdout).toBe("OK\n");
    await eventually("the replica has it", { withinMs: 30_000 }, async () => {
      expect((await connect("WAIT", "1", "5000")).stdout).toBe("1\n");
    });
    const { status } = await getObject<KVCluster>(it.namespace, "kvc/group");
    const primary = status?.shardStatus?.[0]?.primary ?? "";
    await kubectl("-n", it.namespace, "delete", "pod", primary, "--wait=false");
    await eventually("another primary", { withinMs: 60_000 }, async () => {
      const now = await getObject<KVCluster>(it.namespace, "kvc/group");
      expect(now.status?.shardStatus?.[0]?.primary).not.toBe(primary);
    });
    await it.ready("group", 120_000);
    expect((await connect("GET", "k")).stdout).toBe("v\n");
  });
});
