// Moving from redis-server 7.0.15 for good: its writers stop, a new KVCluster begins with what it holds, and the writers go on
// there. Once from a server alone, once from a cluster of three.
import { describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import { getObject, kubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, restrictedContainer, restrictedPod, scene } from "../harness/scene.ts";

const KEYS = 5000;
const WITHIN_MS = 180_000;
const TIMEOUT_MS = 400_000;
const PASSWORD = "of the old one";
const SECRET = "legacy-redis";
const MORE = { start: String(KEYS), count: "500" };

const it = scene("import");

/** The client image has redis-server as redis-check-rdb: by its name the program knows what it is to be. */
const AS_SERVER = 'import os, sys; os.execvp("redis-check-rdb", ["redis-server", *sys.argv[1:]])';

/** Starts one redis-server in a pod; gives the pod's address. */
async function startRedis(name: string, ...directives: readonly string[]): Promise<string> {
  const words = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--dir", "/data", "--save", "", ...directives];
  const container = {
    ...{ ...restrictedContainer(), name: "redis", command: ["python3", "-c", AS_SERVER, ...words] },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
  const spec = { ...restrictedPod(), containers: [container], volumes: [{ name: "data", emptyDir: {} }] };
  await it.apply(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec }));
  await kubectl("-n", it.namespace, "wait", `pod/${name}`, "--for=condition=Ready", "--timeout=60s");
  return await kubectl("-n", it.namespace, "get", `pod/${name}`, "-o", "jsonpath={.status.podIP}");
}

async function toRedis(host: string, ...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await it.client([
    "env",
    `REDISCLI_AUTH=${PASSWORD}`,
    "redis-cli",
    "-h",
    host,
    ...argv,
  ]);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

/** The application, as it was before. */
async function old(environment: Readonly<Record<string, string>>, ...argv: readonly string[]): Promise<string> {
  return await it.python(clientScript("keys.py"), { PASSWORD, ...environment }, argv);
}

async function bringOver(name: string, addresses: readonly string[]): Promise<void> {
  const stringData = { password: PASSWORD };
  await it.apply(JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: SECRET }, stringData }));
  const bootstrap = { externalSource: { addresses, passwordSecretRef: { name: SECRET, key: "password" } } };
  await it.apply(clusterManifest(name, {}, { bootstrap }));
  await it.ready(name, WITHIN_MS);
  const { status } = await getObject<KVCluster & { status?: { restore?: { keys?: number } } }>(
    it.namespace,
    `kvc/${name}`,
  );
  expect(status?.restore?.keys).toBe(KEYS);
}

/** What was there is there, and the application goes on: changes old keys, and writes new ones. */
async function goOn(name: string): Promise<void> {
  expect(await it.keys(name, "check", KEYS)).toBe(`${KEYS} keys as written\n`);
  const environment = { HOST: name, PASSWORD: await it.password(name) };
  expect(await it.python(clientScript("keys.py"), environment, ["write", MORE.count, MORE.start])).toBe(
    `${MORE.count} keys written\n`,
  );
  expect(await it.keys(name, "check", KEYS + Number(MORE.count))).toContain("keys as written");
}

describe("a redis-server 7.0.15", () => {
  test("alone is moved from: its writers stop, and go on in a cluster", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    const host = await startRedis("legacy");
    expect(await toRedis(host, "info", "server")).toContain("redis_version:7.0.15");
    expect(await old({ HOST: host, ALONE: "1" }, "write", `${KEYS}`)).toBe(`${KEYS} keys written\n`);
    await bringOver("alone", [`${host}:6379`]);
    await goOn("alone");
    expect(await toRedis(host, "dbsize"), "the old one is as it was").toBe(`${KEYS}`);
    await kubectl("-n", it.namespace, "delete", "kvc/alone", "--wait");
  });

  test("of a cluster of three as well, an address for each shard", { timeout: TIMEOUT_MS }, async () => {
    explainFailure(it.namespace);
    const hosts: string[] = [];
    for (const n of [0, 1, 2]) hosts.push(await startRedis(`legacy-${n}`, "--cluster-enabled", "yes"));
    const addresses = hosts.map((host) => `${host}:6379`);
    const [first = ""] = hosts;
    expect(await toRedis(first, "--cluster", "create", ...addresses, "--cluster-yes")).toContain(
      "[OK] All 16384 slots covered.",
    );
    await eventually("all three serve", { withinMs: 30_000 }, async () => {
      for (const host of hosts) expect(await toRedis(host, "cluster", "info")).toContain("cluster_state:ok");
    });
    expect(await old({ HOST: first }, "write", `${KEYS}`)).toBe(`${KEYS} keys written\n`);
    await bringOver("three", addresses);
    await goOn("three");
  });
});
