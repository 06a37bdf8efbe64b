// A declared user as an application meets it: it logs in, does what it may, and takes a new password from its Secret while
// nobody restarts. And a cluster whose first spec has a mistake: it says so, and starts when that is mended.
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { conditionOf, getObject, listObjects } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, scene } from "../harness/scene.ts";

/** The operator looks at Secrets of others once in each pass, which is every 30 s. */
const TAKEN_ON_MS = 60_000;
const it = scene("users");

const secret = (password: string) =>
  JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "reader" }, stringData: { password } });
const reader = { name: "reader", rules: ["~app:*", "+@read", "+cluster"], passwordSecretRefs: [{ name: "reader" }] };

/** What redis-cli prints for that user. */
async function as(password: string, ...words: readonly string[]): Promise<string> {
  const environment = ["env", `REDISCLI_AUTH=${password}`];
  const said = await it.client([
    ...environment,
    "redis-cli",
    "--no-auth-warning",
    "-c",
    "-h",
    "kv",
    "--user",
    "reader",
    ...words,
  ]);
  return `${said.stdout}${said.stderr}`.trim();
}

beforeAll(async () => {
  await it.apply(secret("first"));
  await it.apply(clusterManifest("kv", { replicasPerShard: 0 }, { auth: { users: [reader] } }));
  await it.ready("kv", 180_000);
});

describe("a user of spec.auth.users", () => {
  test("logs in on every server, may what its rules say and nothing else", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    await eventually("all servers have the user", { withinMs: TAKEN_ON_MS }, async () => {
      expect(conditionOf(await getObject<KVCluster>(it.namespace, "kvc/kv"), "UsersApplied")).toBe("True");
    });
    const keys = ["app:a", "app:b", "app:c", "app:d", "app:e", "app:f"];
    for (const key of keys) await it.redisCli("kv", ["-c", "set", key, `value of ${key}`]);
    for (const key of keys) expect(await as("first", "get", key)).toBe(`value of ${key}`);
    expect(await as("first", "set", "app:a", "other")).toMatch(/^NOPERM .*'set' command/);
    expect(await as("first", "get", "secret:a")).toMatch(/^NOPERM .*keys/);
    expect(await as("first", "config", "get", "requirepass")).toMatch(/^NOPERM /);
    expect(await as("wrong", "get", "app:a")).toContain("WRONGPASS");
  });

  test("has a new password when its Secret has, and no pod restarts", { timeout: 180_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("kv");
    await it.apply(secret("second"));
    await eventually("the new password on every server", { withinMs: TAKEN_ON_MS }, async () => {
      for (const key of ["app:a", "app:b", "app:c"]) expect(await as("second", "get", key)).toBe(`value of ${key}`);
      expect(await as("first", "get", "app:a")).toContain("WRONGPASS");
    });
    expect(await it.podUids("kv")).toEqual(before);
  });
});

describe("a new cluster with a mistake in spec.config", () => {
  test("starts nothing and says why, until it is mended", { timeout: 240_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("typo", { shards: 1, replicasPerShard: 0 }, { config: { databases: "few" } }));
    await eventually("the mistake told of", { withinMs: 30_000 }, async () => {
      const cluster = await getObject<KVCluster>(it.namespace, "kvc/typo");
      const said = cluster.status?.conditions?.find(({ type }) => type === "ConfigApplied");
      expect([said?.status, said?.reason]).toEqual(["False", "ConfigRefused"]);
      expect(said?.message).toContain("databases (argument couldn't be parsed into an integer)");
    });
    expect(await it.pods("typo")).toEqual([]);
    expect(await listObjects(it.namespace, "statefulsets", "kvcluster.dev/cluster=typo")).toEqual([]);
    await it.edit("typo", { config: { databases: "4" } });
    await it.ready("typo", 120_000);
  });
});
