/**
 * Half of all slots move, with half of CALLS keys and a hash of a million fields, while others write to them. Prints how long
 * requests took before and meanwhile.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { ClusterClient, slotOf } from "../testing/cluster-client.ts";
import { ClusterScene, tagsInFirstSlots } from "../testing/cluster-scene.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import type { ServerProcess } from "../testing/server-process.ts";

const KEYS = Number(process.env.CALLS ?? 2_000_000);
const FIELDS = KEYS / 2;
const BATCH = 1000;
const LAST_MOVED = 8191;
const PROBE_MS = 5000;
const POLL_MS = 50;
/** Of the load: each has keys in each slot, and is told once for each that it has moved. */
const WRITERS = 4;
const TIMEOUT_MS = 30 * 60_000;

const scene = new ClusterScene(["ours"]);
const tags = tagsInFirstSlots(30, 5400).filter((tag) => slotOf(tag) <= LAST_MOVED);
const bigKey = `{${tags[0]}}:big`;
let source: ServerProcess;
let target: ServerProcess;

beforeAll(async () => {
  source = await scene.start();
  target = await scene.start();
  await source.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await source.command("CLUSTER", "MEET", "127.0.0.1", String(target.port));
  await eventually("the nodes agree", async () => {
    const infos = await Promise.all([source, target].map((node) => node.command("CLUSTER", "INFO")));
    return infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_slots_assigned:16384"));
  });
  const client = await ReferenceClient.connect(source.port);
  for (let n = 0; n < KEYS; n += BATCH) {
    await client.send(Array.from({ length: BATCH }, (_, i) => ["SET", `key:${n + i}`, `value ${n + i}`]));
  }
  for (let n = 0; n < FIELDS; n += BATCH) {
    const pairs = Array.from({ length: BATCH }, (_, i) => [`field ${n + i}`, `${n + i}`]).flat();
    await client.send([["HSET", bigKey, ...pairs]]);
  }
  client.close();
  await scene.write(tags);
}, TIMEOUT_MS);

afterAll(() => scene.stop());

/** Milliseconds that each request of one client took until `isOver`, in ascending order. */
async function latencies(isOver: () => boolean): Promise<number[]> {
  const client = new ClusterClient(source.port);
  const taken: number[] = [];
  for (let n = 0; !isOver(); n++) {
    const start = performance.now();
    const reply = await client.send("SET", `{${tags[n % tags.length]}}:probe`, n);
    taken.push(performance.now() - start);
    expect(reply).toBe("OK");
  }
  client.close();
  return taken.sort((a, b) => a - b);
}

const percentile = (sorted: readonly number[], part: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2);

const described = (sorted: readonly number[]): string =>
  `${sorted.length} requests: median ${percentile(sorted, 0.5)} ms, p99 ${percentile(sorted, 0.99)}, longest ${percentile(sorted, 1)}`;

test(`half of the slots of ${KEYS} keys move under load`, { timeout: TIMEOUT_MS }, async () => {
  const untilMs = Date.now() + PROBE_MS;
  const before = await latencies(() => Date.now() >= untilMs);
  const control = await ReferenceClient.connect(source.port);
  const startMs = Date.now();
  const request = ["SLOTSRANGE", 0, LAST_MOVED, "NODE", await target.id()];
  expect(await control.send([["CLUSTER", "MIGRATESLOTS", ...request]])).toEqual(["OK"]);
  let state = "";
  const during = latencies(() => state === "success" || state === "failed");
  while (state !== "success" && state !== "failed") {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const [jobs] = await control.send([["CLUSTER", "GETSLOTMIGRATIONS"]]);
    state = stateOf(jobs);
  }
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`before: ${described(before)}\nduring ${seconds} s: ${described(await during)}\n`);
  control.close();
  expect(state).toBe("success");
  await scene.load.stop();
  await scene.load.verify();
  expect(scene.load.faults).toEqual([]);
  expect((["ASK", "TRYAGAIN", "CLUSTERDOWN"] as const).map((word) => scene.load.detours(word))).toEqual([0, 0, 0]);
  expect(scene.load.detours("MOVED")).toBeLessThanOrEqual(tags.length * WRITERS);
  expect(await target.command("HLEN", bigKey)).toBe(`${FIELDS}`);
  await everyKeyIsThere();
});

/** Of the latest move. */
function stateOf(jobs: RespValue | undefined): string {
  const fields = ((jobs as RespValue[])[0] as RespValue[]).map(String);
  return fields[fields.indexOf("state") + 1] ?? "";
}

async function everyKeyIsThere(): Promise<void> {
  const clients = await Promise.all([source, target].map((node) => ReferenceClient.connect(node.port)));
  for (let n = 0; n < KEYS; n += BATCH) {
    const wanted: [string[], string[]] = [[], []];
    for (let i = n; i < n + BATCH; i++) wanted[slotOf(`key:${i}`) <= LAST_MOVED ? 1 : 0].push(`key:${i}`);
    for (const [which, keys] of wanted.entries()) {
      const replies = await (clients[which] as ReferenceClient).send(keys.map((key) => ["GET", key]));
      expect(replies.map(String)).toEqual(keys.map((key) => `value ${key.slice(4)}`));
    }
  }
  for (const client of clients) client.close();
}
