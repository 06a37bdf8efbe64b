/** DEBUG DROP-CLUSTER-PACKET-FILTER: messages of one type are as if the network had lost them, until all are taken again. */

import { afterAll, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { MESSAGE_TYPE } from "./bus-message.ts";

const servers: OwnServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function startNode(): Promise<{ readonly client: RawClient; readonly port: number; readonly busPort: number }> {
  const server = await startOwnServer("--cluster-enabled", "yes", "--enable-debug-command", "yes");
  servers.push(server);
  const client = await RawClient.connect(server.port);
  const [, busPort] = /@(\d+)/.exec(String(await client.command("CLUSTER", "NODES"))) ?? [];
  return { client, port: server.port, busPort: Number(busPort) };
}

test("a message that is to be lost is not taken, and the next one is", async () => {
  const [one, other] = [await startNode(), await startNode()];
  await one.client.command("CLUSTER", "MEET", "127.0.0.1", String(other.port), String(other.busPort));
  const linksOf = async () => String(await other.client.command("CLUSTER", "NODES"));
  await eventually("they know each other", async () =>
    /(?<!myself,)master - \d+ [1-9]\d* \d+ connected/.test(await linksOf()),
  );
  await one.client.command("SUBSCRIBE", "channel");
  const control = await RawClient.connect(one.port);
  const lose = async (type: number) =>
    expect(String(await control.command("DEBUG", "DROP-CLUSTER-PACKET-FILTER", String(type)))).toBe("+OK\r\n");
  const received = async () => {
    const info = String(await control.command("CLUSTER", "INFO"));
    return Number(/cluster_stats_messages_publish_received:(\d+)/.exec(info)?.[1] ?? 0);
  };
  await lose(MESSAGE_TYPE.publish);
  await other.client.command("PUBLISH", "channel", "lost");
  // On the same link, and not lost: when it has come, so has what was before it.
  await other.client.command("CLUSTER", "BUMPEPOCH");
  await eventually("later messages have come", async () => (await epochsSeen(control)) > 0);
  expect(await received()).toBe(0);
  await lose(-1);
  await other.client.command("PUBLISH", "channel", "kept");
  expect(String((await one.client.replies(1))[0])).toContain("kept");
});

/** The epoch that the other node has told of. */
async function epochsSeen(client: RawClient): Promise<number> {
  return Number(/cluster_current_epoch:(\d+)/.exec(String(await client.command("CLUSTER", "INFO")))?.[1]);
}
