/** What streams do since Redis 7.2 and 7.4, which the reference of the differential tests does not know yet; and memory. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

describe("Streams of 7.4", () => {
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

  const ask = (line: string): Promise<string> => client.text(...line.split(" "));

  test("XREAD from + gives the last entry there is", async () => {
    for (const id of ["1-1", "2-1", "3-1"]) await ask(`XADD plus ${id} a b`);
    const entry = (id: string): string =>
      `*1\r\n*2\r\n$4\r\nplus\r\n*1\r\n*2\r\n$3\r\n${id}\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n`;
    expect(await ask("XREAD STREAMS plus +")).toBe(entry("3-1"));
    await ask("XDEL plus 3-1");
    expect(await ask("XREAD STREAMS plus +")).toBe(entry("2-1"));
    expect(await ask("XREAD STREAMS nosuch +")).toBe("*-1\r\n");
  });

  test("a consumer is made where there is nothing for it, and counts as inactive", async () => {
    await ask("XGROUP CREATE idle g $ MKSTREAM");
    expect(await ask("XREADGROUP GROUP g c STREAMS idle >")).toBe("*-1\r\n");
    expect(await ask("XINFO CONSUMERS idle g")).toContain("$8\r\ninactive\r\n:-1\r\n");
    await ask("XADD idle 1-1 a b");
    await ask("XREADGROUP GROUP g c STREAMS idle >");
    expect(await ask("XINFO CONSUMERS idle g")).toMatch(/inactive\r\n:\d+\r\n/);
  });

  test("XSETID refuses an id below the largest deleted one", async () => {
    await ask("XADD deleted 9-1 a b");
    await ask("XDEL deleted 9-1");
    expect(await ask("XSETID deleted 8-1")).toContain("smaller than current max_deleted_entry_id");
  });

  test("copies, groups and pending entries give all memory back", async () => {
    await ask("FLUSHALL");
    const { arena } = server.context.keyspace;
    while (!server.context.keyspace.reclaim(100));
    const before = arena.usedBytes;
    for (let k = 1; k < 2000; k++) client.write(`XADD s ${k} field value-${k}\r\n`);
    await client.replies(1999);
    await ask("XGROUP CREATE s g 0");
    for (const consumer of ["a", "b", "c"]) await ask(`XREADGROUP GROUP g ${consumer} COUNT 600 STREAMS s >`);
    await ask("XGROUP DELCONSUMER s g b");
    await ask("XAUTOCLAIM s g d 0 - COUNT 300");
    await ask("COPY s t");
    expect(await ask("XPENDING t g")).toBe(await ask("XPENDING s g"));
    for (const command of ["XTRIM s MAXLEN 10", "XGROUP DESTROY t g", "DEL s", "DEL t"]) await ask(command);
    while (!server.context.keyspace.reclaim(100));
    expect(arena.usedBytes).toBe(before);
  });
});
