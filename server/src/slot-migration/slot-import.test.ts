/** What a target does with a source that says this or that, which the test plays. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { giveSlots } from "../cluster/slot-claims.ts";
import { eventually } from "../persistence/reference-redis.ts";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { keysInSlot, latestMove, type Node, SLOT, twoNodes } from "./two-nodes.ts";

let owner: Node;
let other: Node;
let source: RawClient;
let moves = 0;

/** What tells of keys. */
const SEEING = ["DBSIZE", "KEYS", "RANDOMKEY"];
const NOT_A_MOVE = "should only be used by slot migration clients";
const word = (text: string): Buffer => encodeCommand(["CLUSTER", "SYNCSLOTS", text]);

beforeAll(async () => {
  ({ owner, other } = await twoNodes("--enable-debug-command", "yes"));
});

afterEach(async () => {
  source?.close();
  await eventually("the move is over", () => latestMove(other)?.isOver !== false);
});

afterAll(async () => {
  await Promise.all([owner.stop(), other.stop()]);
});

/** Signs in as the source of the slot of {t}; gives what the target answers. */
async function establish(name = `${++moves}`.padStart(40, "0")): Promise<string> {
  source = await RawClient.connect(other.server.port);
  return source.text("CLUSTER", "SYNCSLOTS", "ESTABLISH", "SOURCE", owner.id, "NAME", name, "SLOTSRANGE", ...slots);
}

const slots = [String(SLOT), String(SLOT)];

/** What the target says next; that it is alive does not count. */
async function heard(): Promise<string> {
  for (;;) {
    const [, , , , , , said] = String((await source.replies(1))[0]).split("\r\n");
    if (said !== "ACK") return said ?? "";
  }
}

