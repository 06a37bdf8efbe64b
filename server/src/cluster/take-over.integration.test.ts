/** examples/take-over-redis-cluster.sh on live clusters: every node of one kind is replaced by one of the other, under load. */

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { ClusterScene, tagsInFirstSlots } from "../testing/cluster-scene.ts";
import { hasRedisPy } from "../testing/redis-py-load.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import type { ServerKind, ServerProcess } from "../testing/server-process.ts";

const run = promisify(execFile);
const SCRIPT = path.join(import.meta.dirname, "../../../examples/take-over-redis-cluster.sh");
const PASSWORD = "secret of all";
const PRIMARIES = 3;
const SLOT_COUNT = 16_384;
/** An attempt of a failover is given up after this. */
const LONGEST_WAIT_MS = 5000;

let scene: ClusterScene;

beforeEach(() => {
  vi.stubEnv("REDISCLI_AUTH", PASSWORD);
});

afterEach(async () => {
  await scene.stop();
  vi.unstubAllEnvs();
});

interface Sides {
  readonly old: ServerProcess[];
  readonly fresh: ServerProcess[];
}

/** A cluster of three primaries, and replicas of the first, under load, and as many nodes of the other kind. */
async function clusterUnderLoad(from: ServerKind, to: ServerKind, replicas: number): Promise<Sides> {
  const count = PRIMARIES + replicas;
  scene = new ClusterScene([...Array(count).fill(from), ...Array(count).fill(to)], PASSWORD);
  for (let n = 0; n < 2 * count; n++) await scene.start();
  const fresh = scene.members.splice(count);
  const old = [...scene.members];
  await scene.cli("create", ...old.slice(0, PRIMARIES).map(({ address }) => address));
  for (const replica of old.slice(PRIMARIES)) {
    const options = ["--cluster-slave", "--cluster-master-id", await scene.seed.id()];
    await scene.cli("add-node", replica.address, scene.seed.address, ...options);
  }
  await scene.check();
  await scene.write(tagsInFirstSlots(60, SLOT_COUNT));
  if (hasRedisPy()) await scene.writeByRedisPy(tagsInFirstSlots(10, SLOT_COUNT));
  return { old, fresh };
}

async function takeOver(old: readonly ServerProcess[], fresh: readonly ServerProcess[]): Promise<string> {
  const pairs = old.map(({ address }, n) => `${address}=${fresh[n]?.address}`);
  return (await run(SCRIPT, pairs)).stdout;
}

/** After the takeover: nothing lost, nothing wrong, nobody left of those before. */
async function everythingIsThere({ old, fresh }: Sides): Promise<void> {
  const { load } = scene;
  const before = load.acknowledged;
  await eventually("writes go on", () => load.acknowledged > before + 100);
  await load.stop();
  const redisPy = await scene.endRedisPy();
  await load.verify();
  expect(load.faults).toEqual([]);
  expect(redisPy?.faults ?? []).toEqual([]);
  process.stdout.write(`${load.acknowledged} writes, the longest took ${Math.round(load.longestWaitMs)} ms\n`);
  expect(load.longestWaitMs).toBeLessThan(LONGEST_WAIT_MS);
  for (const node of old) {
    expect(await node.command("CLUSTER", "INFO")).toContain("cluster_known_nodes:1\r");
    expect(await node.command("DBSIZE")).toBe("0");
    await node.stop();
  }
  scene.members.splice(0, scene.members.length, ...fresh);
  expect(await scene.check()).toContain("[OK] All 16384 slots covered.");
  expect(await scene.primaries()).toHaveLength(PRIMARIES);
  expect(await scene.keyCount()).toBe(load.keyCount + (redisPy?.keys ?? 0));
  expect(await scene.differingReplicas()).toEqual([]);
}

describe.runIf(hasReferenceServer)("A live cluster is taken over node by node", { timeout: 60_000 }, () => {
  test("from redis-server by ours, without an error or a lost write", async () => {
    const sides = await clusterUnderLoad("redis-server", "ours", 1);
    const report = await takeOver(sides.old, sides.fresh);
    expect(report).toContain("[OK] All 16384 slots covered.");
    expect(report.match(/ leaves$/gm)).toHaveLength(PRIMARIES + 1);
    await everythingIsThere(sides);
  });

  test("from ours by redis-server, and a second run finds nothing to do", async () => {
    const sides = await clusterUnderLoad("ours", "redis-server", 0);
    await takeOver(sides.old.slice(0, 2), sides.fresh.slice(0, 2));
    const report = await takeOver(sides.old, sides.fresh);
    expect(report.match(/ has left already$/gm)).toHaveLength(2);
    expect(report.match(/ leaves$/gm)).toHaveLength(PRIMARIES - 2);
    await everythingIsThere(sides);
  });

  test("refused before anything is changed where a new node holds keys or a password is wrong", async () => {
    scene = new ClusterScene(["redis-server", "redis-server", "redis-server", "ours"], PASSWORD);
    for (let n = 0; n <= PRIMARIES; n++) await scene.start();
    const [fresh] = scene.members.splice(PRIMARIES) as [ServerProcess];
    await scene.cli("create", ...scene.members.map(({ address }) => address));
    await fresh.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await eventually("the new node is up", async () => (await fresh.command("SET", "key", "value")) === "OK");
    await expect(takeOver([scene.seed], [fresh])).rejects.toThrow(`${fresh.address} holds keys`);
    vi.stubEnv("REDISCLI_AUTH", "wrong");
    await expect(takeOver([scene.seed], [fresh])).rejects.toThrow("NOAUTH");
    vi.stubEnv("REDISCLI_AUTH", PASSWORD);
    expect(await scene.check()).toContain("[OK] All 16384 slots covered.");
    expect(await fresh.command("DBSIZE")).toBe("1");
  });
});
