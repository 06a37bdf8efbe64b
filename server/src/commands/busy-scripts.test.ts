/** Scripts that run for longer than `busy-reply-threshold`: what others hear, and how they end, here and in redis-server. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const BUSY = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
/** Is busy for half a second: a number of steps would take a slow machine as long as it likes. */
const WORK = `
  local function now() local time = redis.call('TIME') return time[1] + time[2] / 1000000 end
  local started = now()
  while now() - started < 0.5 do for i = 1, 10000 do end end`;
const LONG = `
  redis.call('SET', KEYS[1], 'first')
  ${WORK}
  redis.call('APPEND', KEYS[1], ' and last')
  return 7`;
const RESULT = ":7\r\n";
const ACK = encodeCommand(["REPLCONF", "ACK", "0"]);

describe.runIf(hasReferenceServer).each(["ours", "reference"] as const)("a long script in %s", (kind) => {
  let pair: ServerPair;
  let runner: RawClient;
  let other: RawClient;
  beforeAll(async () => {
    pair = await startServerPair("--busy-reply-threshold", "50");
    runner = await RawClient.connect(pair.ports[kind]);
    other = await RawClient.connect(pair.ports[kind]);
  });
  afterAll(async () => {
    runner.close();
    other.close();
    await pair.stop();
  });

  /** Sends a request with a script, and waits until others are told of it. */
  async function begin(...args: readonly string[]): Promise<void> {
    runner.write(encodeCommand(args));
    while ((await other.text("PING")) !== BUSY);
  }

  async function outcome(): Promise<string> {
    return String((await runner.replies(1))[0]);
  }

  test("ends by SCRIPT KILL if it has changed nothing", async () => {
    await begin("EVAL", "while true do end", "0");
    expect(await other.text("GET", "key")).toBe(BUSY);
    expect(await other.text("SHUTDOWN")).toBe(BUSY);
    expect(await other.text("SCRIPT", "FLUSH")).toBe(BUSY);
    expect(await other.text("SCRIPT", "KILL")).toBe("+OK\r\n");
    expect(await outcome()).toMatch(
      /^-ERR Script killed by user with SCRIPT KILL\.\.\. script: [0-9a-f]{40}, on @user_script:1\.\r\n$/,
    );
    expect(await other.text("SCRIPT", "KILL")).toBe("-NOTBUSY No scripts in execution right now.\r\n");
    expect(await other.text("PING")).toBe("+PONG\r\n");
  });

  test("and a function by FUNCTION KILL, each by its own", async () => {
    const busy = "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n";
    const endless = "#!lua name=l\nredis.register_function('endless', function() while true do end end)";
    await other.text("FUNCTION", "LOAD", "REPLACE", endless);
    runner.write(encodeCommand(["FCALL", "endless", "0", "argument"]));
    while ((await other.text("PING")) !== busy);
    expect(await other.text("SCRIPT", "KILL")).toBe(busy);
    expect(await other.text("FUNCTION", "STATS")).toMatch(
      /^\*4\r\n\$14\r\nrunning_script\r\n\*6\r\n\$4\r\nname\r\n\$7\r\nendless\r\n\$7\r\ncommand\r\n\*4\r\n\$5\r\nFCALL\r\n/,
    );
    expect(await other.text("FUNCTION", "KILL")).toBe("+OK\r\n");
    expect(await outcome()).toMatch(
      /^-ERR Script killed by user with SCRIPT KILL\.\.\. script: endless, on @user_function:2\.\r\n$/,
    );
    await begin("EVAL", "while true do end", "0");
    expect(await other.text("FUNCTION", "KILL")).toBe(BUSY);
    expect(await other.text("FUNCTION", "STATS")).toBe(BUSY);
    expect(await other.text("SCRIPT", "KILL")).toBe("+OK\r\n");
    expect(await outcome()).toContain("Script killed by user");
  });

  test("that has written goes on to its end, and nobody sees half of it", async () => {
    await begin("EVAL", LONG, "1", "key");
    expect(await other.text("SCRIPT", "KILL")).toMatch(/^-UNKILLABLE Sorry the script already executed write commands/);
    let seen = BUSY;
    while (seen === BUSY) seen = await other.text("GET", "key");
    expect(seen).toBe("$14\r\nfirst and last\r\n");
    expect(await outcome()).toBe(RESULT);
  });

  test("that has written is not stopped halfway when the last replica goes", async () => {
    const replica = await RawClient.connect(pair.ports[kind]);
    replica.write(encodeCommand(["PSYNC", "?", "-1"]));
    while (!(await other.text("INFO", "replication")).includes("state=online")) replica.write(ACK);
    expect(await other.text("CONFIG", "SET", "min-replicas-to-write", "1")).toBe("+OK\r\n");
    while ((await other.text("SET", "key", "before")) !== "+OK\r\n") replica.write(ACK);
    await begin("EVAL", LONG, "1", "key");
    replica.close();
    expect(await outcome()).toBe(RESULT);
    expect(await other.text("SET", "key", "after")).toMatch(/^-NOREPLICAS /);
    expect(await other.text("CONFIG", "SET", "min-replicas-to-write", "0")).toBe("+OK\r\n");
    expect(await other.text("GET", "key")).toBe("$14\r\nfirst and last\r\n");
  });

  test("lets the requests behind it wait, and those of a transaction be queued", async () => {
    await begin("EVAL", LONG, "1", "key");
    runner.write(encodeCommand(["APPEND", "key", "!"]));
    expect(await other.text("MULTI")).toBe("+OK\r\n");
    expect(await other.text("DISCARD")).toBe("+OK\r\n");
    expect((await runner.replies(2)).map(String)).toEqual([RESULT, ":15\r\n"]);
  });
});

