/** Fields that expire, from the documentation of Redis 7.4 and 8.0, on a clock that the test moves. */

import { RespError } from "@kvcluster/protocol/resp-decoder";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { type OwnServer, startOwnServerWith } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { ReferenceClient } from "../testing/reference-server.ts";

const START_MS = 1_700_000_000_000;

let clock: FakeClock;
let server: OwnServer;
let client: ReferenceClient;

beforeEach(async () => {
  clock = new FakeClock(START_MS);
  server = await startOwnServerWith(clock, "--enable-debug-command", "yes");
  client = await ReferenceClient.connect(server.port);
});

afterEach(async () => {
  client.close();
  await server.stop();
});

async function run(command: string): Promise<unknown> {
  const [reply] = await client.send([command.split(" ")]);
  return plain(reply);
}

function plain(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  if (Array.isArray(reply)) return reply.map(plain);
  return reply instanceof RespError ? `-${reply.message}` : reply;
}

/** A hash of this many fields, small or large. */
async function fill(fields: number): Promise<void> {
  const words: string[] = [];
  for (let k = 0; k < fields; k++) words.push(`f${k}`, `v${k}`);
  await run(`HSET h ${words.join(" ")}`);
}

describe.each([
  ["listpackex", 4],
  ["hashtable", 600],
])("HEXPIRE and its kin on a %s", (encoding, fields) => {
  beforeEach(() => fill(fields));

  it("answers for each field, and tells times left in both units", async () => {
    expect(await run("HEXPIRE h 10 FIELDS 3 f0 f1 none")).toEqual([1, 1, -2]);
    expect(await run("OBJECT ENCODING h")).toBe(encoding);
    expect(await run("HTTL h FIELDS 3 f0 f2 none")).toEqual([10, -1, -2]);
    clock.advance(1);
    expect(await run("HTTL h FIELDS 1 f0")).toEqual([10]);
    expect(await run("HPTTL h FIELDS 1 f0")).toEqual([9999]);
    expect(await run("HEXPIRETIME h FIELDS 1 f0")).toEqual([START_MS / 1000 + 10]);
    expect(await run("HPEXPIRETIME h FIELDS 2 f0 f3")).toEqual([START_MS + 10_000, -1]);
    expect(await run(`HPEXPIREAT h ${START_MS + 5000} FIELDS 1 f0`)).toEqual([1]);
    expect(await run(`HEXPIREAT h ${START_MS / 1000 + 7} FIELDS 1 f1`)).toEqual([1]);
    expect(await run("HPEXPIRETIME h FIELDS 2 f0 f1")).toEqual([START_MS + 5000, START_MS + 7000]);
    expect(await run("HTTL none FIELDS 2 a b")).toEqual([-2, -2]);
    expect(await run("HEXPIRE none 5 FIELDS 2 a b")).toEqual([-2, -2]);
    expect(await run("EXISTS none")).toBe(0);
  });

  it("keeps to NX, XX, GT and LT", async () => {
    expect(await run("HPEXPIRE h 1000 XX FIELDS 1 f0")).toEqual([0]);
    expect(await run("HPEXPIRE h 1000 GT FIELDS 1 f0")).toEqual([0]);
    expect(await run("HPEXPIRE h 1000 NX FIELDS 1 f0")).toEqual([1]);
    expect(await run("HPEXPIRE h 1000 NX FIELDS 2 f0 f1")).toEqual([0, 1]);
    expect(await run("HPEXPIRE h 1000 GT FIELDS 1 f0")).toEqual([0]);
    expect(await run("HPEXPIRE h 1001 GT FIELDS 1 f0")).toEqual([1]);
    expect(await run("HPEXPIRE h 1001 LT FIELDS 1 f0")).toEqual([0]);
    expect(await run("HPEXPIRE h 999 lt FIELDS 2 f0 f2")).toEqual([1, 1]);
    expect(await run("HPTTL h FIELDS 3 f0 f1 f2")).toEqual([999, 1000, 999]);
  });

  it("deletes at once where the moment is past, and the key with its last field", async () => {
    expect(await run("HPEXPIREAT h 1 FIELDS 2 f0 f0")).toEqual([2, -2]);
    expect(await run("HLEN h")).toBe(fields - 1);
    await run("HSET single f v");
    expect(await run("HEXPIRE single 0 FIELDS 1 f")).toEqual([2]);
    expect(await run("EXISTS single")).toBe(0);
  });

  it("HPERSIST takes the time off", async () => {
    await run("HEXPIRE h 10 FIELDS 1 f0");
    expect(await run("HPERSIST h FIELDS 3 f0 f1 none")).toEqual([1, -1, -2]);
    expect(await run("HTTL h FIELDS 1 f0")).toEqual([-1]);
    clock.advance(20_000);
    expect(await run("HGET h f0")).toBe("v0");
    expect(await run("HPERSIST none FIELDS 1 f0")).toEqual([-2]);
  });

  it("HSET takes the time off, HINCRBY and HINCRBYFLOAT keep it", async () => {
    await run("HSET h f1 5 f2 1.5");
    await run("HPEXPIRE h 5000 FIELDS 3 f0 f1 f2");
    await run("HSET h f0 other");
    expect(await run("HINCRBY h f1 2")).toBe(7);
    expect(await run("HINCRBYFLOAT h f2 2")).toBe("3.5");
    expect(await run("HPTTL h FIELDS 3 f0 f1 f2")).toEqual([-1, 5000, 5000]);
    clock.advance(5001);
    expect(await run("HINCRBY h f1 2")).toBe(2);
    expect(await run("HTTL h FIELDS 1 f1")).toEqual([-1]);
  });

  it("fields expire by themselves, the rest stays", async () => {
    await run("HPEXPIRE h 1000 FIELDS 2 f0 f1");
    await run("HPEXPIRE h 3000 FIELDS 1 f2");
    expect(await run("INFO keyspace")).toContain("subexpiry=1");
    clock.advance(1000);
    expect(await run("HGET h f0")).toBe("v0");
    clock.advance(200);
    expect(await run("HLEN h")).toBe(fields - 2);
    expect(await run("INFO stats")).toContain("expired_subkeys:2");
    clock.advance(3000);
    expect(await run("HLEN h")).toBe(fields - 3);
    expect(await run("INFO keyspace")).toContain("subexpiry=0");
    expect(await run("HGET h f3")).toBe("v3");
  });

  it("without the active cycle expired fields are not seen, and go when they are asked for", async () => {
    await run("DEBUG SET-ACTIVE-EXPIRE 0");
    await run("HPEXPIRE h 1000 FIELDS 3 f0 f1 f2");
    clock.advance(1001);
    expect(await run("HLEN h")).toBe(fields);
    expect(((await run("HGETALL h")) as unknown[]).length).toBe((fields - 3) * 2);
    expect(((await run("HKEYS h")) as unknown[]).length).toBe(fields - 3);
    expect(((await run("HVALS h")) as unknown[]).length).toBe(fields - 3);
    expect(await run("HTTL h FIELDS 1 f0")).toEqual([-2]);
    expect(await run("HMGET h f0 f3")).toEqual([null, "v3"]);
    expect(await run("HLEN h")).toBe(fields - 1);
    expect(await run("HEXISTS h f1")).toBe(0);
    expect(await run("HSTRLEN h f2")).toBe(0);
    expect(await run("HLEN h")).toBe(fields - 3);
    await run("HPEXPIRE h 1000 FIELDS 1 f3");
    clock.advance(1001);
    expect(await run("HSET h f3 new")).toBe(1);
    expect(await run("HTTL h FIELDS 1 f3")).toEqual([-1]);
    await run("HPEXPIRE h 1000 FIELDS 1 f3");
    clock.advance(1001);
    const drawn = (await run(`HRANDFIELD h ${fields}`)) as unknown[];
    expect(drawn).not.toContain("f3");
    expect(await run("HLEN h")).toBe(fields - 4);
  });

  it("a key goes with its last field, read or swept", async () => {
    await run("DEBUG SET-ACTIVE-EXPIRE 0");
    await run("HSET a f v g w");
    await run("HPEXPIRE a 10 FIELDS 2 f g");
    clock.advance(11);
    expect(await run("EXISTS a")).toBe(1);
    expect(await run("HGET a f")).toBe(null);
    expect(await run("EXISTS a")).toBe(1);
    expect(await run("HMGET a f g")).toEqual([null, null]);
    expect(await run("EXISTS a")).toBe(0);
    await run("HSET b f v");
    await run("HPEXPIRE b 10 FIELDS 1 f");
    clock.advance(11);
    expect(await run("HRANDFIELD b")).toBe(null);
    expect(await run("EXISTS b")).toBe(0);
    await run("HSET c f v");
    await run("HPEXPIRE c 10 FIELDS 1 f");
    await run("DEBUG SET-ACTIVE-EXPIRE 1");
    clock.advance(300);
    expect(await run("DBSIZE")).toBe(1);
  });

  it("COPY, RENAME, MOVE and DEBUG RELOAD keep the times", async () => {
    await run(`HPEXPIREAT h ${START_MS + 9000} FIELDS 1 f0`);
    await run(`HPEXPIREAT h ${START_MS + 5000} FIELDS 2 f1 f2`);
    const times = [START_MS + 9000, START_MS + 5000, START_MS + 5000, -1];
    await run("COPY h copy");
    await run("RENAME h renamed");
    await run("MOVE copy 1");
    for (let reload = 0; reload < 2; reload++) {
      expect(await run("HPEXPIRETIME renamed FIELDS 4 f0 f1 f2 f3")).toEqual(times);
      expect(await run("OBJECT ENCODING renamed")).toBe(encoding);
      expect(await run("SELECT 1")).toBe("OK");
      expect(await run("HPEXPIRETIME copy FIELDS 4 f0 f1 f2 f3")).toEqual(times);
      expect(await run("SELECT 0")).toBe("OK");
      expect(await run("INFO keyspace")).toMatch(/db0:.*subexpiry=1\r\ndb1:.*subexpiry=1/);
      expect(await run("DEBUG RELOAD")).toBe("OK");
    }
    clock.advance(6000);
    expect(await run("HLEN renamed")).toBe(fields - 2);
    expect(await run("DEL renamed")).toBe(1);
    await run("FLUSHALL");
    clock.advance(10_000);
    expect(await run("DBSIZE")).toBe(0);
  });

  it("DUMP and RESTORE keep the times", async () => {
    await run("HEXPIRE h 10 FIELDS 2 f0 f2");
    const [payload] = await client.send([["DUMP", "h"]]);
    clock.advance(1000);
    expect(await client.send([["RESTORE", "copy", "0", payload as Buffer]])).toEqual(["OK"]);
    expect(await run("HPTTL copy FIELDS 3 f0 f1 f2")).toEqual([9000, -1, 9000]);
    expect(await run("OBJECT ENCODING copy")).toBe(encoding);
    expect(await run("INFO keyspace")).toContain("subexpiry=2");
    clock.advance(9100);
    expect(await run("HLEN copy")).toBe(fields - 2);
  });

  it("a file is loaded without the fields that have expired meanwhile", async () => {
    await run("DEBUG SET-ACTIVE-EXPIRE 0");
    await run("HPEXPIRE h 100 FIELDS 1 f0");
    await run("HPEXPIRE h 9000 FIELDS 1 f1");
    await run("HSET gone f v");
    await run("HPEXPIRE gone 100 FIELDS 1 f");
    clock.advance(200);
    expect(await run("DEBUG RELOAD")).toBe("OK");
    expect(await run("HLEN h")).toBe(fields - 1);
    expect(await run("EXISTS gone")).toBe(0);
    expect(await run("HPTTL h FIELDS 2 f0 f1")).toEqual([-2, 8800]);
  });

  it("SET, DEL, SWAPDB and FLUSHDB take hashes off the list of those that expire", async () => {
    await run("HPEXPIRE h 1000 FIELDS 1 f0");
    await run("SET h string");
    expect(await run("INFO keyspace")).toContain("subexpiry=0");
    await run("DEL h");
    await fill(fields);
    await run("HPEXPIRE h 1000 FIELDS 1 f0");
    await run("SWAPDB 0 1");
    expect(await run("INFO keyspace")).toMatch(/db1:.*subexpiry=1/);
    clock.advance(1200);
    await run("SELECT 1");
    expect(await run("HLEN h")).toBe(fields - 1);
    await run("HPEXPIRE h 1000 FIELDS 1 f1");
    await run("FLUSHDB");
    expect(await run("INFO keyspace")).not.toContain("db1");
  });
});

