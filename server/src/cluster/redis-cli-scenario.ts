/**
 * The life of a cluster as `redis-cli --cluster` makes it, from create to import, as tests that follow each other on one
 * cluster. Clients write all the time; after each step `check` finds nothing wrong and no answer has been a wrong one.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { ClusterClient, slotOf } from "../testing/cluster-client.ts";
import { ClusterScene, tagsInFirstSlots } from "../testing/cluster-scene.ts";
import type { ServerKind, ServerProcess } from "../testing/server-process.ts";

export interface Scenario {
  readonly name: string;
  /** Of the nodes in turn: three primaries, three replicas, a primary and a replica that join later. */
  readonly kinds: readonly ServerKind[];
  /** Slots with keys, and how many of the first slots of each primary these are among. */
  readonly tags: number;
  readonly width: number;
  /** Of the primary that joins, beside 1 of each other: how much of the slots is moved to it and away again. */
  readonly weight: number;
  readonly reshardedSlots: number;
  readonly importedKeys: number;
  /** How many of the slots redis-py's cluster client writes to as well. */
  readonly tagsOfRedisPy: number;
  readonly timeoutMs: number;
}

const SHARDS = 3;

/** What the steps share. */
interface Story {
  readonly scenario: Scenario;
  readonly scene: ClusterScene;
  readonly tags: readonly string[];
  /** Keys beside those of the load. */
  extraKeys: number;
  /** The primary that joins and leaves again. */
  joined: ServerProcess | undefined;
}

interface Step {
  readonly title: string;
  run(story: Story): Promise<void>;
}

const STEPS: readonly Step[] = [
  { title: "add-node, then rebalance --cluster-use-empty-masters: the new primary gets its share", run: joinPrimary },
  { title: "add-node --cluster-slave: the new replica follows", run: joinReplica },
  { title: "reshard: slots go from one primary to another", run: reshard },
  { title: "fix: slots that were left open are closed, and the keys of each are in one place", run: fixOpenSlots },
  { title: "fix: slots that nobody owns any more are covered, by who has their keys", run: fixUncoveredSlots },
  { title: "import: the keys of a server alone (ours) move in", run: (story) => importFrom(story, "ours") },
  {
    title: "import: the keys of a server alone (redis-server) move in",
    run: (story) => importFrom(story, "redis-server"),
  },
  { title: "del-node: a primary that has given its slots away leaves, and a replica", run: leave },
  {
    title: "at the end every key has its value, no key is anywhere twice, and replicas hold the same",
    run: everythingIsThere,
  },
];

export function describeRedisCli(scenario: Scenario): void {
  const { name, kinds, tags, width, timeoutMs } = scenario;
  describe(`redis-cli --cluster on ${name}, under load`, { timeout: timeoutMs }, () => {
    const story: Story = {
      ...{ scenario, scene: new ClusterScene(kinds), tags: tagsInFirstSlots(tags, width) },
      ...{ extraKeys: 0, joined: undefined },
    };
    const { scene } = story;
    let hasFailed = false;

    beforeAll(() => create(story), timeoutMs);

    // Each step goes on where the one before has ended.
    beforeEach(({ skip }) => skip(hasFailed, "an earlier step has failed"));

    afterEach(async ({ task }) => {
      hasFailed ||= task.result?.state === "fail";
      if (hasFailed) return;
      hasFailed = true;
      const report = await scene.check();
      expect(report).toContain("[OK] All nodes agree about slots configuration.");
      expect(report).toContain("[OK] All 16384 slots covered.");
      expect(scene.load.faults).toEqual([]);
      hasFailed = false;
    }, timeoutMs);

    afterAll(() => scene.stop());

    for (const { title, run } of STEPS) test(title, () => run(story));
  });
}

async function create({ scenario, scene, tags }: Story): Promise<void> {
  for (let n = 0; n < 2 * SHARDS; n++) await scene.start();
  const addresses = scene.members.map(({ address }) => address);
  const report = await scene.cli("create", ...addresses, "--cluster-replicas", "1");
  expect(report).toContain("[OK] All 16384 slots covered.");
  await scene.check();
  await scene.write(tags);
  if (scenario.tagsOfRedisPy > 0) await scene.writeByRedisPy(tags.slice(0, scenario.tagsOfRedisPy));
}

