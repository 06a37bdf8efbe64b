/** Replies and the append-only file: none leaves before the file has what it acknowledges, and none waits for ever. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { expect, test } from "vitest";
import { ChildServer } from "../../testing/child-server.ts";
import { FaultyDiskScene } from "../../testing/faulty-disk-scene.ts";
import { RawClient } from "../../testing/raw-client.ts";
import type { ReferenceClient } from "../../testing/reference-server.ts";
import { eventually } from "../reference-redis.ts";

/** More than replies gather before they are sent in the middle of a pipeline. */
const LARGE_BYTES = 2 << 20;
const ANSWER_MS = 2000;
const WRITERS = 20;
const ROUNDS = 3;
const ROUND_MS = 50;
const POLICIES = ["always", "everysec", "no"];

const scene = FaultyDiskScene.create();
const { opened } = scene;
const connect = (port: number): Promise<ReferenceClient> => scene.connect(port);

function start(...directives: readonly string[]): Promise<{ server: ChildServer; port: number }> {
  const own = ["--save", "", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
  return scene.start(...own, ...directives);
}

const appendOnly = (policy: string): string[] => ["--appendonly", "yes", "--appendfsync", policy];
const turn = (value: "yes" | "no"): string[] => ["CONFIG", "SET", "appendonly", value];

test.each(POLICIES)(
  "under %s what a reply in the middle of a large pipeline has acknowledged is there",
  async (policy) => {
    const { server, port } = await start(...appendOnly(policy));
    const client = await connect(port);
    await client.send([["SETRANGE", "large", String(LARGE_BYTES), "x"]]);
    const raw = await RawClient.connect(port);
    opened.push(() => raw.close());
    raw.write("SET a 1\r\nGET large\r\nDEBUG SLEEP 20\r\n");
    // Where syncs are not quick the answer waits for as long as the server stands still.
    const isAnswered = raw.until("+OK\r\n").then(() => true);
    const isLate = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ANSWER_MS));
    const isAcknowledged = await Promise.race([isAnswered.catch(() => false), isLate]);
    expect(isAcknowledged || policy === "always").toBe(true);
    await server.kill();
    const again = await start(...appendOnly(policy));
    const [found] = await (await connect(again.port)).send([["GET", "a"]]);
    if (isAcknowledged) expect(String(found)).toBe("1");
  },
);

test.each([
  ["always", "sync slow"],
  ["everysec", "write slow"],
  ["no", "write slow"],
])("under %s with %s all are answered though the file is turned off, on and off meanwhile", async (policy, fault) => {
  const { port } = await start(...appendOnly(policy));
  const clients = await Promise.all(Array.from({ length: ROUNDS * WRITERS }, () => connect(port)));
  const admin = await connect(port);
  scene.disk.setFault(fault);
  const answers: Promise<RespValue[]>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const writers = clients.splice(0, WRITERS);
    answers.push(...writers.map((client) => client.send([["INCR", "counter"], ["PING"]])));
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    if (round === 1) answers.push(admin.send([turn("no"), turn("yes"), turn("no")]));
  }
  const replies = (await Promise.all(answers)).flat();
  expect(replies.filter((reply) => reply === "PONG").length).toBe(ROUNDS * WRITERS);
});

test("turned off and on while writes fail, the file is whole again once the disk is", async () => {
  const { server, port } = await start(...appendOnly("always"));
  const client = await connect(port);
  await client.send([["SET", "before", "1"]]);
  scene.disk.setFault("write fails");
  void (await connect(port)).send([["SET", "meanwhile", "1"]]).catch(() => undefined);
  await client.send([turn("no"), turn("yes")]);
  scene.disk.setFault("");
  const info = async (): Promise<string> => String((await client.send([["INFO", "persistence"]]))[0]);
  await eventually("a base", async () => /aof_enabled:1\r\naof_rewrite_in_progress:0/.test(await info()));
  await eventually("a write on the disk", async () => {
    const [set, counts] = await client.send([
      ["SET", "after", "1"],
      ["WAITAOF", "1", "0", "100"],
    ]);
    return set === "OK" && (counts as RespValue[])[0] === 1;
  });
  await server.kill();
  const again = await connect((await start(...appendOnly("always"))).port);
  const values = await again.send([["MGET", "before", "meanwhile", "after"]]);
  expect((values[0] as RespValue[]).map(String)).toEqual(["1", "1", "1"]);
});

test("while the first base is written, WAIT counts the copies of replicas, and nobody is held", async () => {
  const { port } = await start("--appendonly", "no");
  const client = await connect(port);
  const copy = mkdtempSync(path.join(tmpdir(), "kv-acknowledged-copy-"));
  const replica = new ChildServer(copy, ["--save", "", "--replicaof", `127.0.0.1 ${port}`]);
  opened.push(async () => {
    await replica.kill();
    rmSync(copy, { recursive: true, force: true });
  });
  await replica.ready();
  await eventually("a replica", async () =>
    /state=online/.test(String((await client.send([["INFO", "replication"]]))[0])),
  );
  scene.disk.setFault("rewrite hangs");
  const replies = await client.send([turn("yes"), ["SET", "k", "v"], ["WAIT", "1", "5000"]]);
  expect(replies).toEqual(["OK", "OK", 1]);
});
