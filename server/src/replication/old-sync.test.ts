/** SYNC, as before Redis 2.8: a snapshot with its length in front, then the stream, and never a word from the replica. */

import { expect, test } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

test("who asks with SYNC is sent the stream behind the snapshot without having said anything", async () => {
  const server = await startOwnServer("--repl-diskless-sync-delay", "0");
  const client = await RawClient.connect(server.port);
  await client.command("SET", "before", "v");
  const replica = await RawClient.connect(server.port);
  replica.write("SYNC\r\n");
  while (!(await client.text("INFO", "replication")).includes("state=online"));
  await client.command("SET", "after", "v");
  expect(await replica.until("$5\r\nafter\r\n$1\r\nv\r\n")).toMatch(
    /^\n*\$\d+\r\nREDIS\d{4}.*before.*\*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n\*3\r\n\$3\r\nSET\r\n/s,
  );
  for (const each of [client, replica]) each.close();
  await server.stop();
});
