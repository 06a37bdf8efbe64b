/** CLUSTER SLOT-STATS is newer than the redis-server at hand: what is expected here follows Valkey 8's documentation. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
    await expect.poll(() => ask("cluster info"), { timeout: 10_000 }).toContain("cluster_state:ok");
  }
});
