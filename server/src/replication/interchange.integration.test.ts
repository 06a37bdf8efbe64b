/** Replication between our server and redis-server, in every role, judged by the data sets at the end. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test } from "vitest";
import { readFile } from "../persistence/live-keyspace.ts";
import { cli, eventually, ReferenceRedis } from "../persistence/reference-redis.ts";
import { sampleCommands } from "../persistence/sample-data.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import { writeAtRandom } from "./random-writes.ts";

/** Of which random writes delete some. */
const KEYS = 2000;
const NO_DELAY = ["--repl-diskless-sync-delay", "0"];

/** Of consumers: each server notes by its own clock when it saw them. */
const CLOCKS = ["seen-time", "active-time"];
/** How far a group has read is not told to replicas by redis-server 7.0, only from 7.2 on, and by ours. */
const UNTOLD_BY_7_0 = ["entries-read", "lag"];

interface Node {
  readonly port: number;
  stop(): Promise<void>;
}

describe("Replication", () => {
  const nodes: Node[] = [];
  const clients: ReferenceClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const node of nodes.splice(0).reverse()) await node.stop();
  });

  async function ours(...args: string[]): Promise<OwnServer> {
    const server = await startOwnServer(...NO_DELAY, ...args);
    nodes.push(server);
    return server;
  }

  async function redis(...args: string[]): Promise<ReferenceRedis> {
    const server = await ReferenceRedis.start([...NO_DELAY, ...args]);
    nodes.push(server);
    return server;
  }

  async function connect({ port }: Node): Promise<ReferenceClient> {
    const client = await ReferenceClient.connect(port);
    clients.push(client);
    return client;
  }

  async function follow(replica: Node, primary: Node): Promise<void> {
    const client = await connect(replica);
    await client.send([["REPLICAOF", "127.0.0.1", primary.port]]);
    await eventually("the link is up", async () => (await infoOf(client)).includes("master_link_status:up"));
  }

  test.each([
    ["redis-server follows ours", ours, redis],
    ["ours follows redis-server", redis, ours],
    ["ours follows ours", ours, ours],
  ] as const)("%s: full sync under load, then the stream, with equal data", async (_, makePrimary, makeReplica) => {
    const primary = await makePrimary();
    const replica = await makeReplica();
    const writer = await connect(primary);
    await fill(primary.port);
    const [, , load] = await Promise.all([
      (await connect(replica)).send([["SET", "key:of:replica", "is lost"]]),
      follow(replica, primary),
      writeAtRandom(writer, 6000, 1),
    ]);
    expect(load).toBeGreaterThan(1000);
    await writeAtRandom(writer, 1000, 2);
    await sameData(primary, replica);
    const refused = await (await connect(replica)).send([["SET", "a", "b"]]);
    expect((refused[0] as RespError).message).toBe("READONLY You can't write against a read only replica.");
  });

  test.each([
    ["redis-server follows ours", ours, redis],
    ["ours follows redis-server", redis, ours],
    ["ours follows ours", ours, ours],
  ] as const)("%s: functions come with the full sync and by the stream", async (_, makePrimary, makeReplica) => {
    const primary = await makePrimary();
    const replica = await makeReplica();
    const [writer, reader] = [await connect(primary), await connect(replica)];
    const source = (name: string): string => `#!lua name=${name}\nredis.register_function('${name}', function() end)`;
    const names = async (): Promise<string[]> => {
      const [reply] = await reader.send([["FUNCTION", "LIST"]]);
      return (reply as RespValue[][]).map((library) => String(library[1])).sort();
    };
    await reader.send([["FUNCTION", "LOAD", source("own")]]);
    await writer.send([["FUNCTION", "LOAD", source("synced")]]);
    await follow(replica, primary);
    expect(await names()).toEqual(["synced"]);
    await writer.send([
      ["FUNCTION", "LOAD", "REPLACE", source("synced")],
      ["FUNCTION", "LOAD", source("streamed")],
    ]);
    await eventually("the new library is there", async () => (await names()).join() === "streamed,synced");
    await writer.send([["FUNCTION", "DELETE", "synced"]]);
    await eventually("the old library is gone", async () => (await names()).join() === "streamed");
  });

  test.each([
    ["ours hands over to ours", ours, ours],
    ["ours hands over to redis-server", ours, redis],
    ["redis-server hands over to ours", redis, ours],
  ] as const)("FAILOVER: %s under load, no write is lost, and the old primary follows", async (_, makeOld, makeNew) => {
    const old = await makeOld();
    const next = await makeNew();
    const writer = await connect(old);
    await fill(old.port);
    await follow(next, old);
    let acknowledged = 0;
    const load = (async () => {
      for (;;) {
        const [reply] = await writer.send([["INCR", "written"]]);
        if (reply instanceof RespError) return reply.message;
        acknowledged = Number(reply);
      }
    })();
    const [control, promoted] = [await connect(old), await connect(next)];
    expect(await control.send([["FAILOVER", "TO", "127.0.0.1", next.port, "TIMEOUT", "10000"]])).toEqual(["OK"]);
    expect(await load).toBe("READONLY You can't write against a read only replica.");
    expect(acknowledged).toBeGreaterThan(0);
    await eventually("the replica is the primary", async () => (await infoOf(promoted)).includes("role:master"));
    expect(await promoted.send([["GET", "written"]])).toEqual([Buffer.from(String(acknowledged))]);
    await promoted.send([["SET", "after", "the failover"]]);
    await eventually("the old primary follows", async () => (await infoOf(control)).includes("master_link_status:up"));
    await sameData(next, old);
    expect(await infoOf(promoted, "stats")).toContain("sync_full:0");
    expect(await infoOf(control)).toContain("master_failover_state:no-failover");
  });

  test("FAILOVER is given up when told or when time runs out, and writes go on", async () => {
    const primary = await ours();
    const replica = await ours();
    const client = await connect(primary);
    await follow(replica, primary);
    await eventually("it is online", async () => (await infoOf(client)).includes("state=online"));
    // A replica that follows and acknowledges nothing.
    const mute = await connect(primary);
    await mute.send([["REPLCONF", "listening-port", "7777"]]);
    await mute.send([["PSYNC", "?", "-1"]]);
    await client.send([["SET", "before", "1"]]);
    await replica.context.replication.link?.stop();
    await eventually("the replica is gone", async () => !(await infoOf(client)).includes(`port=${replica.port}`));
    const [gone] = await client.send([["FAILOVER", "TO", "127.0.0.1", replica.port]]);
    expect((gone as RespError).message).toBe("ERR FAILOVER target HOST and PORT is not a replica.");
    expect(await client.send([["FAILOVER", "TIMEOUT", "300"]])).toEqual(["OK"]);
    expect(await infoOf(client)).toContain("master_failover_state:waiting-for-sync");
    const refused = await client.send([["FAILOVER"], ["REPLICAOF", "NO", "ONE"], ["FAILOVER", "ABORT", "FORCE"]]);
    expect(refused.map((reply) => (reply as RespError).message)).toEqual([
      "ERR FAILOVER already in progress.",
      "ERR REPLICAOF not allowed while failing over.",
      "ERR syntax error",
    ]);
    expect(await client.send([["SET", "waits", "until the time is over"]])).toEqual(["OK"]);
    expect(await infoOf(client)).toContain("role:master");
    expect(await client.send([["FAILOVER"], ["FAILOVER", "ABORT"], ["SET", "goes", "on"]])).toEqual(["OK", "OK", "OK"]);
    const [none] = await client.send([["FAILOVER", "ABORT"]]);
    expect((none as RespError).message).toBe("ERR No failover in progress.");
  });

  test("FAILOVER: a primary that has told a replica to take over does not take its role back by itself", async () => {
    const primary = await ours();
    const client = await connect(primary);
    // It accepts the connection of its new replica, and says nothing.
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const target = await RawClient.connect(primary.port);
    const { port } = silent.address() as AddressInfo;
    await target.command("REPLCONF", "listening-port", port);
    target.write(encodeCommand(["PSYNC", "?", "-1"]));
    await eventually("it is sent everything", async () => (await infoOf(client)).includes("state=online"));
    const acknowledge = setInterval(() => {
      target.write(encodeCommand(["REPLCONF", "ACK", primary.context.replication.offset]));
    }, 20);
    expect(await client.send([["FAILOVER", "TO", "127.0.0.1", port, "TIMEOUT", "300"]])).toEqual(["OK"]);
    const isGiven = async () => (await infoOf(client)).includes("master_failover_state:failover-in-progress");
    await eventually("the role is given away", isGiven);
    const untilMs = Date.now() + 600;
    await eventually("the time is long over", () => Date.now() > untilMs);
    expect(await isGiven()).toBe(true);
    expect(await infoOf(client)).toContain("role:slave");
    expect(
      await client.send([
        ["FAILOVER", "ABORT"],
        ["SET", "its", "again"],
      ]),
    ).toEqual(["OK", "OK"]);
    clearInterval(acknowledge);
    target.close();
    silent.close();
  });

  test("a replica of a replica learns that the history has branched, and is not let go on in the old one", async () => {
    const [origin, next, middle, last] = [await ours(), await ours(), await ours(), await ours()];
    const [atOrigin, atNext, atLast] = [await connect(origin), await connect(next), await connect(last)];
    await follow(next, origin);
    await follow(middle, next);
    await follow(last, middle);
    await atOrigin.send([["SET", "shared", "1"]]);
    await sameData(origin, last);
    await atNext.send([["REPLICAOF", "NO", "ONE"]]);
    await atNext.send(["a", "b", "c"].map((name) => ["SET", name, "of the branch"]));
    await atOrigin.send([...Array(30).keys()].map((n) => ["SET", `later:${n}`, "of the origin"]));
    const { replication } = last.context;
    await eventually(
      "the end of the chain is of the branch",
      () => replication.history.id === next.context.replication.history.id,
    );
    await sameData(next, last);
    await atLast.send([["REPLICAOF", "127.0.0.1", origin.port]]);
    await eventually("it follows the origin", () => replication.history.id === origin.context.replication.history.id);
    await sameData(origin, last);
  });

  test("a chain of redis-server, ours, redis-server, ours carries everything in any database", async () => {
    const chain: Node[] = [await redis(), await ours(), await redis(), await ours()];
    const writer = await connect(chain[0] as Node);
    await writer.send([
      ["SELECT", "7"],
      ["SET", "in", "seven"],
    ]);
    for (let k = 1; k < chain.length; k++) {
      await follow(chain[k] as Node, chain[k - 1] as Node);
      await writer.send([["SET", `step:${k}`, k]]);
    }
    await writeAtRandom(writer, 1500, 3);
    for (const node of chain.slice(1)) await sameData(chain[0] as Node, node, 7);
  });

  test("a broken link is resumed where it broke, in the database that was chosen", async () => {
    const primary = await ours();
    const replica = await ours();
    const writer = await connect(primary);
    await writer.send([
      ["SELECT", "3"],
      ["SET", "a", "1"],
    ]);
    await follow(replica, primary);
    await writer.send([["SET", "b", "2"]]);
    await sameData(primary, replica, 3);
    for (let round = 0; round < 3; round++) {
      replica.context.replication.link?.restart("a test broke it");
      await writer.send([["SET", `after:${round}`, "x"], ["MULTI"], ["INCR", "n"], ["INCR", "n"], ["EXEC"]]);
      await eventually("the link is up again", () => replica.context.replication.link?.isUp === true);
      await sameData(primary, replica, 3);
    }
    expect(await infoOf(writer, "stats")).toMatch(/sync_full:1\r\nsync_partial_ok:3\r\n/);
  });

  test("after a failover the other replica goes on with the promoted one, without a full sync", async () => {
    const old = await ours();
    const next = await ours();
    const other = await redis();
    await fill(old.port);
    await follow(next, old);
    await follow(other, old);
    const writer = await connect(old);
    await writeAtRandom(writer, 500, 4);
    await sameData(old, next);
    await sameData(old, other);
    const promoted = await connect(next);
    await promoted.send([
      ["REPLICAOF", "NO", "ONE"],
      ["SET", "written", "after"],
    ]);
    await follow(other, next);
    await follow(old, next);
    await writeAtRandom(promoted, 500, 5);
    await sameData(next, other);
    await sameData(next, old);
    expect(await infoOf(promoted, "stats")).toContain("sync_full:0\r\nsync_partial_ok:2");
  });

  test("a replica that was restarted goes on from its file, in the database that was chosen", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "restarted-replica-"));
    const primary = await ours();
    const writer = await connect(primary);
    const replica = await startOwnServer("--dir", directory);
    await fill(primary.port);
    await follow(replica, primary);
    await writer.send([
      ["SELECT", "2"],
      ["SET", "before", "the restart"],
    ]);
    await sameData(primary, replica, 2);
    await replica.save();
    await replica.stop();
    await writer.send([["SET", "during", "the restart"]]);
    const again = await startOwnServer("--dir", directory, "--replicaof", "127.0.0.1", String(primary.port));
    nodes.push(again);
    await eventually("the link is up", () => again.context.replication.link?.isUp === true);
    await writer.send([["SET", "after", "the restart"]]);
    await sameData(primary, again, 2);
    expect(await infoOf(writer, "stats")).toContain("sync_full:1\r\nsync_partial_ok:1");
    rmSync(directory, { recursive: true });
  });

  test("a primary that was restarted lets its replica go on, unless that was further than the file", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "restarted-primary-"));
    const first = await startOwnServer(...NO_DELAY, "--dir", directory);
    const { port } = first;
    const replica = await ours();
    const writer = await connect(first);
    await writer.send([["SET", "a", "1"]]);
    await follow(replica, first);
    await writer.send([["SET", "b", "2"]]);
    await sameData(first, replica);
    const expiresAtMs = Date.now() + 300;
    await writer.send([["SET", "short", "lived", "PXAT", expiresAtMs]]);
    await eventually("the replica has it", () => replica.context.keyspace.count === 3);
    await first.save();
    await first.stop();
    await eventually("a key has expired", () => Date.now() > expiresAtMs);
    const second = await startOwnServer(...NO_DELAY, "--dir", directory, "--port", String(port));
    await eventually("the replica is back", () => second.context.replication.replicas.goodCount === 1);
    expect(await infoOf(await connect(second), "stats")).toContain("sync_full:0\r\nsync_partial_ok:1");
    await eventually("the expired key is gone", () => replica.context.keyspace.count === 2);
    await (await connect(second)).send([["SET", "lost", "with the crash"]]);
    await sameData(second, replica);
    await second.stop();
    const third = await startOwnServer(...NO_DELAY, "--dir", directory, "--port", String(port));
    nodes.push(third);
    await eventually("the replica is back", () => third.context.replication.replicas.goodCount === 1);
    await sameData(third, replica);
    expect(await infoOf(await connect(third), "stats")).toContain("sync_full:1\r\nsync_partial_ok:0");
    rmSync(directory, { recursive: true });
  });

  test("WAIT counts the replicas that have a write, ours and redis-server", async () => {
    const primary = await ours();
    await follow(await ours(), primary);
    await follow(await redis(), primary);
    const writer = await connect(primary);
    expect(
      await writer.send([
        ["SET", "a", "1"],
        ["WAIT", "2", "5000"],
      ]),
    ).toEqual(["OK", 2]);
    expect(
      await writer.send([
        ["SET", "a", "2"],
        ["WAIT", "3", "50"],
      ]),
    ).toEqual(["OK", 2]);
  });

  test("a large value and large transactions arrive whole", async () => {
    const primary = await redis();
    const replica = await ours();
    await follow(replica, primary);
    const writer = await connect(primary);
    const value = Buffer.alloc(6 << 20, "large value ");
    await writer.send([["SET", "large", value], ["MULTI"], ["SET", "m", value.subarray(0, 1 << 20)], ["EXEC"]]);
    await sameData(primary, replica);
  });

  test("redis-cli --rdb takes a snapshot from ours", async () => {
    const primary = await ours();
    await fill(primary.port);
    const target = await redis();
    const file = `${target.directory}/dump.rdb`;
    await cli(primary.port, ["--rdb", file]);
    const held = readFile(readFileSync(file)).order.length;
    expect(held).toBe(primary.context.keyspace.count);
  });

  async function sameData(left: Node, right: Node, database = 0): Promise<void> {
    const [first, second] = [await connect(left), await connect(right)];
    const untold = "context" in left ? CLOCKS : [...CLOCKS, ...UNTOLD_BY_7_0];
    await eventually(
      "the replica has got everything",
      async () => (await offsetOf(first)) === (await offsetOf(second)),
    );
    for (const index of [database, 5]) {
      for (const client of [first, second]) await client.send([["SELECT", index]]);
      expect(await contentsOf(second, untold)).toEqual(await contentsOf(first, untold));
    }
  }
});

