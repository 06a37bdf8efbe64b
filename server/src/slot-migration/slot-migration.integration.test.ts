/** Slots move as a whole between real servers, under load, and where they cannot, nothing has happened. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { slotOf } from "../testing/cluster-client.ts";
import { ClusterScene, tagsInFirstSlots } from "../testing/cluster-scene.ts";
import { RawClient } from "../testing/raw-client.ts";
import type { ServerProcess } from "../testing/server-process.ts";

const TIMEOUT_MS = 60_000;
/** Of the first primary, as redis-cli gives them out among three. */
const MOVED: readonly [number, number] = [0, 2730];
const BIG_FIELDS = 100_000;
const FILLERS = 20_000;

const scene = new ClusterScene(["ours"]);
const tags = tagsInFirstSlots(40, 5400);
const bigTag = tags.find((tag) => slotOf(tag) <= MOVED[1]) as string;

beforeAll(async () => {
  for (let n = 0; n < 6; n++) await scene.start();
  const addresses = scene.members.map(({ address }) => address);
  await scene.cli("create", ...addresses, "--cluster-replicas", "1");
  await scene.check();
  const source = await scene.ownerOf(0);
  const fields = Array.from({ length: BIG_FIELDS / 100 }, (_, n) => {
    const pairs = Array.from({ length: 100 }, (_, i) => `f${n * 100 + i} v${n}`).join(" ");
    return `HSET {${bigTag}}:big ${pairs}`;
  });
  const fillers = Array.from({ length: FILLERS }, (_, n) => `SET {${bigTag}}:filler:${n} ${"x".repeat(50)}`);
  await source.script([...fields, ...fillers, `SET {${bigTag}}:lasting v EX 1000`]);
  await scene.write(tags);
}, TIMEOUT_MS);

afterAll(() => scene.stop());

async function migrations(node: ServerProcess): Promise<Record<string, string | number>[]> {
  return JSON.parse(await node.command("-3", "--json", "CLUSTER", "GETSLOTMIGRATIONS"));
}

async function move(source: ServerProcess, target: ServerProcess, range: readonly [number, number]): Promise<string> {
  const words = ["SLOTSRANGE", String(range[0]), String(range[1]), "NODE", await target.id()];
  return source.command("CLUSTER", "MIGRATESLOTS", ...words);
}

async function ended(node: ServerProcess): Promise<Record<string, string | number>> {
  let last: Record<string, string | number> = {};
  await eventually("the move is over", async () => {
    last = (await migrations(node))[0] ?? {};
    return ["success", "failed", "cancelled"].includes(String(last.state));
  });
  return last;
}

async function replicaOf(primary: ServerProcess): Promise<ServerProcess> {
  for (const node of scene.members) {
    const [role, , port] = (await node.command("ROLE")).split("\n");
    if (role === "slave" && Number(port) === primary.port) return node;
  }
  throw new Error("It has no replica");
}

const keysIn = async (node: ServerProcess, slot: number): Promise<number> =>
  Number(await node.command("CLUSTER", "COUNTKEYSINSLOT", String(slot)));

describe("a move of slots between two primaries", { timeout: TIMEOUT_MS }, () => {
  test("that is cancelled leaves everything where it was", async () => {
    const [source, target] = [await scene.ownerOf(0), await scene.ownerOf(16_383)];
    expect(await move(source, target, MOVED)).toBe("OK");
    expect(await source.command("CLUSTER", "CANCELSLOTMIGRATIONS")).toBe("OK");
    expect((await ended(source)).state).toBe("cancelled");
    await eventually("the target has nothing of it", async () => (await keysIn(target, slotOf(bigTag))) === 0);
    expect(await source.command("CLUSTER", "CANCELSLOTMIGRATIONS")).toBe("ERR No migrations ongoing");
    expect(await scene.ownerOf(0)).toBe(source);
  });

  test("takes all keys along while they are written, and tells clients of it once", async () => {
    const [source, target] = [await scene.ownerOf(0), await scene.ownerOf(16_383)];
    const [before] = await scene.digestsOf([`{${bigTag}}:big`]);
    const { load } = scene;
    const movedBefore = load.detours("MOVED");
    expect(await move(source, target, MOVED)).toBe("OK");
    const job = await ended(source);
    expect(job).toMatchObject({ state: "success", operation: "EXPORT", slot_ranges: "0-2730", message: "" });
    expect((await migrations(target))[0]).toMatchObject({ name: job.name, operation: "IMPORT", state: "success" });
    expect(await scene.check()).toContain("[OK] All 16384 slots covered.");
    expect(await scene.ownerOf(0)).toBe(target);
    const told = /messages_update_sent:(\d+)/.exec(await source.command("CLUSTER", "INFO"))?.[1];
    expect(Number(told), "the source tells the other four").toBeGreaterThanOrEqual(4);
    await eventually("clients have noticed", () => load.detours("MOVED") > movedBefore);
    expect(load.faults).toEqual([]);
    expect((["ASK", "TRYAGAIN", "CLUSTERDOWN"] as const).map((word) => load.detours(word))).toEqual([0, 0, 0]);
    expect(await scene.digestsOf([`{${bigTag}}:big`])).toEqual([before]);
    expect(Number(await target.command("TTL", `{${bigTag}}:lasting`))).toBeGreaterThan(900);
    await eventually("the source has deleted its copies", async () => (await keysIn(source, slotOf(bigTag))) === 0);
  });

  test("leaves replicas with what their primaries hold, and every value as it was written", async () => {
    await scene.load.stop();
    await scene.load.verify();
    expect(scene.load.faults).toEqual([]);
    expect(await scene.differingReplicas()).toEqual([]);
  });

  test("ends with the target: the replica that takes its place deletes what had come", async () => {
    const target = await scene.ownerOf(16_383);
    const replica = await replicaOf(target);
    const client = await RawClient.connect(target.port);
    const slot = String(slotOf("{b5}"));
    const words = ["SOURCE", await (await scene.ownerOf(Number(slot))).id(), "NAME", "d".repeat(40)];
    expect(Number(slot)).toBeGreaterThan(MOVED[1]);
    expect(await client.text("CLUSTER", "SYNCSLOTS", "ESTABLISH", ...words, "SLOTSRANGE", slot, slot)).toBe("+OK\r\n");
    client.write(encodeCommand(["CLUSTER", "SYNCSLOTS", "ACK"]));
    for (let n = 0; n < 1000; n++) client.write(encodeCommand(["SET", `{b5}:${n}`, n]));
    await eventually("the replica has the copies", async () => (await keysIn(replica, Number(slot))) === 1000);
    expect((await migrations(replica))[0]).toMatchObject({ state: "occurring-on-primary", operation: "IMPORT" });
    await target.stop();
    client.close();
    await eventually("the replica is the primary", async () => (await replica.command("ROLE")).startsWith("master"));
    await eventually("it has deleted the copies", async () => (await keysIn(replica, Number(slot))) === 0);
    expect((await migrations(replica))[0]).toMatchObject({ state: "failed" });
    // The slot can come to it again.
    const source = await scene.ownerOf(Number(slot));
    expect(await move(source, replica, [Number(slot), Number(slot)])).toBe("OK");
    expect(await ended(source)).toMatchObject({ state: "success" });
  });
});
