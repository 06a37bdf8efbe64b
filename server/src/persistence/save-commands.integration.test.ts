/** SAVE, BGSAVE and BGREWRITEAOF on the wire, beside redis-server, while something of the kind is under way that does not end. */

import { expect, test, vi } from "vitest";
import { FaultyDiskScene } from "../testing/faulty-disk-scene.ts";
import type { ReferenceClient } from "../testing/reference-server.ts";
import { eventually, ReferenceRedis } from "./reference-redis.ts";

/** Each test starts several processes. */
vi.setConfig({ testTimeout: 60_000 });

const scene = FaultyDiskScene.create();

const AOF = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
const FIELDS = /^(rdb_bgsave_in_progress|aof_rewrite_in_progress|aof_rewrite_scheduled|rdb_last_bgsave_status):.*$/gm;

class Pair {
  readonly ours: ReferenceClient;
  readonly theirs: ReferenceClient;

  private constructor(ours: ReferenceClient, theirs: ReferenceClient) {
    this.ours = ours;
    this.theirs = theirs;
  }

  static async start(): Promise<Pair> {
    const { port } = await scene.start(...AOF, "--save", "", "--enable-debug-command", "yes");
    const reference = await ReferenceRedis.start(AOF);
    scene.opened.push(() => reference.stop());
    const pair = new Pair(await scene.connect(port), await scene.connect(reference.port));
    await pair.agree("SET a 1", "SET b 2");
    return pair;
  }

  /** Both give the same replies; gives them. */
  async agree(...lines: string[]): Promise<readonly unknown[]> {
    const commands = lines.map((line) => line.split(" "));
    const [ours, theirs] = await Promise.all([this.ours.send(commands), this.theirs.send(commands)]);
    const labelled = (replies: readonly unknown[]) => replies.map((reply, index) => [lines[index], reply]);
    expect(labelled(ours)).toEqual(labelled(theirs));
    return ours;
  }

  /** Of ours. */
  async figure(name: string): Promise<number> {
    const [info] = await this.ours.send([["INFO", "persistence"]]);
    return Number(new RegExp(`^${name}:(.*)\\r$`, "m").exec(String(info))?.[1]);
  }

  async agreeInInfo(): Promise<readonly string[]> {
    const [ours, theirs] = await Promise.all([this.#fields(this.ours), this.#fields(this.theirs)]);
    expect(ours).toEqual(theirs);
    return ours;
  }

  async #fields(client: ReferenceClient): Promise<string[]> {
    const [info] = await client.send([["INFO", "persistence"]]);
    return (String(info).match(FIELDS) ?? []).map((line) => line.trim()).sort();
  }

  /** Begins it on both so that it lasts. Gives what lets ours end; theirs does by itself. */
  async hold(line: "BGSAVE" | "BGREWRITEAOF"): Promise<() => void> {
    scene.disk.setFault(line === "BGSAVE" ? "snapshot hangs" : "rewrite hangs");
    await this.theirs.send([["CONFIG", "SET", "rdb-key-save-delay", "1000000"]]);
    await this.agree(line);
    await this.theirs.send([["CONFIG", "SET", "rdb-key-save-delay", "0"]]);
    return () => scene.disk.setFault("");
  }

  /** Nothing is under way or waits any more on either. */
  async settled(): Promise<void> {
    for (const client of [this.ours, this.theirs]) {
      const isQuiet = async (): Promise<boolean> => {
        const fields = await this.#fields(client);
        return fields.filter((field) => field.endsWith(":1")).length === 0;
      };
      await eventually("all is done", isQuiet);
    }
  }
}

test("with nothing under way", async () => {
  const pair = await Pair.start();
  await pair.agree(
    "BGSAVE foo",
    "BGSAVE SCHEDULE foo",
    "SAVE foo",
    "BGREWRITEAOF foo",
    "MULTI",
    "SAVE",
    "EXEC",
    "SAVE",
  );
  await pair.agree("BGSAVE SCHEDULE");
  await pair.settled();
  await pair.agree("BGSAVE");
  await pair.settled();
  await pair.agree("MULTI", "BGSAVE", "SET c 3", "EXEC");
  await pair.settled();
  await pair.agree("MULTI", "BGREWRITEAOF", "SET c 4", "EXEC");
  await pair.settled();
  expect(await pair.agreeInInfo()).toContain("rdb_last_bgsave_status:ok");
});

test("while a save is under way", async () => {
  const pair = await Pair.start();
  const letGo = await pair.hold("BGSAVE");
  const replies = await pair.agree("SAVE", "BGSAVE", "BGSAVE SCHEDULE", "BGSAVE foo", "MULTI", "BGSAVE", "EXEC");
  expect(replies[0]).toMatchObject({ message: "ERR Background save already in progress" });
  await pair.agree("SET c 3", "GET c", "BGREWRITEAOF", "BGREWRITEAOF");
  expect(await pair.agreeInInfo()).toEqual([
    "aof_rewrite_in_progress:0",
    "aof_rewrite_scheduled:1",
    "rdb_bgsave_in_progress:1",
    "rdb_last_bgsave_status:ok",
  ]);
  letGo();
  await pair.settled();
  expect(await pair.figure("aof_rewrites")).toBe(1);
});

test("INFO says how far a save has come", async () => {
  const pair = await Pair.start();
  const keys = 150_000;
  await pair.ours.send([["DEBUG", "POPULATE", String(keys), "key", "100"]]);
  const figures = async (): Promise<number[]> => [
    await pair.figure("current_save_keys_processed"),
    await pair.figure("current_save_keys_total"),
    await pair.figure("current_fork_perc"),
  ];
  expect(await figures()).toEqual([0, 0, 0]);
  const letGo = await pair.hold("BGSAVE");
  // Nobody takes what it writes, so it stops on its way.
  let last = -1;
  await eventually("the save stops", async () => {
    const [processed] = await figures();
    const isSame = processed === last;
    last = processed ?? -1;
    return isSame;
  });
  const [processed, total, percent] = await figures();
  expect(total).toBe(keys + 2);
  expect(processed).toBeGreaterThan(1000);
  expect(processed).toBeLessThan(keys);
  expect(percent).toBeCloseTo((100 * (processed ?? 0)) / (keys + 2), 1);
  letGo();
  await pair.settled();
  expect(await figures()).toEqual([0, 0, 0]);
});

test("while a rewrite is under way", async () => {
  const pair = await Pair.start();
  const letGo = await pair.hold("BGREWRITEAOF");
  const replies = await pair.agree("BGSAVE", "BGSAVE foo", "BGREWRITEAOF", "MULTI", "BGREWRITEAOF", "EXEC");
  expect(replies[0]).toMatchObject({ message: expect.stringContaining("Another child process is active (AOF?)") });
  expect(replies[2]).toMatchObject({ message: "ERR Background append only file rewriting already in progress" });
  await pair.agree("SET c 3", "BGSAVE SCHEDULE", "BGSAVE SCHEDULE", "MULTI", "BGSAVE", "EXEC");
  expect(await pair.agreeInInfo()).toEqual([
    "aof_rewrite_in_progress:1",
    "aof_rewrite_scheduled:0",
    "rdb_bgsave_in_progress:0",
    "rdb_last_bgsave_status:ok",
  ]);
  await pair.agree("SAVE", "GET c");
  letGo();
  await pair.settled();
  await eventually("the scheduled save", async () => (await pair.figure("rdb_saves")) === 2);
});
