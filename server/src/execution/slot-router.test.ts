import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Call } from "../commands/call.ts";
import { Client } from "../commands/client.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { countKeysHere } from "./slot-router.ts";

let server: OwnServer;
beforeEach(async () => {
  server = await startOwnServer();
});
afterEach(() => server.stop());

function callOf(words: readonly string[]): Call {
  const { context } = server;
  const connection = {} as never;
  const client = new Client({ id: 1, address: "", localAddress: "", connection, createdAtMs: 0 });
  const call = new Call({ client, db: context.keyspace.database(0), reply: new ReplyWriter(), server: context });
  call.buffer = Buffer.from(words.join(""));
  call.argc = words.length;
  call.length = Int32Array.from(words, (word) => word.length);
  call.offset = call.length.map((_, index) => words.slice(0, index).join("").length);
  return call;
}

test.each([
  ["get there", 1, 1],
  ["mget there gone", 1, 2],
  ["lmpop 2 gone there left", 1, 2],
  ["zunionstore gone 1 there", 1, 2],
  ["zunionstore gone 2 gone gone2 weights 1 2", 0, 3],
])("of the keys of '%s', %i of %i are here", async (request, present, total) => {
  const client = await RawClient.connect(server.port);
  await client.command("SET", "there", "value");
  client.close();
  const words = request.split(" ");
  const call = callOf(words);
  const { table } = server.context;
  const id = table.lookup(call.buffer, 0, call.length[0] as number);
  expect(countKeysHere(table, id, call)).toEqual({ present, total });
});
