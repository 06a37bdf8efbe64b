/**
 * Slots move to and fro between two primaries with a replica each, while recorded writes go on, and moves are cut off at random
 * moments: cancelled, or their connection killed at either end. After each, every slot has one owner, and only it has the keys.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { expect } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { slotOf } from "../testing/cluster-client.ts";
import { ClusterScene, tagsInFirstSlots } from "../testing/cluster-scene.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import type { ServerProcess } from "../testing/server-process.ts";

/** Of those that redis-cli gives to the first of three, which keeps some. */
const LAST = 4000;
const TAGS = 60;
const FILLERS = 20_000;
/** A whole move takes about so long. */
const LONGEST_WAIT_MS = 600;

type Cut = (source: ReferenceClient, target: ReferenceClient) => Promise<unknown>;

const CUTS: readonly Cut[] = [
  (source) => source.send([["CLUSTER", "CANCELSLOTMIGRATIONS"]]),
  (_, target) => killLinks(target),
  (source) => killLinks(source),
  async () => undefined,
];

/** On the target, the connection of a source is listed as a replica's; ours at the source is no client of it. */
async function killLinks(node: ReferenceClient): Promise<void> {
  const [list] = await node.send([["CLIENT", "LIST"]]);
  for (const line of String(list).split("\n")) {
    const id = /^id=(\d+) .* cmd=cluster\|syncslots /.exec(line)?.[1];
    if (id !== undefined) await node.send([["CLIENT", "KILL", "ID", id]]);
  }
}

interface Move {
  readonly state: string;
  readonly operation: string;
}

async function latest(node: ReferenceClient): Promise<Move | undefined> {
  const [jobs] = await node.send([["CLUSTER", "GETSLOTMIGRATIONS"]]);
  const fields = ((jobs as RespValue[])[0] as RespValue[] | undefined)?.map(String);
  if (fields === undefined) return undefined;
  const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
  return { state: value("state"), operation: value("operation") };
}

const isOver = (move: Move | undefined): boolean => ["success", "failed", "cancelled"].includes(move?.state ?? "");

/** Gives how many moves came to their end. */
export async function interruptMoves(rounds: number, seed: number): Promise<number> {
  const random = createSeededRandom(seed);
  const scene = new ClusterScene(["ours"]);
  try {
    for (let n = 0; n < 6; n++) await scene.start();
    await scene.cli("create", ...scene.members.map(({ address }) => address), "--cluster-replicas", "1");
    await scene.check();
    const tags = tagsInFirstSlots(TAGS, 5460);
    const nodes: [ServerProcess, ServerProcess] = [await scene.ownerOf(0), await scene.ownerOf(16_383)];
    const stage = { scene, nodes, tags: tags.filter((tag) => slotOf(tag) <= LAST) };
    const lines = Array.from({ length: FILLERS }, (_, n) => `SET {${stage.tags[0]}}:filler:${n} ${"x".repeat(50)}`);
    await nodes[0].script(lines);
    await scene.write(tags);
    let finished = 0;
    for (let round = 0; round < rounds; round++) finished += (await moveOnce(stage, random)) ? 1 : 0;
    await scene.load.stop();
    await scene.load.verify();
    expect(scene.load.faults).toEqual([]);
    expect(await scene.keyCount()).toBe(scene.load.keyCount + FILLERS);
    expect(await scene.differingReplicas()).toEqual([]);
    return finished;
  } finally {
    await scene.stop();
  }
}

interface Stage {
  readonly scene: ClusterScene;
  readonly nodes: readonly ServerProcess[];
  /** In the slots that move. */
  readonly tags: readonly string[];
}

/** Whether the slots have moved. */
async function moveOnce({ scene, nodes, tags }: Stage, random: Random): Promise<boolean> {
  const source = await scene.ownerOf(0);
  const target = nodes.find((node) => node !== source) as ServerProcess;
  const [atSource, atTarget] = await Promise.all([source, target].map(({ port }) => ReferenceClient.connect(port)));
  if (atSource === undefined || atTarget === undefined) throw new Error("There are two");
  const words = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, LAST, "NODE", await target.id()];
  expect(await atSource.send([words])).toEqual(["OK"]);
  await new Promise((resolve) => setTimeout(resolve, random.below(LONGEST_WAIT_MS)));
  await (CUTS[random.below(CUTS.length)] as Cut)(atSource, atTarget);
  await eventually("the move is over at both ends", async () => {
    const ends = await Promise.all([latest(atSource), latest(atTarget)]);
    return ends.every(isOver) || (isOver(ends[0]) && ends[1] === undefined);
  });
  const isDone = (await latest(atSource))?.state === "success";
  const [owner, other] = isDone ? [target, atSource] : [source, atTarget];
  await eventually("all agree on the owner", async () => (await scene.ownerOf(0)) === owner);
  await eventually("only the owner has keys of these slots", async () => {
    const counts = await other.send(tags.map((tag) => ["CLUSTER", "COUNTKEYSINSLOT", slotOf(tag)]));
    return counts.every((count) => count === 0);
  });
  expect(scene.load.faults).toEqual([]);
  atSource.close();
  atTarget.close();
  return isDone;
}
