/** What a source does with a target that says this or that, which the test plays: it answers where the other node says it is. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { RawClient } from "../testing/raw-client.ts";
import { latestMove, type Node, SLOT, twoNodes } from "./two-nodes.ts";

let owner: Node;
let other: Node;
let server: Server;
let target: Socket | undefined;
let received: string[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    target = socket;
    received = [];
    const decoder = new RespDecoder();
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      decoder.push(bytes);
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        received.push((value as Buffer[]).map(String).join(" "));
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  ({ owner, other } = await twoNodes("--cluster-announce-port", String(port)));
  await eventually("the owner knows the port", () => portOfOther() === port);
});

const portOfOther = (): number | undefined => owner.server.context.cluster?.state.nodes.get(other.id)?.port;

beforeEach(async () => {
  await owner.client.command("FLUSHALL");
  for (const command of KEYS) await owner.client.command(...command);
});

afterEach(async () => {
  target?.destroy();
  await eventually("the move is over", () => latestMove(owner)?.isOver !== false);
});

afterAll(async () => {
  server.close();
  await Promise.all([owner.stop(), other.stop()]);
});

const KEYS = [
  ["SET", "{t}text", "1"],
  ["RPUSH", "{t}list", "a", "b"],
  ["SET", "{s}elsewhere", "1"],
];

const say = (word: string): void => void target?.write(encodeCommand(["CLUSTER", "SYNCSLOTS", word]));

async function begin(): Promise<void> {
  const { client } = owner;
  received = [];
  expect(await client.text("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", other.id)).toBe("+OK\r\n");
  await hears("CLUSTER SYNCSLOTS ESTABLISH SOURCE");
}

async function hears(text: string): Promise<void> {
  await eventually(`the target hears ${text}`, () => received.some((command) => command.startsWith(text)));
}

async function isOver(state: string): Promise<string> {
  await eventually(`the move is ${state}`, () => latestMove(owner)?.state === state);
  return latestMove(owner)?.message ?? "";
}

describe("the source of a move of slots", () => {
  it("sends the keys of the slots, and of no other, and then every change of them", async () => {
    await begin();
    target?.write("+OK\r\n");
    await hears("CLUSTER SYNCSLOTS SNAPSHOT-EOF");
    expect(received).toContain("SET {t}text 1");
    expect(received).toContain("RPUSH {t}list a b");
    received = [];
    const script = 'redis.call("INCR", KEYS[1]) redis.call("DEL", KEYS[2])';
    await owner.client.command("EVAL", script, "2", "{t}text", "{t}list");
    for (const command of [["MULTI"], ["SETEX", "{t}new", "100", "v"], ["SADD", "{t}set", "x"], ["EXEC"]]) {
      await owner.client.command(...command);
    }
    await owner.client.command("SPOP", "{t}set");
    await owner.client.command("SET", "{s}elsewhere", "2");
    await hears("SREM {t}set x");
    const changes = received.filter((command) => !command.startsWith("CLUSTER"));
    const [set, ...others] = [changes[2], ...changes.toSpliced(2, 1)];
    expect(set).toMatch(/^SET \{t\}new v PXAT \d+$/);
    expect(others).toEqual(["INCR {t}text", "DEL {t}list", "SADD {t}set x", "SREM {t}set x"]);
  });

  it("holds writes back from the pause on, and claims the slots again where no claim comes", async () => {
    await owner.client.command("CONFIG", "SET", "cluster-manual-failover-timeout", "500");
    await begin();
    target?.write("+OK\r\n");
    await hears("CLUSTER SYNCSLOTS SNAPSHOT-EOF");
    say("REQUEST-PAUSE");
    await hears("CLUSTER SYNCSLOTS PAUSED");
    let isAnswered = false;
    const write = owner.client.text("INCR", "{t}text").then((reply) => {
      isAnswered = true;
      return reply;
    });
    say("REQUEST-FAILOVER");
    await hears("CLUSTER SYNCSLOTS FAILOVER-GRANTED");
    // What it says now, or that it is gone, tells nothing: it may have taken over. Nor can that be called off.
    say("REQUEST-PAUSE");
    target?.destroy();
    const another = await RawClient.connect(owner.server.port);
    await another.command("CLUSTER", "CANCELSLOTMIGRATIONS");
    another.close();
    const epoch = owner.server.context.cluster?.state.myself.configEpoch ?? 0;
    expect([isAnswered, latestMove(owner)?.state]).toEqual([false, "failover-granted"]);
    expect(await write).toBe(":2\r\n");
    expect(await isOver("failed")).toContain("this node has claimed the slots again");
    expect(owner.server.context.cluster?.state.myself.configEpoch).toBeGreaterThan(epoch);
  });

  it("gives up when the target refuses, is gone, or sends what is no reply", async () => {
    await begin();
    target?.write("-ERR not now\r\n");
    expect(await isOver("failed")).toBe("Target node refused the slots: ERR not now");
    await begin();
    target?.destroy();
    expect(await isOver("failed")).toContain("Connection lost to target");
    await begin();
    target?.write("?\r\n");
    expect(await isOver("failed")).toContain("The target sent what is no reply");
  });

  it("gives up when the target does not take the changes", async () => {
    await owner.client.command("CONFIG", "SET", "client-output-buffer-limit", "replica 20mb 0 0");
    await begin();
    target?.write("+OK\r\n");
    await hears("CLUSTER SYNCSLOTS SNAPSHOT-EOF");
    target?.pause();
    for (let n = 0; n < 40; n++) await owner.client.command("SET", "{t}text", "x".repeat(1_000_000));
    expect(await isOver("failed")).toBe("The target does not take changes as fast as they come");
    target?.resume();
    await owner.client.command("CONFIG", "SET", "client-output-buffer-limit", "replica 256mb 64mb 60");
  });

  it("signs in, and says so when that fails", async () => {
    await owner.client.command("CONFIG", "SET", "masteruser", "mover", "masterauth", "secret");
    const { client } = owner;
    await client.text("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", other.id);
    await hears("AUTH mover secret");
    target?.write("-WRONGPASS no\r\n");
    expect(await isOver("failed")).toBe("Failed to AUTH to target node: WRONGPASS no");
    await owner.client.command("CONFIG", "SET", "masteruser", "", "masterauth", "");
  });

  it("ends when it is cancelled, or the data is flushed", async () => {
    await begin();
    expect(await owner.client.text("CLUSTER", "CANCELSLOTMIGRATIONS")).toBe("+OK\r\n");
    expect(await isOver("cancelled")).toBe("");
    expect(await owner.client.text("CLUSTER", "CANCELSLOTMIGRATIONS")).toBe("-ERR No migrations ongoing\r\n");
    await begin();
    target?.write("+OK\r\n");
    await hears("CLUSTER SYNCSLOTS SNAPSHOT-EOF");
    await owner.client.command("FLUSHALL");
    expect(await isOver("failed")).toBe("Data was flushed");
  });

  it("is asked for thousands of moves, or of ranges, at once without standing still", async () => {
    const every = Array.from({ length: 8000 }, (_, n) => String(2 * n));
    const ranges = every.flatMap((slot) => [slot, slot]);
    const moves = every.flatMap((slot) => ["SLOTSRANGE", slot, slot, "NODE", other.id]);
    const unknown = ["SLOTSRANGE", "1", "1", "NODE", "a".repeat(40)];
    const startMs = performance.now();
    for (const words of [
      ["SLOTSRANGE", ...ranges, "NODE", other.id, ...unknown],
      [...moves, ...unknown],
    ]) {
      expect(await owner.client.text("CLUSTER", "MIGRATESLOTS", ...words)).toMatch(/^-ERR Unknown node name: a{40}/);
    }
    expect(performance.now() - startMs).toBeLessThan(3000);
  });

  it("refuses moves that cannot be", async () => {
    const ask = (...args: string[]): Promise<string> => owner.client.text("CLUSTER", "MIGRATESLOTS", ...args);
    expect(await ask("SLOTSRANGE", "0", "1", "NODE", owner.id)).toBe("-ERR Target node can not be this node.\r\n");
    expect(await ask("SLOTSRANGE", "0", "1", "NODE", "a".repeat(40))).toMatch(/^-ERR Unknown node name: a{40}\r\n/);
    expect(await ask("SLOTSRANGE", "0", "1", "NODE", "short")).toBe("-ERR Invalid node name: short\r\n");
    expect(await ask("SLOTSRANGE", "5", "1", "NODE", other.id)).toBe(
      "-ERR Start slot number 5 is greater than end slot number 1.\r\n",
    );
    expect(await ask("SLOTSRANGE", "1", "5", "5", "6", "NODE", other.id)).toBe(
      "-ERR Slot range 5-6 overlaps with previous range 1-5.\r\n",
    );
    expect(await ask("SLOTSRANGE", "1", "16384", "NODE", other.id)).toBe("-ERR Invalid or out of range slot\r\n");
    expect(await ask("SLOTS", "1", "2", "NODE", other.id)).toBe("-ERR syntax error\r\n");
    const { client } = other;
    expect(await client.text("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "1", "NODE", owner.id)).toBe(
      "-ERR Slots are not served by this node.\r\n",
    );
    await owner.client.command("CLUSTER", "SETSLOT", "7", "MIGRATING", other.id);
    expect(await ask("SLOTSRANGE", "0", "1", "NODE", other.id)).toBe("-ERR Slots are being manually migrated\r\n");
    await owner.client.command("CLUSTER", "SETSLOT", "7", "STABLE");
    await begin();
    expect(await ask("SLOTSRANGE", SLOT.toString(), SLOT.toString(), "NODE", other.id)).toBe(
      `-ERR I am already migrating slot ${SLOT}.\r\n`,
    );
  });
});
