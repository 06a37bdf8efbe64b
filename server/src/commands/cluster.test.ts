/** CLUSTER and its kin answer as redis-server does, byte for byte; ids and ports of the node itself are masked. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSystemRandom } from "../platform/random.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer, type ReferenceServer, startReferenceServer } from "../testing/reference-server.ts";

const CLUSTER = ["--cluster-enabled", "yes"] as const;

interface Script {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Each begins on a node that was reset; ID stands for the node's own id. */
const SCRIPTS: readonly Script[] = [
  {
    name: "arguments of MEET",
    lines: [
      "cluster meet a",
      "cluster meet 1.2.3 99",
      "cluster meet localhost 6379",
      "cluster meet 127.0.0.1 abc",
      "cluster meet 127.0.0.1 6000 xyz",
      "cluster meet 127.0.0.1 99999",
      "cluster meet 127.0.0.1 60000",
      "cluster meet 127.0.0.1 0",
    ],
  },
  {
    name: "slots come and go",
    lines: [
      "cluster addslots",
      "cluster addslots 16384",
      "cluster addslots -1",
      "cluster addslots abc",
      "cluster addslots 1 1",
      "cluster addslots 5",
      "cluster addslots 5 6",
      "cluster addslotsrange 1",
      "cluster addslotsrange 1 2 3",
      "cluster addslotsrange 9 3",
      "cluster addslotsrange 1 5",
      "cluster addslotsrange 10 20 30 40",
      "cluster slots",
      "cluster delslots 77",
      "cluster delslots 10 10",
      "cluster delslots 10 11",
      "cluster delslotsrange 3 x",
      "cluster delslotsrange 30 35",
      "cluster nodes",
      "cluster flushslots",
      "cluster slots",
    ],
  },
  {
    name: "arguments of SETSLOT",
    lines: [
      "cluster setslot",
      "cluster setslot 5",
      "cluster setslot x stable",
      "cluster setslot 5 foo",
      "cluster setslot 5 stable extra",
      "cluster setslot 5 migrating",
      "cluster setslot 5 migrating abc",
      "cluster setslot 5 importing abc",
      "cluster setslot 5 node abc",
      "cluster setslot 5 stable",
      "cluster addslots 5",
      "cluster setslot 5 importing abc",
      "cluster setslot 5 migrating abc",
      "cluster setslot 5 node ID",
    ],
  },
  {
    name: "epochs",
    lines: [
      "cluster set-config-epoch -1",
      "cluster set-config-epoch x",
      "cluster set-config-epoch 7",
      "cluster set-config-epoch 8",
      "cluster bumpepoch",
      "cluster bumpepoch",
      "cluster nodes",
    ],
  },
  {
    name: "nodes",
    lines: [
      "cluster forget abc",
      "cluster forget ID",
      "cluster replicate abc",
      "cluster replicate ID",
      "cluster replicas abc",
      "cluster replicas ID",
      "cluster slaves ID",
      "cluster count-failure-reports abc",
      "cluster count-failure-reports ID",
      "cluster failover",
      "cluster failover bar",
      "cluster failover force",
      "cluster failover force takeover",
      "cluster reset foo",
      "cluster saveconfig",
      "cluster links",
      "cluster nodes",
      "cluster shards",
    ],
  },
  {
    name: "keys of slots",
    lines: [
      "cluster keyslot",
      "cluster keyslot foo",
      "cluster keyslot {user}.x",
      "cluster countkeysinslot 16384",
      "cluster countkeysinslot x",
      "cluster countkeysinslot 5",
      "cluster getkeysinslot 1 -1",
      "cluster getkeysinslot 1 x",
      "cluster getkeysinslot 1 3",
      "readonly",
      "readwrite",
      "asking",
      "readonly x",
      "cluster",
      "cluster foo",
    ],
  },
  {
    name: "requests while the cluster is down",
    lines: [
      "get foo",
      "cluster addslots 12182",
      "get foo",
      "mset foo 1 bar 2",
      "mset {x}a 1 {x}b 2",
      "multi",
      "get foo",
      "exec",
      "select 1",
      "ping",
    ],
  },
  {
    name: "shard channels while the cluster is down",
    lines: [
      "spublish foo m",
      "cluster addslots 12182",
      "spublish foo m",
      "spublish bar m",
      "ssubscribe foo",
      "sunsubscribe foo",
      "config set cluster-allow-pubsubshard-when-down no",
      "spublish foo m",
      "ssubscribe foo",
      "sunsubscribe foo",
      "config set cluster-allow-pubsubshard-when-down yes",
      "spublish foo m",
    ],
  },
  {
    name: "requests across slots of which one is served",
    lines: [
      "cluster addslots 12182",
      ...["copy bar foo", "copy foo bar", "mset bar 1 foo 2", "mset foo 1 bar 2", "sunionstore bar foo"],
      ...["multi", "mset bar 1 foo 2", "exec", "failover", "failover abort"],
    ],
  },
  {
    name: "transactions across slots",
    lines: [
      "config set cluster-allow-reads-when-down yes",
      "cluster addslots 15495 3300 12182",
      "multi",
      "get a",
      "get b",
      "exec",
      "multi",
      "get a",
      "get {a}2",
      "exec",
      "multi",
      "get a",
      "cluster delslots 15495",
      "exec",
      "multi",
      "get foo",
      "get a",
      "exec",
    ],
  },
];