async function joinPrimary(story: Story): Promise<void> {
  const { scene } = story;
  const joined = await scene.start();
  story.joined = joined;
  await scene.cli("add-node", joined.address, scene.seed.address);
  await scene.check();
  const weight = `${await joined.id()}=${story.scenario.weight}`;
  const options = ["--cluster-use-empty-masters", "--cluster-weight", weight];
  await scene.cli("rebalance", scene.seed.address, ...options);
  expect(await joined.command("CLUSTER", "INFO")).toContain(`cluster_size:${SHARDS + 1}`);
  expect(Number(await joined.command("DBSIZE"))).toBeGreaterThan(0);
}

async function joinReplica(story: Story): Promise<void> {
  const { scene } = story;
  const joined = story.joined as ServerProcess;
  const replica = await scene.start();
  const options = ["--cluster-slave", "--cluster-master-id", await joined.id()];
  await scene.cli("add-node", replica.address, scene.seed.address, ...options);
  await eventually("it follows", async () =>
    (await replica.command("INFO", "replication")).includes("master_link_status:up"),
  );
  expect((await replica.command("ROLE")).split("\n").slice(0, 3)).toEqual(["slave", "127.0.0.1", String(joined.port)]);
}

async function reshard(story: Story): Promise<void> {
  const { scene } = story;
  const [from, to] = (await scene.primaries()) as [ServerProcess, ServerProcess];
  const options = ["--cluster-from", await from.id(), "--cluster-to", await to.id()];
  const [before, moved] = [await slotCount(to), story.scenario.reshardedSlots];
  await scene.cli("reshard", scene.seed.address, ...options, "--cluster-slots", String(moved));
  await eventually("it owns them", async () => (await slotCount(to)) === before + moved);
}

async function fixOpenSlots(story: Story): Promise<void> {
  const { scene } = story;
  // Nobody writes to these: redis-cli closes a slot before it moves the keys, and who writes then begins a key anew.
  const client = new ClusterClient(scene.seed.port);
  const names = ["half", "leaving", "coming"].flatMap((tag) => Array.from({ length: 9 }, (_, n) => `${n}{${tag}}`));
  for (const name of names) await client.send("SET", name, `value of ${name}`);
  const [half, leaving, coming] = ["half", "leaving", "coming"].map(slotOf) as Slots;
  await openSlot(scene, half, { isLeaving: true, isComing: true, movedKeys: 4 });
  await openSlot(scene, leaving, { isLeaving: true, isComing: false, movedKeys: 0 });
  const importer = await openSlot(scene, coming, { isLeaving: false, isComing: true, movedKeys: 0 });
  await importer.setImported("stray{coming}", "value of stray{coming}");
  names.push("stray{coming}");
  const report = await scene.cli("check", scene.seed.address).catch(({ message }: Error) => message);
  const open = /The following slots are open: ([\d,]+)\./.exec(report)?.[1]?.split(",").map(Number) ?? [];
  expect(open.sort()).toEqual([half, leaving, coming].sort());
  await scene.cli("fix", scene.seed.address);
  for (const name of names) expect(String(await client.send("GET", name))).toBe(`value of ${name}`);
  client.close();
  story.extraKeys += names.length;
}

async function fixUncoveredSlots(story: Story): Promise<void> {
  const { scene } = story;
  for (const tag of story.tags.slice(0, 2)) await scene.uncover(slotOf(tag));
  const report = await scene.cli("check", scene.seed.address).catch(({ message }: Error) => message);
  expect(report).toContain("[ERR] Not all 16384 slots are covered by nodes.");
  await scene.cli("fix", scene.seed.address);
}