describe("HGETDEL, HGETEX and HSETEX", () => {
  it("HGETDEL gives values and removes the fields, and the key with the last of them", async () => {
    await run("HSET h a 1 b 2");
    expect(await run("HGETDEL h FIELDS 3 a none a")).toEqual(["1", null, null]);
    expect(await run("HGETALL h")).toEqual(["b", "2"]);
    expect(await run("HGETDEL h FIELDS 1 b")).toEqual(["2"]);
    expect(await run("EXISTS h")).toBe(0);
    expect(await run("HGETDEL h FIELDS 2 a b")).toEqual([null, null]);
  });

  it("HGETEX gives values, and sets or takes off their time", async () => {
    await run("HSET h a 1 b 2 c 3");
    expect(await run("HGETEX h FIELDS 2 a none")).toEqual(["1", null]);
    expect(await run("HGETEX h EX 10 FIELDS 2 a none")).toEqual(["1", null]);
    expect(await run("HGETEX h PXAT 1700000005000 FIELDS 1 b")).toEqual(["2"]);
    expect(await run("HPTTL h FIELDS 3 a b c")).toEqual([10_000, 5000, -1]);
    expect(await run("HGETEX h PERSIST FIELDS 2 a c")).toEqual(["1", "3"]);
    expect(await run("HPTTL h FIELDS 1 a")).toEqual([-1]);
    expect(await run("HGETEX h EXAT 1 FIELDS 1 b")).toEqual(["2"]);
    expect(await run("HEXISTS h b")).toBe(0);
    expect(await run("HGETEX none EX 5 FIELDS 1 a")).toEqual([null]);
  });

  it("HSETEX sets fields with a time, under conditions", async () => {
    expect(await run("HSETEX h FXX EX 10 FIELDS 1 a 1")).toBe(0);
    expect(await run("EXISTS h")).toBe(0);
    expect(await run("HSETEX h EX 10 FIELDS 2 a 1 b 2")).toBe(1);
    expect(await run("HTTL h FIELDS 2 a b")).toEqual([10, 10]);
    expect(await run("HSETEX h FNX FIELDS 2 c 3 a 9")).toBe(0);
    expect(await run("HSETEX h KEEPTTL FIELDS 2 a 5 c 3")).toBe(1);
    expect(await run("HSETEX h fxx FIELDS 1 b 6")).toBe(1);
    expect(await run("HMGET h a b c")).toEqual(["5", "6", "3"]);
    expect(await run("HTTL h FIELDS 3 a b c")).toEqual([10, -1, -1]);
    expect(await run("HSETEX h PXAT 1 FIELDS 1 a 1")).toBe(1);
    expect(await run("HGET h a")).toBe(null);
  });
});