describe.runIf(hasReferenceServer)("a long script here", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair("--busy-reply-threshold", "50");
  });
  afterAll(async () => await pair.stop());

  test("serves who waits for its keys only at its end, and keeps what it has selected and set", async () => {
    const [runner, waiting, other] = await Promise.all([1, 2, 3].map(() => RawClient.connect(pair.ports.ours)));
    if (runner === undefined || waiting === undefined || other === undefined) throw new Error("no clients");
    waiting.write(encodeCommand(["BLPOP", "list", "0"]));
    while (!(await other.text("INFO", "clients")).includes("blocked_clients:1\r\n"));
    const source = `
      redis.call('RPUSH', 'list', 'a')
      redis.call('SELECT', 3)
      redis.setresp(3)
      ${WORK}
      redis.call('SET', 'there', 'yes')
      return {type(redis.call('GET', 'missing')), redis.call('LLEN', 'list')}`;
    runner.write(encodeCommand(["EVAL", source, "0"]));
    while ((await other.text("PING")) !== BUSY);
    expect(String(waiting.takeAll())).toBe("");
    expect(String((await runner.replies(1))[0])).toBe("*2\r\n$3\r\nnil\r\n:0\r\n");
    expect(String((await waiting.replies(1))[0])).toBe("*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
    expect(await other.text("EXISTS", "there")).toBe(":0\r\n");
    await other.text("SELECT", "3");
    expect(await other.text("GET", "there")).toBe("$3\r\nyes\r\n");
    for (const client of [runner, waiting, other]) client.close();
  });

  test("goes on when its client is gone", async () => {
    const [runner, other] = await Promise.all([1, 2].map(() => RawClient.connect(pair.ports.ours)));
    if (runner === undefined || other === undefined) throw new Error("no clients");
    runner.write(encodeCommand(["EVAL", LONG, "1", "orphan"]));
    while ((await other.text("PING")) !== BUSY);
    runner.close();
    let seen = BUSY;
    while (seen === BUSY) seen = await other.text("GET", "orphan");
    expect(seen).toBe("$14\r\nfirst and last\r\n");
    other.close();
  });
});
