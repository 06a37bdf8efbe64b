/** Blocking commands of lists and sorted sets beside redis-server; what each client received in the end is compared. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Line, playScene } from "../testing/blocking-scene.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const SCENARIOS: Readonly<Record<string, readonly Line[]>> = {
  "first come, first served, one element each": [
    ...([1, 2, 3].map((client) => [client, "*BLPOP k 0"]) as Line[]),
    [0, "RPUSH k a b c d"],
    [0, "LRANGE k 0 -1"],
  ],
  "an element for fewer clients than wait": [
    [1, "*BRPOP k 0"],
    [2, "*BLPOP k 0"],
    [0, "RPUSH k only"],
    [0, "EXISTS k"],
    [0, "RPUSH k second"],
  ],
  "the first of several keys, as they became ready": [
    [1, "*BLPOP a b c 0"],
    [2, "*BLPOP c b a 0"],
    [0, "RPUSH c 1"],
    [0, "RPUSH a 2"],
  ],
  "what a transaction pushes and takes away again is not seen": [
    [1, "*BLPOP k 0"],
    [0, "MULTI"],
    [0, "RPUSH k gone"],
    [0, "DEL k"],
    [0, "EXEC"],
    [0, "RPUSH k stays"],
  ],
  "a key of another type wakes nobody": [
    [1, "*BLPOP k 0"],
    [2, "*BZPOPMIN k 0"],
    [0, "SET k v"],
    [0, "DEL k"],
    [0, "ZADD k 1 m"],
    [0, "RPUSH k x"],
  ],
  "chains of moves": [
    [1, "*BLMOVE a b LEFT RIGHT 0"],
    [2, "*BRPOPLPUSH b c 0"],
    [3, "*BLPOP c 0"],
    [0, "LPUSH a x y"],
    [0, "LRANGE a 0 -1"],
    [0, "EXISTS b c"],
  ],
  "a move onto a key of another type is an error, the element stays": [
    [0, "SET s v"],
    [1, "*BLMOVE a s LEFT LEFT 0"],
    [0, "RPUSH a x"],
    [0, "LRANGE a 0 -1"],
  ],
  "a move onto the same list": [
    [1, "*BLMOVE a a LEFT RIGHT 0"],
    [2, "*BLMOVE a a LEFT RIGHT 0"],
    [0, "RPUSH a x y"],
    [0, "LRANGE a 0 -1"],
  ],
  "RENAME, COPY, MOVE, SWAPDB and stored results wake": [
    [1, "*BLPOP k 0"],
    [0, "RPUSH other 1"],
    [0, "RENAME other k"],
    [1, "*BLPOP k 0"],
    [0, "RPUSH other 2"],
    [0, "COPY other k"],
    [1, "*BZPOPMAX z 0"],
    [0, "ZADD y 1 a 2 b"],
    [0, "ZUNIONSTORE z 1 y"],
    [1, "*BLPOP k 0"],
    [0, "SELECT 1"],
    [0, "RPUSH k 3"],
    [0, "MOVE k 0"],
    [1, "*BLPOP k 0"],
    [0, "RPUSH k 4"],
    [0, "SWAPDB 0 1"],
    [0, "SELECT 0"],
    [0, "EXISTS k"],
  ],
  "several elements at once": [
    [1, "*BLMPOP 0 2 a b LEFT COUNT 2"],
    [2, "*BLMPOP 0 2 b a RIGHT COUNT 10"],
    [0, "RPUSH b 1 2 3 4 5"],
    [1, "*BZMPOP 0 1 z MAX COUNT 2"],
    [0, "ZADD z 1 a 2 b 3 c"],
    [0, "ZRANGE z 0 -1 WITHSCORES"],
  ],
  "requests behind a blocking one wait for it": [
    [1, "*BLPOP k 0"],
    [1, "*ECHO behind"],
    [1, "*BLPOP k 0"],
    [0, "RPUSH k 1"],
    [0, "RPUSH k 2"],
  ],
  "CLIENT UNBLOCK": [
    [1, "*BLPOP k 0"],
    [0, "CLIENT UNBLOCK #1"],
    [1, "*BZPOPMIN k 0"],
    [0, "CLIENT UNBLOCK #1 ERROR"],
    [1, "*BLMOVE k l LEFT LEFT 0"],
    [0, "CLIENT UNBLOCK #1 TIMEOUT"],
    [0, "CLIENT UNBLOCK #1"],
    [0, "RPUSH k 1"],
  ],
  "RESP3 has its own null and doubles": [
    [1, "HELLO 3"],
    [1, "*BZPOPMIN z 0"],
    [0, "ZADD z 1.5 a"],
    [1, "*BLPOP k 0"],
    [0, "CLIENT UNBLOCK #1"],
    [1, "BLPOP k 0.01"],
  ],
  "time runs out": [
    [1, "BLPOP k 0.02"],
    [1, "BLMOVE k l LEFT LEFT 0.02"],
    [1, "BZMPOP 0.02 1 k MIN"],
  ],
  "in a transaction nobody waits": [
    [1, "MULTI"],
    [1, "BLPOP k 0"],
    [1, "BLMOVE k l LEFT LEFT 0"],
    [1, "BZPOPMIN k 0"],
    [1, "EXEC"],
  ],
};

describe.runIf(hasReferenceServer)("blocking commands beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each(Object.entries(SCENARIOS))("%s", async (_name, lines) => {
    const [ours, theirs] = await Promise.all([
      playScene(pair.ports.ours, lines),
      playScene(pair.ports.reference, lines),
    ]);
    expect(ours).toEqual(theirs);
  });

  test("of several keys that a transaction made ready, a client takes the first it named, as in Redis 7.2", async () => {
    const lines: Line[] = [
      [1, "*BLPOP a b c 0"],
      [0, "MULTI"],
      [0, "RPUSH c 1"],
      [0, "RPUSH a 2"],
      [0, "EXEC"],
    ];
    expect((await playScene(pair.ports.ours, lines)).at(-1)).toBe("1 later *2\r\n$1\r\na\r\n$1\r\n2\r\n");
  });

  test("a thousand clients on one key are served in the order they came", async () => {
    const control = await RawClient.connect(pair.ports.ours);
    const clients: RawClient[] = [];
    for (let k = 0; k < 1000; k++) {
      const client = await RawClient.connect(pair.ports.ours);
      client.write(encodeCommand(["BLPOP", "many", "0"]));
      clients.push(client);
      if (k % 100 === 99) await untilBlocked(control, k + 1);
    }
    control.write(encodeCommand(["RPUSH", "many", ...Array.from({ length: 1000 }, (_, k) => String(k))]));
    const replies = await Promise.all(clients.map((client) => client.replies(1)));
    const values = replies.map((reply) => Number(String(reply[0]).split("\r\n")[4]));
    expect(new Set(values).size).toBe(1000);
    // Within a hundred the sockets race; hundred after hundred the order is known.
    expect(values.map((value) => Math.floor(value / 100))).toEqual(values.map((_, k) => Math.floor(k / 100)));
    for (const client of clients) client.close();
    expect((await control.replies(1)).join("")).toBe(":1000\r\n");
    expect((await control.command("EXISTS", "many")).toString()).toBe(":0\r\n");
    control.close();
  });

  test("an element pushed while a client's time runs out goes to the client or stays, never both or neither", async () => {
    const [control, waiting] = await Promise.all([
      RawClient.connect(pair.ports.ours),
      RawClient.connect(pair.ports.ours),
    ]);
    for (let k = 0; k < 50; k++) {
      await control.command("DEL", "edge");
      const answer = waiting.command("BLPOP", "edge", "0.003");
      const until = performance.now() + (k % 7);
      while (performance.now() < until) await control.command("PING");
      await control.command("RPUSH", "edge", "x");
      const isServed = (await answer).toString() !== "*-1\r\n";
      expect((await control.command("EXISTS", "edge")).toString()).toBe(isServed ? ":0\r\n" : ":1\r\n");
    }
    control.close();
    waiting.close();
  });

  test("a client that goes away while it waits takes nothing", async () => {
    const [control, gone] = await Promise.all([RawClient.connect(pair.ports.ours), RawClient.connect(pair.ports.ours)]);
    gone.write(encodeCommand(["BLPOP", "left", "0"]));
    await untilBlocked(control, 1);
    gone.close();
    await untilBlocked(control, 0);
    await control.command("RPUSH", "left", "x");
    expect((await control.command("LLEN", "left")).toString()).toBe(":1\r\n");
    control.close();
  });
});

async function untilBlocked(control: RawClient, count: number): Promise<void> {
  while (!(await control.command("INFO", "clients")).toString().includes(`blocked_clients:${count}\r\n`));
}