describe("a target that has just given the slots away", () => {
  it("takes them back without losing what comes while it looks for keys of them to delete", async () => {
    const nodes = await twoNodes();
    const [first, second] = [nodes.owner, nodes.other];
    await first.client.command("SET", "{t}a", "1");
    const keys = Array.from({ length: 200 }, (_, n) => [`{t}${n}`, String(n)]).flat();
    for (let n = 0; n < 100; n++) {
      const fillers = Array.from({ length: 1000 }, (_, i) => [`{s}${n}:${i}`, ""]).flat();
      await first.client.command("MSET", ...fillers);
    }
    const move = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", ...slots, "NODE"];
    await first.client.command(...move, second.id);
    await eventually("the slot has moved", () => latestMove(first)?.isOver === true && keysInSlot(first) === 0);
    await second.client.command("MSET", ...keys);
    await second.client.command(...move, first.id);
    await eventually("it has moved back", () => latestMove(second)?.isOver === true);
    expect([latestMove(first)?.state, keysInSlot(first)]).toEqual(["success", 201]);
    const untilMs = Date.now() + 300;
    await eventually("whatever else is deleted would be by now", () => Date.now() > untilMs);
    expect(keysInSlot(first)).toBe(201);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe("a target that goes down in the middle", () => {
  it("deletes at its next start what had come", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "target-"));
    const nodes = await twoNodes("--appendonly", "yes", "--dir", directory);
    source = await RawClient.connect(nodes.other.server.port);
    const words = ["SOURCE", nodes.owner.id, "NAME", "c".repeat(40), "SLOTSRANGE", ...slots];
    await source.command("CLUSTER", "SYNCSLOTS", "ESTABLISH", ...words);
    source.write(Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"])]));
    await eventually("the key has come", () => keysInSlot(nodes.other) === 1);
    await nodes.other.server.finishAppendOnly();
    await Promise.all([nodes.other.stop(), nodes.owner.stop()]);
    const again = await startOwnServer("--cluster-enabled", "yes", "--appendonly", "yes", "--dir", directory);
    const { cluster } = again.context;
    expect(cluster?.myId).toBe(nodes.other.id);
    await eventually(
      "the copies are gone",
      () => cluster?.countKeysInSlot(SLOT) === 0 && cluster.state.surplus.size === 0,
    );
    await again.stop();
  });
});

describe("the target of a move of slots", () => {
  it("holds copies that nobody is served, and deletes them when the source is gone", async () => {
    expect(await establish()).toBe("+OK\r\n");
    source.write(
      Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"]), encodeCommand(["RPUSH", "{t}b", "x"])]),
    );
    await eventually("the keys have come", () => keysInSlot(other) === 2);
    expect(await other.client.text("GET", "{t}a")).toMatch(/^-MOVED 15891 127\.0\.0\.1:/);
    const seen = await Promise.all(
      SEEING.map((command) => other.client.text(command, ...(command === "KEYS" ? ["*"] : []))),
    );
    expect(seen).toEqual([":0\r\n", "*0\r\n", "$-1\r\n"]);
    expect(await other.client.text("SCAN", "0", "COUNT", "1000")).toBe("*2\r\n$1\r\n0\r\n*0\r\n");
    expect(other.server.context.cluster?.state.surplus.has(SLOT)).toBe(true);
    source.close();
    await eventually("the move has failed", () => latestMove(other)?.state === "failed");
    expect(keysInSlot(other)).toBe(0);
    expect(latestMove(other)?.message).toContain("Connection lost to source");
    expect(other.server.context.cluster?.state.surplus.size).toBe(0);
  });

  it("does not let keys be moved one by one meanwhile", async () => {
    await establish();
    for (const words of [
      ["IMPORTING", owner.id],
      ["NODE", other.id],
    ]) {
      expect(await other.client.text("CLUSTER", "SETSLOT", SLOT, ...words)).toMatch(
        /^-ERR Slot 15891 is moving as a whole: see CLUSTER GETSLOTMIGRATIONS/,
      );
    }
    expect(await other.client.text("CLUSTER", "SETSLOT", SLOT + 1, "IMPORTING", owner.id)).toBe("+OK\r\n");
    expect(await other.client.text("CLUSTER", "SETSLOT", SLOT + 1, "STABLE")).toBe("+OK\r\n");
  });

  it("deletes what is left of an earlier time before it takes anything", async () => {
    await other.client.command("CLUSTER", "SETSLOT", SLOT, "IMPORTING", owner.id);
    for (let i = 0; i < 500; i++) {
      await other.client.command("ASKING");
      await other.client.command("SET", `{t}${i}`, "old");
    }
    await other.client.command("CLUSTER", "SETSLOT", SLOT, "STABLE");
    expect(keysInSlot(other)).toBe(500);
    expect(await establish()).toBe("+OK\r\n");
    expect(keysInSlot(other)).toBe(0);
  });

  it("gives up when a command fails, and says which", async () => {
    await establish();
    source.write(
      Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"]), encodeCommand(["LPUSH", "{t}a", "x"])]),
    );
    await eventually("the move has failed", () => latestMove(other)?.state === "failed");
    expect(latestMove(other)?.message).toContain("WRONGTYPE");
    expect(keysInSlot(other)).toBe(0);
  });

  it("lets the source do no more than its user may", async () => {
    await other.client.command("ACL", "SETUSER", "mover", "on", "nopass", "~*", "+cluster", "+set");
    source = await RawClient.connect(other.server.port);
    await source.command("AUTH", "mover", "any");
    const words = ["SOURCE", owner.id, "NAME", "e".repeat(40), "SLOTSRANGE", ...slots];
    expect(await source.text("CLUSTER", "SYNCSLOTS", "ESTABLISH", ...words)).toBe("+OK\r\n");
    source.write(Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"])]));
    await eventually("the key has come", () => keysInSlot(other) === 1);
    source.write(encodeCommand(["CONFIG", "SET", "maxmemory", "1"]));
    await eventually("the move has failed", () => latestMove(other)?.state === "failed");
    expect(latestMove(other)?.message).toContain("NOPERM this user has no permissions to run the 'config|set' command");
    expect(await other.client.text("CONFIG", "GET", "maxmemory")).toContain("$1\r\n0\r\n");
  });

  it("gives up when words come out of turn, or what is no command", async () => {
    await establish();
    source.write(Buffer.concat([word("ACK"), word("PAUSED")]));
    await eventually("the move has failed", () => latestMove(other)?.state === "failed");
    expect(latestMove(other)?.message).toBe("Unexpected state machine transition");
    source.close();
    await establish();
    source.write("*1\r\n+no\r\n");
    await eventually("this one too", () => latestMove(other)?.state === "failed");
  });

  it("does not let keys expire by its own clock while they are another node's", async () => {
    await establish();
    source.write(Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1", "PXAT", Date.now() + 50])]));
    source.write(encodeCommand(["HSET", "{t}h", "lasting", "1", "other", "2"]));
    source.write(encodeCommand(["HPEXPIREAT", "{t}h", Date.now() + 50, "FIELDS", 2, "lasting", "other"]));
    await eventually("the keys have come", () => keysInSlot(other) === 2);
    const untilMs = Date.now() + 400;
    await eventually("its time is over, and some more", () => Date.now() > untilMs);
    expect(keysInSlot(other)).toBe(2);
    source.write(encodeCommand(["HPERSIST", "{t}h", "FIELDS", 1, "lasting"]));
    source.write(encodeCommand(["RENAME", "{t}h", "{t}i"]));
    source.write(Buffer.concat([encodeCommand(["PERSIST", "{t}a"]), encodeCommand(["APPEND", "{t}a", "2"])]));
    source.write(word("SNAPSHOT-EOF"));
    expect(await heard()).toBe("REQUEST-PAUSE");
    expect(other.server.context.keyspace.keysInSlot(SLOT, 9).map(String).sort()).toEqual(["{t}a", "{t}i"]);
  });

  it("takes the slots over when it may, with the highest epoch, and the old owner learns of it", async () => {
    await establish();
    source.write(Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"]), word("SNAPSHOT-EOF")]));
    expect(await heard()).toBe("REQUEST-PAUSE");
    source.write(word("PAUSED"));
    expect(await heard()).toBe("REQUEST-FAILOVER");
    expect(await other.client.text("GET", "{t}a")).toMatch(/^-MOVED/);
    source.write(word("FAILOVER-GRANTED"));
    await eventually("it owns the slot", () => latestMove(other)?.state === "success");
    expect(await other.client.text("GET", "{t}a")).toBe("$1\r\n1\r\n");
    await eventually("so the old owner says too", async () => /^-MOVED/.test(await owner.client.text("GET", "{t}a")));
    // Back, for the tests that come.
    await other.client.command("DEL", "{t}a");
    for (const { client } of [owner, other]) await client.command("CLUSTER", "SETSLOT", SLOT, "NODE", owner.id);
    await owner.client.command("CLUSTER", "BUMPEPOCH");
    await eventually("all agree again", () =>
      [owner, other].every(({ server }) => server.context.cluster?.state.table.ownerOf(SLOT)?.id === owner.id),
    );
  });

  it("waits until it may own the slots before it asks for the pause, and in the pause gives up", async () => {
    const give = (isOn: boolean) => other.server.context.cluster?.change((state) => giveSlots(state, [0], isOn));
    await establish();
    give(true);
    source.write(Buffer.concat([word("ACK"), word("SNAPSHOT-EOF")]));
    let isAsked = false;
    const asked = heard().finally(() => {
      isAsked = true;
    });
    const untilMs = Date.now() + 250;
    await eventually("it has looked twice", () => Date.now() > untilMs);
    expect(isAsked).toBe(false);
    give(false);
    expect(await asked).toBe("REQUEST-PAUSE");
    give(true);
    source.write(word("PAUSED"));
    await eventually("the move is over", () => latestMove(other)?.isOver === true);
    expect(latestMove(other)?.message).toBe("This node is just giving slots away itself");
    give(false);
  });

  it("does not take the slots over so late that the source may be at work again", async () => {
    await other.client.command("CONFIG", "SET", "cluster-manual-failover-timeout", "100");
    await establish();
    source.write(Buffer.concat([word("ACK"), word("SNAPSHOT-EOF")]));
    expect(await heard()).toBe("REQUEST-PAUSE");
    source.write(word("PAUSED"));
    expect(await heard()).toBe("REQUEST-FAILOVER");
    const untilMs = Date.now() + 60;
    await eventually("half of the time is over", () => Date.now() > untilMs);
    source.write(word("FAILOVER-GRANTED"));
    await eventually("the move is over", () => latestMove(other)?.isOver === true);
    expect(latestMove(other)).toMatchObject({ state: "failed", message: "Too late to take over" });
    await other.client.command("CONFIG", "SET", "cluster-manual-failover-timeout", "5000");
  });

  it("gives up when its data is flushed, or its memory is full", async () => {
    await establish();
    source.write(Buffer.concat([word("ACK"), encodeCommand(["SET", "{t}a", "1"])]));
    await eventually("the key has come", () => keysInSlot(other) === 1);
    await other.client.command("FLUSHALL");
    expect(latestMove(other)?.message).toBe("Data was flushed");
    source.close();
    await eventually("the move has failed", () => latestMove(other)?.state === "failed");
    await other.client.command("CONFIG", "SET", "maxmemory", "1");
    await establish();
    source.write(word("ACK"));
    await eventually("this one too", () => latestMove(other)?.state === "failed");
    expect(latestMove(other)?.message).toBe("Ran out of memory (OOM) during slot import");
    await other.client.command("CONFIG", "SET", "maxmemory", "0");
  });

  it("refuses whom it does not take for the owner, and words of others", async () => {
    source = await RawClient.connect(other.server.port);
    const ask = (...args: string[]): Promise<string> => source.text("CLUSTER", "SYNCSLOTS", "ESTABLISH", ...args);
    const named = ["NAME", "a".repeat(40), "SLOTSRANGE", ...slots];
    expect(await ask("SOURCE", "b".repeat(40), ...named)).toBe("-ERR Target node does not know the source node\r\n");
    expect(await ask("SOURCE", other.id, ...named)).toBe("-ERR Source node is target node itself\r\n");
    expect(await ask("SOURCE", owner.id, ...named.slice(0, 3))).toBe("-ERR No slot ranges specified\r\n");
    expect(await ask("SOURCE", owner.id, ...named.slice(2))).toBe("-ERR syntax error\r\n");
    expect(await source.text("CLUSTER", "SYNCSLOTS", "PAUSED")).toBe(`-ERR CLUSTER SYNCSLOTS PAUSED ${NOT_A_MOVE}\r\n`);
    expect(await source.text("CLUSTER", "SYNCSLOTS", "NONE")).toBe("-ERR syntax error\r\n");
    expect(await source.text("CLUSTER", "SYNCSLOTS", "FINISH", "STATE", "success", "NAME", "x")).toBe(
      "-ERR No such slot migration job\r\n",
    );
    source.close();
    expect(await establish()).toBe("+OK\r\n");
    const first = source;
    const again = ["SOURCE", owner.id, "NAME", `${moves}`.padStart(40, "0"), "SLOTSRANGE", "1", "1"];
    const another = await RawClient.connect(other.server.port);
    expect(await another.text("CLUSTER", "SYNCSLOTS", "ESTABLISH", ...again)).toBe(
      "-ERR A slot migration of this name is known already\r\n",
    );
    another.close();
    expect(await establish()).toBe("-ERR Slot is already being imported on the target by a different migration\r\n");
    first.close();
  });
});
