// From the modes without a cluster to one, in place: what was written before and meanwhile is there, the Services stay, and shards that
// come get their slots. Keys that a cluster has no place for keep everything as it is.
import { describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import { kubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const LOAD_SECONDS = 120;
const BEFORE_MS = 5_000;
/** A save, a restart of both pods, and a load: 75 s were seen beside other work. */
const RESUMES_WITHIN_SECONDS = 100;
const it = scene("change-mode");

const upToDate = (name: string) =>
  kubectl(
    ...["-n", it.namespace, "get", `kvc/${name}`, "-o"],
    "jsonpath={.status.conditions[?(@.type=='UpToDate')].status} {.status.conditions[?(@.type=='UpToDate')].reason}",
  );

/** The first looks still see the mode of before, which serves. */
async function isCluster(name: string, pods: number): Promise<void> {
  await eventually(`${name} is a cluster`, { withinMs: 240_000 }, async () => {
    expect(await upToDate(name)).toBe("True Current");
    expect(await it.pods(name)).toHaveLength(pods);
    expect(await it.redisCli(name, ["CLUSTER", "INFO"])).toContain("cluster_state:ok");
  });
  await it.ready(name, 120_000);
}

const get = async (name: string, key: string) => (await it.redisCli(name, ["-c", "GET", key])).trim();

describe("a primary with a replica", () => {
  test("becomes a cluster under writes, none of which is lost, and then has more shards", async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("pair", { mode: "Replication", shards: 1, replicasPerShard: 1 }));
    await it.ready("pair", 90_000);
    const environment = { HOST: "pair-write", PASSWORD: await it.password("pair") };
    const running = it.python(clientScript("acknowledged.py"), environment, [`${LOAD_SECONDS}`]);
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
    await it.edit("pair", { mode: "Cluster", shards: 1 });
    const text = await running;
    process.stdout.write(text);
    const [confirmed = 0, gone = -1, longest = -1] = [...text.matchAll(/=([\d.]+)/g)].map(([, value]) => Number(value));
    expect(confirmed).toBeGreaterThan(100);
    expect(gone).toBe(0);
    expect(longest).toBeLessThan(RESUMES_WITHIN_SECONDS);
    await isCluster("pair", 2);
    await it.edit("pair", { shards: 3 });
    await isCluster("pair", 6);
    for (const number of [0, 1, 2, 50, 100]) expect(await get("pair", `write:${number}`)).toBe(`${number + 1}`);
  });
});

describe("one server alone", () => {
  test("becomes three shards with replicas, with its data", async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("alone", { mode: "Standalone", shards: 1, replicasPerShard: 0 }));
    await it.ready("alone", 60_000);
    const writes = Array.from({ length: 200 }, (_, number) => `SET key:${number} ${number}`);
    await it.redisCli("alone", [], `${writes.join("\n")}\n`);
    await it.edit("alone", { mode: "Cluster", shards: 3, replicasPerShard: 1 });
    await isCluster("alone", 6);
    for (const number of [0, 17, 93, 199]) expect(await get("alone", `key:${number}`)).toBe(`${number}`);
    expect(await kubectl("-n", it.namespace, "get", "service", "-o", "name")).toContain("alone-write");
  });

  test("stays what it is while keys are in other databases, and goes on once they are moved", async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("several", { mode: "Standalone", shards: 1, replicasPerShard: 0 }));
    await it.ready("several", 60_000);
    await it.redisCli("several", ["-n", "3", "SET", "elsewhere", "1"]);
    const before = await it.podUids("several");
    await it.edit("several", { mode: "Cluster", shards: 1 });
    await eventually("it says why", { withinMs: 30_000 }, async () => {
      expect(await upToDate("several")).toBe("False OtherDatabases");
    });
    expect(await it.podUids("several")).toEqual(before);
    await it.redisCli("several", ["-n", "3", "MOVE", "elsewhere", "0"]);
    await isCluster("several", 1);
    expect(await get("several", "elsewhere")).toBe("1");
  });
});

test("a cluster does not become anything else", async () => {
  await it.apply(clusterManifest("fixed", { shards: 1, replicasPerShard: 0 }));
  const change = it.edit("fixed", { mode: "Standalone" });
  await expect(change).rejects.toThrow(/spec\.mode cannot change from Cluster/);
});
