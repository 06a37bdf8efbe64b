import { keySlot } from "@kvcluster/protocol/slots";
import { expect, test } from "vitest";
import type { Subscriber } from "./publish-subscribe.ts";
import { PublishSubscribe } from "./publish-subscribe.ts";

function createSubscriber(protocol: 2 | 3 = 2): Subscriber & { received: Buffer[] } {
  const received: Buffer[] = [];
  return {
    protocol,
    received,
    connection: { send: (bytes) => received.push(bytes) },
    channels: undefined,
    patterns: undefined,
    shardChannels: undefined,
  };
}

const textOf = (received: readonly Buffer[]) => Buffer.concat(received).toString("latin1");

test("delivers to channels and patterns in each client's protocol, and counts both", () => {
  const pubsub = new PublishSubscribe();
  const two = createSubscriber(2);
  const three = createSubscriber(3);
  expect(pubsub.subscribe(two, "channels", "news")).toBe(true);
  expect(pubsub.subscribe(two, "channels", "news")).toBe(false);
  pubsub.subscribe(three, "channels", "news");
  pubsub.subscribe(three, "patterns", "n*");
  expect(pubsub.publish(Buffer.from("news"), Buffer.from("hi"))).toBe(3);
  expect(textOf(two.received)).toBe("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
  expect(textOf(three.received)).toBe(
    ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
  );
});

test("channels of any bytes stay apart from each other and from shard channels", () => {
  const pubsub = new PublishSubscribe();
  const subscriber = createSubscriber();
  pubsub.subscribe(subscriber, "channels", Buffer.from([0xff, 0x00]).toString("latin1"));
  expect(pubsub.publish(Buffer.from([0xff, 0x01]), Buffer.from("x"))).toBe(0);
  expect(pubsub.publishShard(Buffer.from([0xff, 0x00]), Buffer.from("x"))).toBe(0);
  expect(pubsub.publish(Buffer.from([0xff, 0x00]), Buffer.from([0xfe]))).toBe(1);
  expect(subscriber.received[0]?.includes(Buffer.from([0xfe]))).toBe(true);
});

test("a client that leaves is forgotten everywhere", () => {
  const pubsub = new PublishSubscribe();
  const leaver = createSubscriber();
  const stayer = createSubscriber();
  for (const subscriber of [leaver, stayer]) {
    pubsub.subscribe(subscriber, "channels", "a");
    pubsub.subscribe(subscriber, "patterns", "*");
  }
  pubsub.subscribe(leaver, "shardChannels", "s");
  pubsub.forget(leaver);
  expect(pubsub.publish(Buffer.from("a"), Buffer.from("x"))).toBe(2);
  expect(leaver.received).toEqual([]);
  pubsub.forget(stayer);
  expect([pubsub.count("channels"), pubsub.count("patterns"), pubsub.count("shardChannels")]).toEqual([0, 0, 0]);
});

test("shard subscribers of a slot that moved are told and dropped", () => {
  const pubsub = new PublishSubscribe();
  const subscriber = createSubscriber();
  pubsub.subscribe(subscriber, "shardChannels", "orders");
  pubsub.subscribe(subscriber, "shardChannels", "other");
  pubsub.dropShardChannels(new Set([keySlot(Buffer.from("orders"), 0, 6)]));
  expect(textOf(subscriber.received)).toBe("*3\r\n$12\r\nsunsubscribe\r\n$6\r\norders\r\n:1\r\n");
  expect(pubsub.names("shardChannels", undefined).map(String)).toEqual(["other"]);
});

test("names match globs and subscriber counts are by name", () => {
  const pubsub = new PublishSubscribe();
  pubsub.subscribe(createSubscriber(), "channels", "a1");
  pubsub.subscribe(createSubscriber(), "channels", "a1");
  pubsub.subscribe(createSubscriber(), "channels", "b1");
  expect(pubsub.names("channels", Buffer.from("a*")).map(String)).toEqual(["a1"]);
  expect(pubsub.subscriberCount("channels", "a1")).toBe(2);
  expect(pubsub.subscriberCount("channels", "zz")).toBe(0);
});
