/** Words that are no options, though every JavaScript object has properties of these names: they are refused as any other. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const WORDS = ["constructor", "__proto__", "CONSTRUCTOR"];

describe.runIf(hasReferenceServer)("words that JavaScript's objects have", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each(WORDS)("%s is no option of any command", async (word) => {
    const prepared = [
      ["GEOADD", "geo", "1", "1", "a", "2", "2", "b"],
      ["RPUSH", "list", "2", "1"],
      ["PFADD", "hll", "x"],
      ["SET", "string", "x"],
    ];
    const calls = [
      ["GEODIST", "geo", "a", "b", word],
      ["GEORADIUS", "geo", "1", "1", "1", word],
      ["GEORADIUS", "geo", "1", "1", "1", "m", word, "1"],
      ["GEOSEARCH", "geo", "FROMMEMBER", "a", "BYRADIUS", "1", "m", word, "1"],
      ["GEOSEARCHSTORE", "target", "geo", "FROMMEMBER", "a", "BYRADIUS", "1", "m", word, "1"],
      ["SORT", "list", word, "1"],
      ["CLIENT", "LIST", "TYPE", word],
      ["CLIENT", "KILL", "TYPE", word],
      ["CLIENT", "KILL", word, "x"],
      ["CLIENT", word],
      ["CONFIG", "GET", word],
      ["CONFIG", "SET", word, "1"],
      ["CONFIG", "SET", "client-output-buffer-limit", `${word} 0 0 0`],
      ["CONFIG", "SET", "maxmemory", `1${word}`],
      ["CONFIG", "SET", "notify-keyspace-events", word],
      ["COMMAND", "GETKEYS", "MIGRATE", "host", "1", "", "0", "1", word, "KEYS", "a", "b"],
      ["COMMAND", "LIST", "FILTERBY", "ACLCAT", word],
      ["COMMAND", "INFO", word],
      ["COMMAND", "DOCS", word],
      ["PFDEBUG", word, "hll"],
      ["DEBUG", word],
      ["DEBUG", "PROTOCOL", word],
      ["REPLCONF", word, "1"],
      ["SET", "string", "x", word, "1"],
      ["GETEX", "string", word, "1"],
      ["EXPIRE", "string", "100", word],
      ["ZADD", "z", word, "1", "a"],
      ["ZRANGE", "geo", "0", "1", word],
      ["ZUNION", "1", "geo", word, "1"],
      ["BITOP", word, "target", "string"],
      ["BITFIELD", "string", word, "u8", "0"],
      ["LPOS", "list", "1", word, "1"],
      ["LMOVE", "list", "list", word, "LEFT"],
      ["SCAN", "0", word, "1"],
      ["SCAN", "0", "TYPE", word],
      ["OBJECT", word, "string"],
      ["XADD", "stream", word, "a", "b"],
      ["XREAD", word, "1", "STREAMS", "stream", "0"],
      ["XGROUP", word, "stream", "group"],
      [word],
    ];
    await compareServers({
      ports: pair.ports,
      steps: [...prepared, ...calls, ["PING"]].map((args): Step => ({ args })),
      normalisers: KNOWN_DIFFERENCES,
    });
  });

  test.each(WORDS)("%s is no unit of the commands of later versions", async (word) => {
    const client = await RawClient.connect(pair.ports.ours);
    await client.command("HSET", "hash", "a", "1");
    const calls = [
      ["HGETEX", "hash", word, "100", "FIELDS", "1", "a"],
      ["HSETEX", "hash", word, "100", "FIELDS", "1", "a", "2"],
      ["MSETEX", "1", "k", "v", word, "100"],
    ];
    for (const call of calls) expect(await client.text(...call)).toMatch(/^-ERR /);
    expect(await client.text("HTTL", "hash", "FIELDS", "1", "a")).toBe("*1\r\n:-1\r\n");
    client.close();
  });
});
