/** MSETEX, which no redis-server at hand knows: its effects beside those of SET, and its errors as documented. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const FUTURE_MS = "4000000000000";
const BAD_COUNT = "-ERR invalid numkeys value\r\n";
const BAD_PAIRS = "-ERR wrong number of key-value pairs\r\n";
const BAD_SYNTAX = "-ERR syntax error\r\n";

describe("MSETEX", () => {
  let server: OwnServer;
  let client: RawClient;
  beforeAll(async () => {
    server = await startOwnServer();
    client = await RawClient.connect(server.port);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  const send = (line: string): Promise<string> => client.text(...line.split(" "));

  test("stores all strings with the expiry time, over whatever was there", async () => {
    await send("RPUSH a x");
    expect(await send(`MSETEX 2 a 1 b two PXAT ${FUTURE_MS}`)).toBe(":1\r\n");
    expect(await send("MGET a b")).toBe("*2\r\n$1\r\n1\r\n$3\r\ntwo\r\n");
    expect(await send("PEXPIRETIME a")).toBe(`:${FUTURE_MS}\r\n`);
    expect(await send("PEXPIRETIME b")).toBe(`:${FUTURE_MS}\r\n`);
    expect(await send("MSETEX 1 a 2 EX 100")).toBe(":1\r\n");
    expect(await send("TTL a")).toMatch(/^:(100|99)\r\n$/);
  });

  test("keeps expiry times with KEEPTTL and drops them without", async () => {
    await send(`MSETEX 2 a 1 b 2 EXAT ${FUTURE_MS.slice(0, -3)}`);
    expect(await send("MSETEX 2 b 3 c 4 KEEPTTL")).toBe(":1\r\n");
    expect(await send("PEXPIRETIME b")).toBe(`:${FUTURE_MS}\r\n`);
    expect(await send("PEXPIRETIME c")).toBe(":-1\r\n");
    expect(await send("MSETEX 1 b 5")).toBe(":1\r\n");
    expect(await send("PEXPIRETIME b")).toBe(":-1\r\n");
  });

  test("NX and XX hold for all keys or nothing is stored", async () => {
    await send("DEL a b c");
    await send("SET a old");
    expect(await send("MSETEX 2 b 1 a 2 NX")).toBe(":0\r\n");
    expect(await send("MSETEX 2 a 1 b 2 xx EX 100")).toBe(":0\r\n");
    expect(await send("MGET a b")).toBe("*2\r\n$3\r\nold\r\n$-1\r\n");
    expect(await send("TTL a")).toBe(":-1\r\n");
    expect(await send("MSETEX 2 b 1 c 2 NX")).toBe(":1\r\n");
    expect(await send("MSETEX 2 b 3 c 4 XX")).toBe(":1\r\n");
    expect(await send("MGET b c")).toBe("*2\r\n$1\r\n3\r\n$1\r\n4\r\n");
  });

  test.each([
    ["MSETEX 0 a 1", BAD_COUNT],
    ["MSETEX -1 a 1", BAD_COUNT],
    ["MSETEX a a 1", BAD_COUNT],
    ["MSETEX 2147483648 a 1", BAD_COUNT],
    ["MSETEX 2147483647 a 1", BAD_PAIRS],
    ["MSETEX 2 a 1 b", BAD_PAIRS],
    ["MSETEX 1 a 1 b", BAD_SYNTAX],
    ["MSETEX 1 a 1 NX XX", BAD_SYNTAX],
    ["MSETEX 1 a 1 EX 1 PX 1", BAD_SYNTAX],
    ["MSETEX 1 a 1 EX 1 KEEPTTL", BAD_SYNTAX],
    ["MSETEX 1 a 1 GET", BAD_SYNTAX],
    ["MSETEX 1 a 1 PERSIST", BAD_SYNTAX],
    ["MSETEX 1 a 1 EX", BAD_SYNTAX],
    ["MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command\r\n"],
    ["MSETEX 1 a 1 PX x", "-ERR value is not an integer or out of range\r\n"],
  ])("%s is refused", async (line, error) => {
    await send("DEL a");
    expect(await send(line)).toBe(error);
    expect(await send("EXISTS a")).toBe(":0\r\n");
  });

  test("its keys are found for ACL and cluster", async () => {
    expect(await send("COMMAND GETKEYS MSETEX 2 a 1 b 2 EX 10")).toBe("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  });
});
