/** Client-side caching against redis-server: what each of three clients gets behind each command, byte for byte. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

/** `a` and `b` speak RESP3, `w` RESP2. */
const CLIENTS = ["a", "b", "w"] as const;

/** Runs lines like "a GET k" or "a GET k; GET l"; IDA and IDB stand for the ids of clients. Gives what came to each client behind each line. */
async function play(port: number, lines: readonly string[]): Promise<string[]> {
  const clients = new Map<string, RawClient>();
  for (const name of CLIENTS) clients.set(name, await RawClient.connect(port));
  const client = (name: string): RawClient => clients.get(name) ?? expect.fail(`no client ${name}`);
  const control = await RawClient.connect(port);
  const ids: string[] = [];
  for (const name of ["a", "b"]) {
    await client(name).text("HELLO", "3");
    ids.push((await client(name).text("CLIENT", "ID")).slice(1, -2));
  }
  await client("w").text("FLUSHALL");
  const named = (text: string): string =>
    ids.reduce((rest, id, index) => rest.replaceAll(`:${id}\r\n`, `:ID${"AB"[index]}\r\n`), text);
  const log: string[] = [];
  const gone = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const [sender = "", ...words] = line.split(" ");
    const idOf = (word: string): string => (word === "IDA" ? ids[0] : word === "IDB" ? ids[1] : word) ?? "";
    for (const request of words.join(" ").split("; ")) {
      client(sender).write(encodeCommand(request.split(" ").map(idOf)));
    }
    // A turn of the server's event loop: what it sends at the end of one is not to mix with what follows.
    await control.text("PING");
    log.push(line);
    if (line.endsWith("KILL ID IDB")) gone.add("b");
    for (const name of [sender, ...CLIENTS.filter((other) => other !== sender)]) {
      if (gone.has(name)) continue;
      const mark = `mark-${index}`;
      client(name).write(encodeCommand(["PING", mark]));
      log.push(`  ${name}: ${named(await client(name).until(`${mark}\r\n`))}`);
    }
  }
  for (const one of [control, ...clients.values()]) one.close();
  return log;
}

