/** CLUSTER SLOT-STATS is newer than the redis-server at hand: what is expected here follows Valkey 8's documentation. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

describe("CLUSTER SLOT-STATS", () => {
  let server: OwnServer;
  let client: RawClient;

  const ask = (line: string): Promise<string> => client.text(...line.split(" "));
  const stats = (...counts: readonly (readonly [number, number])[]): string =>
    `*${counts.length}\r\n${counts.map(([slot, keys]) => `*2\r\n:${slot}\r\n*2\r\n$9\r\nkey-count\r\n:${keys}\r\n`).join("")}`;

  beforeAll(async () => {
    server = await startOwnServer("--cluster-enabled", "yes", "--cluster-node-timeout", "500");
    client = await RawClient.connect(server.port);
    await ask("config set cluster-require-full-coverage no");
    await ask("cluster addslots 5 6 9 12182 15495");
  });

  afterAll(async () => {
    client.socket.destroy();
    await server.stop();
  });

  it("lists those slots of a range that are the shard's own, both ends included", async () => {
    expect(await ask("cluster slot-stats slotsrange 6 9")).toBe(stats([6, 0], [9, 0]));
    expect(await ask("cluster slot-stats slotsrange 7 8")).toBe("*0\r\n");
  });

  it("orders by the number of keys, most first, and by slot where that is equal", async () => {
    await untilServing();
    await ask("mset {foo}1 a {foo}2 b {foo}3 c");
    await ask("set a 1");
    expect(await ask("cluster slot-stats orderby key-count")).toBe(
      stats([12182, 3], [15495, 1], [5, 0], [6, 0], [9, 0]),
    );
    expect(await ask("cluster slot-stats ORDERBY KEY-COUNT ASC LIMIT 4")).toBe(
      stats([5, 0], [6, 0], [9, 0], [15495, 1]),
    );
    await ask("del {foo}1 {foo}2 {foo}3");
    expect(await ask("cluster slot-stats orderby key-count limit 1 desc")).toBe(stats([15495, 1]));
  });

  it("gives each slot a map in RESP3", async () => {
    const other = await RawClient.connect(server.port);
    await other.text("hello", "3");
    const reply = await other.text("cluster", "slot-stats", "slotsrange", "5", "5");
    expect(reply).toBe("*1\r\n*2\r\n:5\r\n%1\r\n$9\r\nkey-count\r\n:0\r\n");
    other.socket.destroy();
  });

  describe("with cluster-slot-stats-enabled", () => {
    const METRICS = ["key-count", "cpu-usec", "network-bytes-in", "network-bytes-out"];

    beforeAll(async () => {
      await untilServing();
      await ask("config set cluster-slot-stats-enabled yes");
    });

    beforeEach(() => ask("config resetstat"));

    afterAll(() => ask("config set cluster-slot-stats-enabled no"));

    /** Of the slot of {foo}. */
    async function use(): Promise<Record<string, number>> {
      const words = (await ask("cluster slot-stats slotsrange 12182 12182")).split("\r\n");
      const entries = METRICS.map((name) => [name, Number(words[words.indexOf(name) + 1]?.slice(1))] as const);
      return Object.fromEntries(entries);
    }

    it("counts the bytes of requests and replies, and time, on the slot of their keys", async () => {
      await client.text("set", "foo", "value");
      expect(await use()).toMatchObject({ "key-count": 1, "network-bytes-in": 33, "network-bytes-out": 5 });
      await client.text("get", "foo");
      await client.text("ping");
      expect(await use()).toMatchObject({ "network-bytes-in": 33 + 22, "network-bytes-out": 5 + 11 });
      await client.text("eval", "local n = 0 for i = 1, 1e6 do n = n + i end", "1", "foo");
      expect((await use())["cpu-usec"]).toBeGreaterThan(100);
      expect(await ask("cluster slot-stats orderby network-bytes-in limit 1")).toContain(":12182\r\n");
      expect(await ask("cluster slot-stats orderby cpu-usec asc limit 1")).toContain(":5\r\n");
    });

    it("books a transaction whole, with its MULTI", async () => {
      await ask("multi");
      await client.text("set", "foo", "value");
      const reply = await ask("exec");
      const bytes = { "network-bytes-in": 15 + 33 + 14, "network-bytes-out": reply.length };
      expect(await use()).toMatchObject(bytes);
      await ask("multi");
      await client.text("get", "{foo}2", "too many");
      await ask("exec");
      expect(await use()).toMatchObject(bytes);
    });

    it("counts a request that has waited once, and its reply", async () => {
      const waiter = await RawClient.connect(server.port);
      const reply = waiter.text("blpop", "{foo}list", "0");
      await expect.poll(() => ask("info clients")).toContain("blocked_clients:1");
      const { "network-bytes-in": before = 0 } = await use();
      expect(before).toBe("*3\r\n$5\r\nblpop\r\n$9\r\n{foo}list\r\n$1\r\n0\r\n".length);
      const push = await client.text("rpush", "{foo}list", "x");
      const answer = await reply;
      expect(await use()).toMatchObject({
        "network-bytes-in": before + "*3\r\n$5\r\nrpush\r\n$9\r\n{foo}list\r\n$1\r\nx\r\n".length,
        "network-bytes-out": push.length + answer.length,
      });
      waiter.socket.destroy();
    });

    it("counts what replicas are sent, and forgets a slot that leaves", async () => {
      const replica = await RawClient.connect(server.port);
      replica.socket.write("PSYNC ? -1\r\n");
      await expect.poll(() => ask("info replication"), { timeout: 5000 }).toContain("connected_slaves:1");
      await client.text("set", "foo", "value");
      expect((await use())["network-bytes-out"]).toBeGreaterThanOrEqual(5 + 33);
      replica.socket.destroy();
      await ask("flushall");
      await ask("cluster delslots 12182");
      await ask("cluster addslots 12182");
      expect(await use()).toMatchObject({ "network-bytes-in": 0, "network-bytes-out": 0, "cpu-usec": 0 });
    });

    it("has nothing to tell when it is turned off", async () => {
      await ask("config set cluster-slot-stats-enabled no");
      expect(await ask("cluster slot-stats slotsrange 5 5")).toBe(stats([5, 0]));
      await ask("config set cluster-slot-stats-enabled yes");
    });
  });

  it.each([
    ["slotsrange 9 5", "ERR Start slot number 9 is greater than end slot number 5"],
    ["slotsrange 0 16384", "ERR Invalid or out of range slot"],
    ["slotsrange x 5", "ERR Invalid or out of range slot"],
    ["orderby cpu-usec", "ERR Unrecognized sort metric for ORDERBY."],
    ["orderby key-count limit 0", "ERR Limit has to lie in between 1 and 16384 (maximum number of slots)."],
    ["orderby key-count limit 16385", "ERR Limit has to lie in between 1 and 16384 (maximum number of slots)."],
    ["orderby key-count limit x", "ERR Limit has to lie in between 1 and 16384 (maximum number of slots)."],
    ["orderby key-count limit", "ERR syntax error"],
    ["orderby key-count up", "ERR syntax error"],
    ["orderby key-count asc desc", "ERR Multiple filters of the same type are disallowed."],
    ["orderby key-count limit 1 limit 2", "ERR Multiple filters of the same type are disallowed."],
    ["slotsrange 1 2 3", "ERR unknown subcommand or wrong number of arguments for 'slot-stats'. Try CLUSTER HELP."],
  ])("refuses %s", async (line, error) => {
    expect(await ask(`cluster slot-stats ${line}`)).toBe(`-${error}\r\n`);
  });

  /** A node waits a moment after its start before it takes requests. */
  async function untilServing(): Promise<void> {
    await eventually("it serves", async () => (await ask("cluster info")).includes("cluster_state:ok"));
  }
});