describe("events", () => {
  it("tell what happens to fields, with or without a command", async () => {
    await run("CONFIG SET notify-keyspace-events Ehgx");
    const subscriber = await RawClient.connect(server.port);
    await subscriber.command("PSUBSCRIBE", "__keyevent@0__:*");
    await run("HSETEX h EX 10 FIELDS 4 a 1 b 2 c 3 d 4");
    await run("HPERSIST h FIELDS 1 a");
    await run("HPEXPIRE h 50 FIELDS 2 b c");
    await run("HGETEX h EX 1 FIELDS 1 a");
    await run("HGETEX h PERSIST FIELDS 1 a");
    await run("HGETDEL h FIELDS 1 d");
    clock.advance(300);
    await run("HPEXPIREAT h 1 FIELDS 1 a");
    await run("HSETEX h PX 50 FIELDS 1 a 1");
    clock.advance(300);
    const messages = await subscriber.replies(12);
    subscriber.close();
    const events = messages.map((message) => /:([a-z]+)\r\n\$\d+\r\nh\r\n$/.exec(message.toString("latin1"))?.[1]);
    expect(events).toEqual([
      ...["hset", "hexpire", "hpersist", "hexpire", "hexpire", "hpersist", "hdel", "hexpired"],
      ...["hdel", "del", "hset", "hexpire"],
    ]);
  });
});