describe.runIf(hasReferenceServer)("CLIENT TRACKING beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  async function compare(...lines: string[]): Promise<void> {
    // One after the other: ours sleeps in this process.
    const ours = await play(pair.ports.ours, lines);
    const theirs = await play(pair.ports.reference, lines);
    expect(ours).toEqual(theirs);
    expect(ours.join()).toContain("mark-0");
  }

  test("options that are none, or do not fit together", () =>
    compare(
      ...["on foo", "foo", "", "ON REDIRECT", "ON REDIRECT x", "ON REDIRECT 9999", "ON REDIRECT IDB REDIRECT IDB"].map(
        (words) => `a CLIENT TRACKING ${words}`.trim(),
      ),
      ...["ON PREFIX x", "ON BCAST PREFIX x PREFIX xy", "ON BCAST PREFIX x PREFIX x", "ON OPTIN OPTOUT", "OFF foo"].map(
        (words) => `a CLIENT TRACKING ${words}`,
      ),
      ...["ON BCAST OPTIN", "OFF BCAST", "ON PREFIX", "OFF REDIRECT 99999"].map(
        (words) => `a CLIENT TRACKING ${words}`,
      ),
      ...["a CLIENT CACHING YES", "a CLIENT CACHING foo", "a CLIENT GETREDIR", "a CLIENT TRACKINGINFO"],
    ));

  test("what was read is told once when it changes, behind the reply of who changes it", () =>
    compare(
      ...[
        "a CLIENT TRACKING ON",
        "a GET k",
        "w SET k 1",
        "w SET k 2",
        "a GET k",
        "a SET k 3",
        "a SET k 4",
        "a MGET k l",
      ],
      ...["a MULTI; SET k 5; SET l 6; EXEC", "a CLIENT TRACKINGINFO", "a CLIENT GETREDIR", "a HGETALL h"],
      ...["w HSET h a 1", "a SORT s", "w SADD s 1", "a EXISTS q", "w SET q 1", "a TTL q", "w EXPIRE q 100", "a GET q"],
      ...["w DEL q", "a GET q", "w RENAME k q", "a GET q", "w SWAPDB 0 1", "a SELECT 3", "a GET q", "w SET q 1"],
      ...["a XREAD STREAMS st 0", "w XADD st 1-1 f v", "a GETEX k", "a INCR k", "w INCR k", "a OBJECT ENCODING k"],
      ...["w SET k 1", "a LRANGE li 0 -1", "w RPUSH li 1", "a GET li", "w LPOP li", "a SUBSCRIBE k", "w SET k 2"],
      ...["a CLIENT TRACKING OFF", "a GET k", "w SET k 1", "a CLIENT TRACKING ON", "a GET k", "a RESET", "w SET k 1"],
    ));

  test("a key that expires, and a database that is emptied", () =>
    compare(
      ...[
        "w DEBUG SET-ACTIVE-EXPIRE 0",
        "a CLIENT TRACKING ON",
        "w SET k 1 PX 400",
        "a GET k",
        "w DEBUG SLEEP 0.5",
        "w GET k",
        "a GET k",
        "w FLUSHALL",
      ],
      ...["a FLUSHALL", "a FLUSHDB", "a GET k", "w SET k 1", "a MULTI; GET k; FLUSHDB; SET k 2; EXEC"],
    ));

  test("data that others takes the place of", () =>
    compare(...["w SET k 1", "a CLIENT TRACKING ON", "a GET k", "w DEBUG RELOAD", "a GET k", "w SET k 1"]));

  test("NOLOOP", () =>
    compare(
      ...["a CLIENT TRACKING ON NOLOOP", "a GET k", "a SET k 3", "a GET k", "w SET k 3", "a CLIENT TRACKINGINFO"],
    ));

  test("OPTIN and OPTOUT", () =>
    compare(
      ...["a CLIENT TRACKING ON OPTIN", "a GET k", "w SET k 1", "a CLIENT CACHING YES", "a CLIENT TRACKINGINFO"],
      ...["a CLIENT CACHING NO", "a CLIENT TRACKING ON OPTOUT", "a CLIENT TRACKING ON BCAST", "a CLIENT TRACKING ON"],
      ...["a CLIENT TRACKINGINFO", "a CLIENT TRACKING OFF", "a CLIENT TRACKING ON OPTOUT", "a CLIENT CACHING YES"],
      ...["a CLIENT TRACKINGINFO", "a GET k", "w SET k 1", "a CLIENT TRACKING ON OPTIN"],
    ));

  test("CLIENT CACHING holds for the next command, or the next transaction", async () => {
    const a = await RawClient.connect(pair.ports.ours);
    const w = await RawClient.connect(pair.ports.ours);
    await a.text("HELLO", "3");
    await a.text("CLIENT", "TRACKING", "ON", "OPTIN");
    for (const requests of [["GET k"], ["MULTI", "GET k", "GET l", "EXEC"]]) {
      await a.text("CLIENT", "CACHING", "YES");
      for (const request of requests) await a.text(...request.split(" "));
      await a.text("GET", "other");
      await w.text("MSET", "k", "1", "l", "1", "other", "1");
      const tells = (key: string): string => `>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\n${key}\r\n`;
      a.write(encodeCommand(["PING"]));
      expect(await a.until("+PONG\r\n")).toBe(`${requests.length > 1 ? tells("k") + tells("l") : tells("k")}+PONG\r\n`);
    }
    for (const client of [a, w]) client.close();
  });

  test("BCAST, with prefixes and without", () =>
    compare(
      ...["a CLIENT TRACKING ON BCAST", "w SET k 1", "a SET l 1", "w MSET a 1 b 2 c 3", "a CLIENT TRACKINGINFO"],
      ...["a CLIENT TRACKING ON BCAST PREFIX x", "a CLIENT TRACKING ON BCAST NOLOOP", "a CLIENT TRACKINGINFO"],
      ...["a CLIENT TRACKING ON", "a CLIENT TRACKING ON OPTIN", "a CLIENT TRACKING OFF", "w FLUSHALL"],
      ...["a CLIENT TRACKING ON BCAST PREFIX x PREFIX y", "w MSET x1 1 y2 2 z3 3 x4 4", "a SET x 1"],
      ...["a CLIENT TRACKING ON BCAST PREFIX xa", "a CLIENT TRACKING ON BCAST PREFIX z", "w SET z1 1"],
      ...[
        "a CLIENT TRACKINGINFO",
        "w FLUSHALL",
        "b CLIENT TRACKING ON BCAST PREFIX x NOLOOP",
        "b SET x 1",
        "w SET x 2",
      ],
    ));

  test("REDIRECT, in both protocols, and to a client that is gone", () =>
    compare(
      ...["a CLIENT TRACKING ON REDIRECT IDB", "a GET k", "w SET k 1", "a CLIENT GETREDIR", "a CLIENT TRACKINGINFO"],
      ...["a GET k", "a SET k 2", "w FLUSHALL", "b RESET", "b SUBSCRIBE __redis__:invalidate", "a GET k", "w SET k 1"],
      ...["w FLUSHALL", "a RESET", "a CLIENT TRACKING ON REDIRECT IDB", "a GET k", "w SET k 1", "w FLUSHALL"],
      ...["w CLIENT KILL ID IDB", "a GET k", "w SET k 1", "a CLIENT TRACKINGINFO", "a GET k"],
    ));

  test("RESP2 without a redirection is told nothing", () =>
    compare("a RESET", "a CLIENT TRACKING ON", "a GET k", "w SET k 1", "a SET k 1", "w FLUSHALL"));
});

