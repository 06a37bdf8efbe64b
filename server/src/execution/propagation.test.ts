import { afterEach, expect, test } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { type CommandFeed, Propagator, Target } from "./propagation.ts";

const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

class TextFeed implements CommandFeed {
  readonly active = true;
  readonly offset = undefined;
  readonly words: string[] = [];

  feed(_databaseIndex: number, bytes: Buffer, start: number, end: number): void {
    this.words.push(
      bytes
        .toString("latin1", start, end)
        .split("\r\n")
        .slice(2, -1)
        .filter((_, k) => k % 2 === 0)
        .join(" "),
    );
  }
}

test("one command alone goes out without MULTI and EXEC, two and more between them", () => {
  const [replicas, appendOnly] = [new TextFeed(), new TextFeed()];
  const propagator = new Propagator(replicas, appendOnly);
  for (const count of [0, 1, 3]) {
    propagator.beginTransaction();
    for (let k = 0; k < count; k++) propagator.sendCommand(0, ["SET", "k", `${count}-${k}`]);
    propagator.endTransaction();
  }
  const expected = ["SET k 1-0", "MULTI", "SET k 3-0", "SET k 3-1", "SET k 3-2", "EXEC"];
  expect([replicas.words, appendOnly.words]).toEqual([expected, expected]);
});

test("each target hears of what it is to hear, between a MULTI and an EXEC of its own", () => {
  const [replicas, appendOnly] = [new TextFeed(), new TextFeed()];
  const propagator = new Propagator(replicas, appendOnly);
  propagator.beginTransaction();
  propagator.targets = Target.none;
  propagator.sendCommand(0, ["SET", "nowhere", "1"]);
  propagator.targets = Target.appendOnly;
  propagator.sendCommand(0, ["SET", "file", "1"]);
  propagator.sendCommand(0, ["SET", "file", "2"]);
  propagator.endTransaction();
  propagator.targets = Target.all;
  propagator.sendCommand(0, ["SET", "both", "1"]);
  expect(replicas.words).toEqual(["SET both 1"]);
  expect(appendOnly.words).toEqual(["MULTI", "SET file 1", "SET file 2", "EXEC", "SET both 1"]);
});

const SCRIPT = `
  redis.call('set', 'all', 1)
  redis.set_repl(redis.REPL_NONE)
  redis.call('set', 'none', 1)
  redis.set_repl(redis.REPL_REPLICA)
  redis.call('set', 'replicas', 1)
  redis.set_repl(redis.REPL_AOF)
  redis.call('set', 'file', 1)
  return redis.set_repl(redis.REPL_ALL)`;
const KEYS = ["all", "none", "replicas", "file", "after"];

test("redis.set_repl says where the changes of a script go, until it ends", async () => {
  const primary = await startOwnServer(
    ...["--appendonly", "yes", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"],
  );
  opened.push(() => primary.stop());
  const client = await RawClient.connect(primary.port);
  const replica = await startOwnServer("--replicaof", "127.0.0.1", String(primary.port));
  opened.push(() => replica.stop());
  const reader = await RawClient.connect(replica.port);
  opened.push(() => [client, reader].forEach((one) => void one.socket.destroy()));
  await expect.poll(() => reader.text("INFO", "replication"), { timeout: 10_000 }).toContain("master_link_status:up");
  const there = async (asked: RawClient): Promise<string[]> => {
    const replies = await Promise.all(KEYS.map((key) => asked.text("EXISTS", key)));
    return KEYS.filter((_, k) => replies[k] === ":1\r\n");
  };
  expect(await client.text("EVAL", SCRIPT, "0")).toBe("$-1\r\n");
  expect(await client.text("EVAL", "redis.set_repl(redis.REPL_NONE) return 1", "0")).toBe(":1\r\n");
  await client.text("SET", "after", "1");
  expect(await client.text("WAIT", "1", "5000")).toBe(":1\r\n");
  expect(await there(client)).toEqual(KEYS);
  expect(await there(reader)).toEqual(["all", "replicas", "after"]);
  expect(await client.text("DEBUG", "LOADAOF")).toBe("+OK\r\n");
  expect(await there(client)).toEqual(["all", "file", "after"]);
});
