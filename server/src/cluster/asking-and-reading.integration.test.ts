/**
 * What clients may do on a node that does not own the slot: on one that is importing it after ASKING, and on a replica after
 * READONLY. The same requests go to a cluster of ours and to one of redis-servers.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { KINDS, type Name, NamedCluster } from "../testing/named-cluster.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

/** Of the slot that is on the move from the first to the second node, and one of the first's that is not. */
const [MOVING, STAYING] = ["b", "c"];
const [GET, SET] = ["return redis.call('get', KEYS[1])", "return redis.call('set', KEYS[1], 'by a script')"];
const READS = "#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])";
const WRITES = "#!lua\nreturn redis.call('set', KEYS[1], 'by a script')";
const LIBRARY = `#!lua name=l
redis.register_function('write', function(k) return redis.call('set', k[1], 'by a function') end)
redis.register_function{function_name='read', flags={'no-writes'}, callback=function(k) return redis.call('get', k[1]) end}`;

interface Conversation {
  readonly on: Name;
  readonly commands: readonly (readonly string[])[];
}

const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  "ASKING counts for one request": {
    on: "second",
    commands: [["SET", MOVING, "1"], ["ASKING"], ["SET", MOVING, "1"], ["GET", MOVING]],
  },
  "for an unknown one, and one of wrong form, too": {
    on: "second",
    commands: [["ASKING"], ["NONSENSE"], ["GET", MOVING], ["ASKING"], ["GET"], ["GET", MOVING]],
  },
  "ASKING twice is ASKING": { on: "second", commands: [["ASKING"], ["ASKING"], ["GET", MOVING], ["GET", MOVING]] },
  "ASKING counts for a transaction": {
    on: "second",
    commands: [
      ...[["ASKING"], ["MULTI"], ["SET", MOVING, "1"], ["INCR", MOVING], ["EXEC"], ["GET", MOVING]],
      ...[["ASKING"], ["MULTI"], ["GET", MOVING], ["DISCARD"], ["GET", MOVING]],
    ],
  },
  "and for a script": {
    on: "second",
    commands: [
      ["ASKING"],
      ["EVAL", SET, "1", MOVING],
      ["EVAL", SET, "1", MOVING],
      ["ASKING"],
      ["EVAL_RO", GET, "1", MOVING],
    ],
  },
  "also in a transaction": {
    on: "second",
    commands: [["ASKING"], ["MULTI"], ["EVAL", SET, "1", MOVING], ["EXEC"]],
  },
  "a replica is read after READONLY, by scripts as well": {
    on: "replica-of-first",
    commands: [
      ...[["GET", STAYING], ["EVAL", GET, "1", STAYING], ["READONLY"], ["GET", STAYING], ["EVAL", GET, "1", STAYING]],
      ...[
        ["EVAL_RO", GET, "1", STAYING],
        ["EVAL", READS, "1", STAYING],
        ["FCALL_RO", "read", "1", STAYING],
      ],
      ...[["MULTI"], ["EVAL", GET, "1", STAYING], ["GET", STAYING], ["EXEC"]],
      ...[
        ["EVAL", WRITES, "1", STAYING],
        ["EVAL_RO", WRITES, "1", STAYING],
        ["FCALL", "read", "1", STAYING],
        ["FCALL", "write", "1", STAYING],
        ["MULTI"],
        ["EVAL", WRITES, "1", STAYING],
        ["EXEC"],
      ],
      ...[["SET", STAYING, "x"], ["EVAL", SET, "1", STAYING], ["READWRITE"], ["EVAL", GET, "1", STAYING]],
    ],
  },
  "a watch is broken only where the key is served": {
    on: "first",
    commands: [["WATCH", STAYING], ["MULTI"], ["GET", "a"], ["GET", STAYING], ["EXEC"]],
  },
  "a replica takes part in shard channels without READONLY": {
    on: "replica-of-first",
    commands: [
      ["SPUBLISH", STAYING, "x"],
      ["SSUBSCRIBE", STAYING],
      ["SSUBSCRIBE", "b"],
    ],
  },
};

describe.runIf(hasReferenceServer)("A cluster of ours and one of redis-servers", { timeout: 60_000 }, () => {
  const clusters: NamedCluster[] = [];

  beforeAll(async () => {
    for (const kind of KINDS) {
      const cluster = await NamedCluster.form(kind);
      clusters.push(cluster);
      await cluster.ask("first", "SET", STAYING, "value");
      await cluster.ask("first", "FUNCTION", "LOAD", LIBRARY);
      const slot = String(await cluster.ask("first", "CLUSTER", "KEYSLOT", MOVING));
      await cluster.ask("first", "DEL", MOVING);
      await cluster.ask("second", "CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.idOf("first"));
      await cluster.ask("first", "CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.idOf("second"));
      const replica = await RawClient.connect(cluster.node("replica-of-first").port);
      await replica.command("READONLY");
      await eventually("the replica has it", async () => (await replica.text("GET", STAYING)) === "$5\r\nvalue\r\n");
      replica.close();
    }
  }, 60_000);

  afterAll(() => Promise.all(clusters.map((cluster) => cluster.stop())));

  test.each(Object.entries(CONVERSATIONS))("%s", async (_name, { on, commands }) => {
    const [theirs, ours] = await Promise.all(
      clusters.map(async (cluster) => {
        const client = await RawClient.connect(cluster.node(on).port);
        const replies: string[] = [];
        for (const words of commands)
          replies.push(`${words.join(" ")} => ${cluster.named(await client.text(...words))}`);
        client.close();
        return replies;
      }),
    );
    expect(ours).toEqual(theirs);
  });
});