describe("replication", () => {
  it("sends moments and deletions only, and what became several commands as one transaction", async () => {
    const replica = await attachReplica();
    const startMs = clock.nowMs();
    await run("HSET h a 1 b 2 c 3 d 4 e 5 f 6");
    await run("HEXPIRE h 10 FIELDS 2 a none");
    await run("HEXPIRE h 0 FIELDS 1 b");
    await run("HGETEX h PX 5000 FIELDS 2 c d");
    await run("HGETEX h PERSIST FIELDS 2 c e");
    await run("HGETDEL h FIELDS 2 e none");
    await run("HSETEX h EX 20 FIELDS 1 f 9");
    await run("HINCRBYFLOAT h f 1");
    await run("HINCRBY h f 1");
    await run("HEXPIRE h 5 XX FIELDS 1 c");
    clock.advance(5200);
    await run("DEBUG SET-ACTIVE-EXPIRE 0");
    clock.advance(5200);
    await run("HGET h a");
    await run("SET end 1");
    expect(await replica.until("SET end 1")).toEqual([
      "HSET h a 1 b 2 c 3 d 4 e 5 f 6",
      `HPEXPIREAT h ${startMs + 10_000} FIELDS 1 a`,
      "HDEL h b",
      `HPEXPIREAT h ${startMs + 5000} FIELDS 2 c d`,
      "HPERSIST h FIELDS 1 c",
      "HDEL h e",
      ...["MULTI", "HSET h f 9", `HPEXPIREAT h ${startMs + 20_000} FIELDS 1 f`, "EXEC"],
      ...["MULTI", "HSET h f 10", `HPEXPIREAT h ${startMs + 20_000} FIELDS 1 f`, "EXEC"],
      "HINCRBY h f 1",
      "HDEL h d",
      "HDEL h a",
    ]);
    replica.close();
  });
});