async function importFrom(story: Story, kind: ServerKind): Promise<void> {
  const { scene } = story;
  const source = await scene.startAlone(kind);
  const names = Array.from({ length: story.scenario.importedKeys }, (_, n) => `import:${kind}:${n}`);
  await source.script(names.map((name, n) => (MAKERS[n % MAKERS.length] as Maker)(name)));
  const digests = await source.command("DEBUG", "DIGEST-VALUE", ...names);
  await scene.cli("import", scene.seed.address, "--cluster-from", source.address);
  expect(await source.command("DBSIZE")).toBe("0");
  expect((await scene.digestsOf(names)).join("\n")).toBe(digests);
  story.extraKeys += names.length;
}

async function leave(story: Story): Promise<void> {
  const { scene } = story;
  const joined = story.joined as ServerProcess;
  const seed = scene.seed.address;
  // All to one: after the last slot the primary becomes a replica, which a rebalance that goes on takes for an error.
  const options = ["--cluster-from", await joined.id(), "--cluster-to", await scene.seed.id()];
  await scene.cli("reshard", seed, ...options, "--cluster-slots", String(await slotCount(joined)));
  await scene.check();
  const replica = scene.members.at(-1) as ServerProcess;
  for (const node of [replica, joined]) {
    await scene.cli("del-node", seed, await idOf(node));
    scene.members.splice(scene.members.indexOf(node), 1);
    expect(await node.command("CLUSTER", "INFO")).toContain("cluster_known_nodes:1\r");
  }
}

/** A redis-server that has become a replica says nothing but LOADING until it has the data. */
async function idOf(node: ServerProcess): Promise<string> {
  let id = "";
  await eventually("the node tells its id", async () => {
    id = await node.id();
    return /^[0-9a-f]{40}$/.test(id);
  });
  return id;
}

async function everythingIsThere(story: Story): Promise<void> {
  const { scene } = story;
  await scene.load.stop();
  await scene.load.verify();
  expect(scene.load.faults).toEqual([]);
  const redisPy = await scene.endRedisPy();
  if (story.scenario.tagsOfRedisPy > 0) expect(redisPy?.acknowledged).toBeGreaterThan(0);
  expect(redisPy?.faults ?? []).toEqual([]);
  expect(scene.load.detours("ASK")).toBeGreaterThan(0);
  expect(await scene.keyCount()).toBe(scene.load.keyCount + (redisPy?.keys ?? 0) + story.extraKeys);
  expect(await scene.differingReplicas()).toEqual([]);
}

type Slots = [number, number, number];
type Maker = (name: string) => string;

const MAKERS: readonly Maker[] = [
  (name) => `SET ${name} text EX 10000`,
  (name) => `RPUSH ${name} a b c`,
  (name) => `HSET ${name} field value`,
  (name) => `ZADD ${name} 1.5 member`,
  (name) => `XADD ${name} 1-1 field value`,
  (name) => `SADD ${name} 1 2 member`,
];

interface Opening {
  readonly isLeaving: boolean;
  readonly isComing: boolean;
  readonly movedKeys: number;
}

/** Leaves a slot as a reshard does that stops in the middle; gives the node that the slot was to go to. */
async function openSlot(scene: ClusterScene, slot: number, opening: Opening): Promise<ServerProcess> {
  const from = await scene.ownerOf(slot);
  const to = (await scene.primaries()).find((node) => node !== from) as ServerProcess;
  const set = ["CLUSTER", "SETSLOT", String(slot)];
  if (opening.isComing) await to.command(...set, "IMPORTING", await from.id());
  if (opening.isLeaving) await from.command(...set, "MIGRATING", await to.id());
  if (opening.movedKeys > 0) {
    const keys = await from.command("CLUSTER", "GETKEYSINSLOT", String(slot), String(opening.movedKeys));
    const way = ["127.0.0.1", String(to.port), "", "0", "5000", "KEYS"];
    expect(await from.command("MIGRATE", ...way, ...keys.split("\n"))).toBe("OK");
  }
  return to;
}

async function slotCount(node: ServerProcess): Promise<number> {
  const own = (await node.command("CLUSTER", "NODES")).split("\n").find((line) => line.includes("myself")) ?? "";
  const ranges = own
    .split(" ")
    .slice(8)
    .map((range) => range.split("-").map(Number));
  return ranges.reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}