describe.runIf(hasReferenceServer)("cluster commands beside redis-server", () => {
  let theirs: ReferenceServer;
  let ours: OwnServer;
  let plain: OwnServer;

  beforeAll(async () => {
    const busPort = 20_000 + createSystemRandom().below(10_000);
    theirs = await startReferenceServer(...CLUSTER, "--cluster-port", `${busPort}`);
    ours = await startOwnServer(...CLUSTER);
    plain = await startOwnServer();
  });

  afterAll(async () => {
    await theirs.stop();
    await ours.stop();
    await plain.stop();
  });

  it.each(SCRIPTS)("$name", async ({ lines }) => {
    expect(await play(ours.port, lines)).toEqual(await play(theirs.port, lines));
  });

  it("shows by its flag that it never takes over", async () => {
    const server = await startOwnServer(...CLUSTER, "--cluster-replica-no-failover", "yes");
    const client = await RawClient.connect(server.port);
    try {
      await expect.poll(() => client.text("CLUSTER", "NODES")).toContain("myself,master,nofailover");
      await client.text("CONFIG", "SET", "cluster-replica-no-failover", "no");
      await expect.poll(() => client.text("CLUSTER", "NODES")).not.toContain("nofailover");
    } finally {
      client.close();
      await server.stop();
    }
  });

  it.each(["RESET HARD", "FLUSHSLOTS", "DELSLOTSRANGE 0 16383"])(
    "ends the subscriptions to shard channels of slots that %s takes",
    async (change) => {
      for (const { port } of [theirs, ours]) {
        const [admin, subscriber] = [await RawClient.connect(port), await RawClient.connect(port)];
        await admin.text("CLUSTER", "RESET");
        await admin.text("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
        await subscriber.command("SSUBSCRIBE", "channel");
        expect(await admin.text("CLUSTER", ...change.split(" "))).toBe("+OK\r\n");
        const [told] = await subscriber.replies(1);
        expect(String(told)).toBe("*3\r\n$12\r\nsunsubscribe\r\n$7\r\nchannel\r\n:0\r\n");
        for (const client of [admin, subscriber]) client.close();
      }
    },
  );

  it("names the fields of CLUSTER INFO as redis-server does", async () => {
    const [mine] = await play(ours.port, ["cluster info"]);
    const [reference] = await play(theirs.port, ["cluster info"]);
    // The size is a count that redis-server leaves as it was for two seconds after its start.
    expect(mine?.replace(/size:\d/, "size:N")).toBe(reference?.replace(/size:\d/, "size:N"));
  });

  it.each(["cluster info", "cluster help", "cluster myid", "readonly", "readwrite", "asking"])(
    "%s is refused outside of cluster mode",
    async (line) => {
      const client = await RawClient.connect(plain.port);
      expect(await client.text(...line.split(" "))).toBe("-ERR This instance has cluster support disabled\r\n");
      client.socket.destroy();
    },
  );
});

async function play(port: number, lines: readonly string[]): Promise<string[]> {
  const client = await RawClient.connect(port);
  await client.text("cluster", "reset", "hard");
  const id = (await client.text("cluster", "myid")).split("\r\n")[1] as string;
  const replies: string[] = [];
  for (const line of lines) {
    const reply = await client.text(...line.replace("ID", id).split(" "));
    replies.push(`${line} => ${mask(reply, id, port)}`);
  }
  client.socket.destroy();
  return replies;
}

/** Also the lengths of what holds a port: ports have four or five digits. */
function mask(reply: string, id: string, port: number): string {
  return reply
    .replaceAll(id, "ID")
    .replaceAll(`${port}`, "PORT")
    .replace(/@\d+/g, "@BUSPORT")
    .replace(/^\$\d+/, "$");
}
