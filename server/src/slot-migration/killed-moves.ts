/**
 * Slots move to and fro between two shards of a cluster of six, under writes that a replica acknowledges, and the primary that gives
 * them or the one that takes them is killed at a random moment of the move: it comes back at once, or when its replica has taken
 * over. After each, every slot has one owner that all know, only the nodes of its shard have keys of it, and nothing that was
 * acknowledged is lost. Nodes differ in what they keep on the disk, so some come back without their data.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { type FailoverOptions, FailoverStage, localPlaces } from "../cluster/failover-stage.ts";
import { eventually } from "../persistence/reference-redis.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { pause } from "../testing/acknowledged-writes.ts";
import { slotOf } from "../testing/cluster-client.ts";
import type { FleetNode } from "../testing/fleet.ts";
import { ReferenceClient } from "../testing/reference-server.ts";

/** Of the first shard, which keeps some, so that it does not become a replica of the other. */
const LAST = 5300;
const SLOTS = 16_384;
/** Between which the slots go to and fro. */
const [HOME, AWAY] = [0, 1];
const FILLERS = 20_000;
const FILLERS_AT_ONCE = 1000;
/** Longer than a whole move takes: some are through by then. */
const LONGEST_WAIT_MS = 1500;
const LONGEST_DEATH_MS = 500;
const LIMIT_MS = 60_000;

interface Tally {
  finished: number;
  givenUp: number;
}

/** Gives the figures; throws with what was lost. */
export async function killMovers({ seed, rounds, nodeTimeoutMs }: FailoverOptions): Promise<string> {
  const random = createSeededRandom(seed);
  const stage = new FailoverStage(await localPlaces(random, nodeTimeoutMs));
  const killed = { source: 0, target: 0 };
  const tally: Tally = { finished: 0, givenUp: 0 };
  return stage.play(async () => {
    const slots = [HOME, AWAY, 2].map((shard) => slotOf(stage.tagOf(shard)));
    if ((slots[HOME] as number) > LAST) throw new Error("What is written does not move");
    await fill(stage);
    for (let round = 1; round <= rounds; round++) {
      const victim = random.below(2) === 0 ? "source" : "target";
      await moveOnce({ stage, random, round, victim, tally });
      killed[victim]++;
      await expectOneOwner(stage, slots);
      await stage.load.verify(round);
      const fillers = Number(await (await ownerOf(stage, 0)).text("CLUSTER", "COUNTKEYSINSLOT", slots[HOME] as number));
      if (fillers < FILLERS) throw new Error(`${FILLERS - fillers} of ${FILLERS} keys are gone`);
    }
    await stage.verifyAll();
    const { acknowledged, accepted } = stage.load;
    return (
      `${rounds} moves, seed ${seed}, with ${killed.source} sources and ${killed.target} targets killed: ${tally.finished} went ` +
      `through, ${tally.givenUp} did not; ${acknowledged} writes acknowledged by a replica, ${accepted} without`
    );
  });
}

/** So many keys of one slot that its move takes a while. All are on a replica. */
async function fill(stage: FailoverStage): Promise<void> {
  const owner = await ownerOf(stage, 0);
  const client = await ReferenceClient.connect(owner.place.address.port);
  const value = "x".repeat(100);
  for (let n = 0; n < FILLERS; n += FILLERS_AT_ONCE) {
    const keys = Array.from({ length: FILLERS_AT_ONCE }, (_, k) => `{${stage.tagOf(HOME)}}:filler:${n + k}`);
    await client.send(keys.map((key) => ["SET", key, value]));
  }
  await client.send([["WAIT", 1, LIMIT_MS]]);
  client.close();
}

interface Round {
  readonly stage: FailoverStage;
  readonly random: Random;
  readonly round: number;
  readonly victim: "source" | "target";
  readonly tally: Tally;
}

async function moveOnce({ stage, random, round, victim, tally }: Round): Promise<void> {
  const { fleet, load } = stage;
  const source = await ownerOf(stage, 0);
  const [home, away] = [await fleet.primaryOfShard(HOME), await fleet.primaryOfShard(AWAY)];
  const target = source === home ? away : home;
  load.beginRound(round);
  await source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, LAST, "NODE", target.id);
  await pause(random.below(LONGEST_WAIT_MS));
  const node = victim === "source" ? source : target;
  await node.kill();
  if (random.below(2) === 0) await takenOver(stage, node);
  else await pause(random.below(LONGEST_DEATH_MS));
  await node.start();
  await fleet.isWhole();
  await eventually("no move is under way", () => isQuiet(fleet.nodes), LIMIT_MS);
  const hasMoved = shardOf(stage, await ownerOf(stage, 0)) !== shardOf(stage, source);
  if (hasMoved) tally.finished++;
  else tally.givenUp++;
}

/** The other node of its shard is the primary now. */
async function takenOver({ fleet }: FailoverStage, node: FleetNode): Promise<void> {
  const half = fleet.nodes.length / 2;
  const replica = fleet.nodes[(node.index + half) % fleet.nodes.length] as FleetNode;
  await eventually("the replica takes over", async () => (await replica.replication("role")) === "master", LIMIT_MS);
}

function shardOf({ fleet }: FailoverStage, node: FleetNode): number {
  return node.index % (fleet.nodes.length / 2);
}

async function isQuiet(nodes: readonly FleetNode[]): Promise<boolean> {
  for (const node of nodes) {
    const jobs = (await node.ask("CLUSTER", "GETSLOTMIGRATIONS")) as RespValue[];
    for (const job of jobs) {
      const fields = (job as RespValue[]).map(String);
      const state = fields[fields.indexOf("state") + 1] ?? "";
      if (!["success", "failed", "cancelled"].includes(state)) return false;
    }
  }
  return true;
}

/** First and last slot of each range that a node owns. */
function rangesIn(slots: string): (readonly [number, number])[] {
  const ranges = slots.split(" ").filter((range) => /^\d/.test(range));
  return ranges.map((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return [first, last] as const;
  });
}

async function ownerOf({ fleet }: FailoverStage, slot: number): Promise<FleetNode> {
  const views = await (fleet.nodes[0] as FleetNode).views();
  const owner = views.find(({ slots }) => rangesIn(slots).some(([first, last]) => first <= slot && slot <= last));
  if (owner === undefined) throw new Error(`Slot ${slot} has no owner`);
  return fleet.byId(owner.id);
}

/** By the account of every node; and of these slots, which have keys, no other shard has any. */
async function expectOneOwner(stage: FailoverStage, slots: readonly number[]): Promise<void> {
  const { fleet } = stage;
  for (const node of fleet.nodes) {
    const owners = new Uint8Array(SLOTS);
    for (const view of await node.views()) {
      for (const [first, last] of rangesIn(view.slots))
        for (let slot = first; slot <= last; slot++) owners[slot] = (owners[slot] ?? 0) + 1;
    }
    const odd = owners.findIndex((count) => count !== 1);
    if (odd >= 0) throw new Error(`Node ${node.index} knows ${owners[odd]} owners of slot ${odd}`);
  }
  for (const slot of slots) {
    const owner = shardOf(stage, await ownerOf(stage, slot));
    for (const node of fleet.nodes.filter((each) => shardOf(stage, each) !== owner)) {
      await eventually(
        `node ${node.index} has no keys of slot ${slot}, which is not its own`,
        async () => Number(await node.text("CLUSTER", "COUNTKEYSINSLOT", slot)) === 0,
      );
    }
  }
}