/** The message that a key was changed, in RESP3. */
function told(key: string): string {
  return `>2\r\n$10\r\ninvalidate\r\n*1\r\n$${key.length}\r\n${key}\r\n`;
}

describe("CLIENT TRACKING here", () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await startOwnServer();
  });
  afterAll(() => server.stop());

  const count = async (client: RawClient, field: string): Promise<number> =>
    Number(new RegExp(`tracking_${field}:(\\d+)`).exec(await client.text("INFO", "everything"))?.[1]);

  test("remembers what scripts read, as since Redis 7.2", async () => {
    const a = await RawClient.connect(server.port);
    const w = await RawClient.connect(server.port);
    await a.text("HELLO", "3");
    await a.text("CLIENT", "TRACKING", "ON");
    await a.text("EVAL_RO", "return redis.call('GET', 'inside')", "1", "declared");
    await w.text("MSET", "declared", "1", "inside", "1");
    a.write(encodeCommand(["EVAL", "redis.call('GET', 'k') return redis.call('SET', 'k', '1')", "0"]));
    a.write(encodeCommand(["PING"]));
    expect(await a.until("+PONG\r\n")).toBe(`${told("inside")}+OK\r\n${told("k")}+PONG\r\n`);
    for (const client of [a, w]) client.close();
  });

  test("tells of keys with a prefix before the client that has changed them gets its reply", async () => {
    const a = await RawClient.connect(server.port);
    const w = await RawClient.connect(server.port);
    await a.text("HELLO", "3");
    await a.text("CLIENT", "TRACKING", "ON", "BCAST");
    for (let k = 0; k < 20; k++) {
      await w.text("SET", `key:${k}`, "1");
      a.write(encodeCommand(["PING"]));
      expect(await a.until("+PONG\r\n")).toBe(`${told(`key:${k}`)}+PONG\r\n`);
    }
    for (const client of [a, w]) client.close();
  });

  test("forgets a key too many at once, not ten times a second", async () => {
    const a = await RawClient.connect(server.port);
    // In RESP2 it is told of none.
    await a.text("CONFIG", "SET", "tracking-table-max-keys", "2");
    await a.text("CLIENT", "TRACKING", "ON");
    for (let k = 0; k < 50; k++) {
      await a.text("GET", `key:${k}`);
      expect(await count(a, "total_keys")).toBe(Math.min(k + 1, 2));
    }
    await a.text("CONFIG", "SET", "tracking-table-max-keys", "1000000");
    a.close();
  });

  test("forgets keys beyond tracking-table-max-keys, telling whose they were, and all with the last client", async () => {
    const a = await RawClient.connect(server.port);
    const w = await RawClient.connect(server.port);
    await a.text("HELLO", "3");
    await a.text("CLIENT", "TRACKING", "ON");
    for (let k = 0; k < 300; k++) await a.text("GET", `key:${k}`);
    expect(await count(w, "total_keys")).toBe(300);
    expect(await count(w, "total_items")).toBe(300);
    await w.text("CONFIG", "SET", "tracking-table-max-keys", "10");
    while ((await count(w, "total_keys")) > 10);
    a.write(encodeCommand(["PING"]));
    expect((await a.until("+PONG\r\n")).split("invalidate").length - 1).toBe(290);
    a.close();
    while ((await count(w, "clients")) > 0);
    expect(await count(w, "total_keys")).toBe(0);
    w.close();
  });
});