describe("a replica", () => {
  it.each([4, 600])("leaves expired fields to its primary, but does not show them (%i fields)", async (fields) => {
    client.close();
    await server.stop();
    server = await startOwnServerWith(clock, "--replicaof", "127.0.0.1", "1", "--replica-read-only", "no");
    client = await ReferenceClient.connect(server.port);
    await fill(fields);
    await run("HPEXPIRE h 100 FIELDS 3 f0 f1 f2");
    expect(await run("HPEXPIREAT h 5 FIELDS 1 f2")).toEqual([1]);
    clock.advance(500);
    expect(await run("HMGET h f0 f3")).toEqual([null, "v3"]);
    expect(await run("HEXISTS h f1")).toBe(0);
    expect(await run("HTTL h FIELDS 1 f2")).toEqual([-2]);
    expect(((await run("HGETALL h")) as unknown[]).length).toBe((fields - 3) * 2);
    const drawn = (await run(`HRANDFIELD h ${fields}`)) as unknown[];
    expect(drawn.length).toBe(fields - 3);
    expect(drawn).not.toContain("f0");
    expect(((await run("HRANDFIELD h -50 WITHVALUES")) as unknown[]).length).toBe(100);
    expect(String(await run("HRANDFIELD h"))).toMatch(/^f([3-9]|\d\d)/);
    expect(await run("HLEN h")).toBe(fields);
    await run("REPLICAOF NO ONE");
    clock.advance(200);
    expect(await run("HLEN h")).toBe(fields - 3);
  });
});

