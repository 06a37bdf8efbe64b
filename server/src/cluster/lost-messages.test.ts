/** DEBUG DROP-CLUSTER-PACKET-FILTER: messages of one type are as if the network had lost them, until all are taken again. */

import { afterAll, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnNode, startOwnNode } from "../testing/own-node.ts";
import { RawClient } from "../testing/raw-client.ts";
import { MESSAGE_TYPE } from "./bus-message.ts";

const nodes: OwnNode[] = [];
afterAll(() => Promise.all(nodes.map(({ server }) => server.stop())));

async function startNode(): Promise<OwnNode> {
  const node = await startOwnNode();
  nodes.push(node);
  return node;
}

test("a message that is to be lost is not taken, and the next one is", async () => {
  const [one, other] = [await startNode(), await startNode()];
  await one.meet(other);
  await eventually("they know each other", async () =>
    /(?<!myself,)master - \d+ [1-9]\d* \d+ connected/.test(await other.client.text("CLUSTER", "NODES")),
  );
  await one.client.command("SUBSCRIBE", "channel");
  const control = await RawClient.connect(one.server.port);
  const lose = async (type: number) =>
    expect(await control.text("DEBUG", "DROP-CLUSTER-PACKET-FILTER", String(type))).toBe("+OK\r\n");
  const received = async (type: string) => {
    const info = await control.text("CLUSTER", "INFO");
    return Number(new RegExp(`cluster_stats_messages_${type}_received:(\\d+)`).exec(info)?.[1] ?? 0);
  };
  await lose(MESSAGE_TYPE.publish);
  await other.client.command("PUBLISH", "channel", "lost");
  // They come on the same link, and one may have been on its way: when two more are here, so is what was sent before.
  const pings = await received("ping");
  await eventually("later messages have come", async () => (await received("ping")) >= pings + 2);
  expect(await received("publish")).toBe(0);
  await lose(-1);
  await other.client.command("PUBLISH", "channel", "kept");
  expect(String((await one.client.replies(1))[0])).toContain("kept");
});