async function fill(port: number): Promise<void> {
  const child = spawn("redis-cli", ["-p", String(port)], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(`${sampleCommands(KEYS, 8).join("\n")}\n`);
  await new Promise((resolve) => child.once("exit", resolve));
}

async function infoOf(client: ReferenceClient, section = "replication"): Promise<string> {
  return String((await client.send([["INFO", section]]))[0]);
}

/** The point in the stream that the server's data has come to. */
async function offsetOf(client: ReferenceClient): Promise<string> {
  const info = await infoOf(client);
  return /(?:slave_repl_offset|master_repl_offset):(\d+)/.exec(info)?.[1] ?? "";
}

/** Every key of the chosen database with its value and expiry, order of members aside. */
async function contentsOf(client: ReferenceClient, untold: readonly string[]): Promise<Map<string, unknown>> {
  const keys = ((await client.send([["KEYS", "*"]]))[0] as Buffer[]).map((key) => key.toString("latin1")).sort();
  const names = keys.map((key) => Buffer.from(key, "latin1"));
  const types = await client.send(names.map((key) => ["TYPE", key]));
  const values = await client.send(names.map((key, k) => readCommand(String(types[k]), key)));
  const expiries = await client.send(names.map((key) => ["PEXPIRETIME", key]));
  return new Map(
    keys.map((key, k) => [key, [types[k], plain(String(types[k]), values[k] as RespValue, untold), expiries[k]]]),
  );
}

function readCommand(type: string, key: Buffer): CommandArgument[] {
  if (type === "list") return ["LRANGE", key, 0, -1];
  if (type === "set") return ["SMEMBERS", key];
  if (type === "hash") return ["HGETALL", key];
  if (type === "stream") return ["XINFO", "STREAM", key, "FULL", "COUNT", 0];
  return type === "zset" ? ["ZRANGE", key, 0, -1, "WITHSCORES"] : ["GET", key];
}

function plain(type: string, value: RespValue, untold: readonly string[]): unknown {
  if (value instanceof RespError) throw new Error(value.message);
  if (!Array.isArray(value)) return String(value);
  if (type === "stream") return without(value, untold);
  const items = value.map((item) => (item as Buffer).toString("latin1"));
  if (type === "list" || type === "zset") return items;
  if (type === "set") return items.sort();
  return items.flatMap((item, k) => (k % 2 === 0 ? [[item, items[k + 1]].join("=")] : [])).sort();
}

/** All that XINFO tells of a stream but what these names stand before. */
function without(value: RespValue, names: readonly string[]): unknown {
  if (!Array.isArray(value)) return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
  const items = value.map((item) => without(item, names));
  return items.filter((item, k) => !names.includes(String(item)) && !names.includes(String(items[k - 1])));
}