/** A replica that only listens: the commands it was sent, without PING, SELECT and the like. */
async function attachReplica(): Promise<{ until(last: string): Promise<string[]>; close(): void }> {
  const client = await RawClient.connect(server.port);
  let text = "";
  client.socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  client.write("REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n");
  const reaches = async (isThere: () => boolean): Promise<void> => {
    for (let turn = 0; turn < MOST_TURNS && !isThere(); turn++) {
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!isThere()) throw new Error(`The replica waits in vain, it has ${JSON.stringify(text)}`);
  };
  const marker = (): string | undefined => /\$EOF:([0-9a-f]{40})\r\n/.exec(text)?.[1];
  await reaches(() => marker() !== undefined && text.split(marker() as string).length === 3);
  text = "";
  client.write("REPLCONF ACK 0\r\n");
  return {
    async until(last) {
      const commands = (): string[] =>
        text
          .split(/\*\d+\r\n/)
          .map((command) =>
            command
              .replace(/\$\d+\r\n/g, "")
              .trim()
              .replace(/\r\n/g, " "),
          )
          .filter((command) => !/^(|PING|SELECT \d+|REPLCONF .*)$/.test(command));
      await reaches(() => commands().includes(last));
      return commands().filter((command) => command !== last);
    },
    close: () => client.close(),
  };
}

const MOST_TURNS = 20_000;

describe("bad requests", () => {
  beforeEach(async () => {
    await run("HSET h a 1");
    await run("SET s string");
  });

  it.each([
    ["HEXPIRE h abc FIELDS 1 a", "ERR value is not an integer or out of range"],
    ["HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"],
    ["HEXPIRE h 99999999999999 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"],
    ["HPEXPIREAT h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpireat' command"],
    ["HEXPIRE h 1 FIELD 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"],
    ["HEXPIRE h 1 FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0"],
    ["HEXPIRE h 1 FIELDS x a", "ERR Parameter `numFields` should be greater than 0"],
    ["HEXPIRE h 1 FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"],
    ["HEXPIRE h 1 NX FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"],
    ["HEXPIRE h 1 NX XX FIELDS 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"],
    ["HEXPIRE s 1 FIELDS 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"],
    ["HTTL h FIELDS 0 a", "ERR Number of fields must be a positive integer"],
    ["HTTL h FELDER 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"],
    ["HPERSIST h FIELDS 3 a", "ERR The `numfields` parameter must match the number of arguments"],
    ["HTTL s FIELDS 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"],
    ["HEXPIRE h 1 FIELDS 1", "ERR wrong number of arguments for 'hexpire' command"],
    ["HGETEX h EX -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"],
    ["HGETEX h EX 10 FIELDS", "ERR The `numfields` parameter must match the number of arguments"],
    ["HGETEX h FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"],
    ["HGETDEL s FIELDS 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"],
    ["HSETEX h FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"],
    ["HSETEX h EX 1 KEEPTTL FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"],
    ["HSETEX h EX 1 FIELDS 2 a 1", "ERR wrong number of arguments for 'hsetex' command"],
    ["HSETEX h EX 1 FIELDS 0 a 1", "ERR invalid number of fields"],
    ["HSETEX h WHAT FIELDS 1 a 1", "ERR unknown argument: WHAT"],
    ["HSETEX s FIELDS 1 a 1 x", "ERR wrong number of arguments for 'hsetex' command"],
    ["HGETF h a", "ERR unknown command 'HGETF', with args beginning with: 'h' 'a' "],
  ])("%s", async (command, error) => {
    expect(await run(command)).toBe(`-${error}`);
    expect(await run("HGETALL h")).toEqual(["a", "1"]);
    expect(await run("OBJECT ENCODING h")).toBe("listpack");
  });
});
