/**
 * What clients are told of a cluster of several nodes, by each node of ours and of redis-server: two clusters of the same shape, of
 * either kind, are asked the same. Ids and ports are put in terms of the node they stand for, times and offsets in terms of
 * whether there is one, and what has no order is sorted.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { KINDS, type Name, NamedCluster, SHAPE } from "../testing/named-cluster.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

/** One line a node: times are 0 or not, and whether the link is up right now is not asked of a node that is down. */
function nodesView(cluster: NamedCluster, reply: RespValue): string[] {
  const lines = String(reply).trimEnd().split("\n");
  const views = lines.map((line) => {
    const [id, address, flags, primary, pingSent, pongReceived, epoch, link, ...slots] = cluster.named(line).split(" ");
    const isDown = flags?.includes("fail") === true;
    // Of a node that answers, a ping may be under way at any moment.
    const times = isDown ? [Number(pingSent) > 0] : [];
    // A node of Redis hears of itself in gossip; ours are not told what they know best.
    if (flags?.includes("myself") !== true) times.push(Number(pongReceived) > 0);
    return [id, address, flags, primary, ...times, epoch, link, ...slots].join(" ");
  });
  return views.sort();
}

const PATIENCE = { timeout: 10_000, interval: 50 };
const IS_OFFSET = "replication-offset";

/** A reply of names and values as text, with shards, and replicas within one, in an order of their own. */
function structure(cluster: NamedCluster, value: RespValue): unknown {
  if (!Array.isArray(value))
    return typeof value === "number"
      ? cluster.named(String(value))
      : value === null
        ? null
        : cluster.named(String(value));
  const items = value.map((item) => structure(cluster, item));
  const at = items.indexOf(IS_OFFSET);
  if (at >= 0) items[at + 1] = Number(items[at + 1]) > 0 ? "some" : "none";
  return items;
}

const byText = (left: unknown, right: unknown): number => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1);

function slotsView(cluster: NamedCluster, reply: RespValue): unknown {
  const ranges = structure(cluster, reply) as unknown[][];
  return ranges.map(([start, end, owner, ...replicas]) => [start, end, owner, ...replicas.sort(byText)]).sort(byText);
}

function shardsView(cluster: NamedCluster, reply: RespValue): unknown {
  const shards = structure(cluster, reply) as unknown[][];
  // slots, their list, nodes, their list: the primary comes first.
  return shards
    .map(([slots, list, nodes, members]) => {
      const [primary, ...replicas] = members as unknown[];
      return [slots, list, nodes, primary, ...replicas.sort(byText)];
    })
    .sort(byText);
}

/** To whom and from whom: the fields of each, with numbers as 0 or not. */
function linksView(cluster: NamedCluster, reply: RespValue): unknown {
  const links = (structure(cluster, reply) as unknown[][]).map((fields) =>
    fields.map((field, n) => (fields[n - 1] === "create-time" ? Number(field) > 0 : field)),
  );
  // Buffers of links come and go with what they send.
  return links.map((fields) => fields.filter((_, n) => !/^send-buffer/.test(String(fields[n - 1])))).sort(byText);
}

const VIEWS = [
  { name: "CLUSTER NODES", command: ["CLUSTER", "NODES"], view: nodesView },
  { name: "CLUSTER SLOTS", command: ["CLUSTER", "SLOTS"], view: slotsView },
  { name: "CLUSTER SHARDS", command: ["CLUSTER", "SHARDS"], view: shardsView },
  { name: "CLUSTER LINKS", command: ["CLUSTER", "LINKS"], view: linksView },
] as const;

describe.runIf(hasReferenceServer)("A cluster of ours and one of redis-servers", { timeout: 60_000 }, () => {
  const clusters: NamedCluster[] = [];

  beforeAll(async () => {
    for (const kind of KINDS) clusters.push(await NamedCluster.form(kind));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  /** Once what `isSettled` says of each living node holds in both. */
  async function settled(living: readonly Name[], isSettled: (nodes: string, slots: string) => boolean): Promise<void> {
    for (const cluster of clusters) {
      for (const name of living) {
        await eventually(`${cluster.node(name).kind}, ${name}: the view is settled`, async () => {
          const nodes = cluster.named(String(await cluster.ask(name, "CLUSTER", "NODES")));
          const shards = JSON.stringify(await cluster.ask(name, "CLUSTER", "SHARDS"));
          return isSettled(nodes, shards);
        });
      }
    }
  }

  async function expectEqualViews(living: readonly Name[]): Promise<void> {
    const [theirs, ours] = clusters as [NamedCluster, NamedCluster];
    for (const name of living) {
      for (const { name: command, command: words, view } of VIEWS) {
        // A link may be opened anew just now, or one of them be late with its news.
        const agree = async (): Promise<void> => {
          const [own, wanted] = [await ours.ask(name, ...words), await theirs.ask(name, ...words)];
          expect(view(ours, own), `${command} of ${name}`).toEqual(view(theirs, wanted));
        };
        await vi.waitFor(agree, PATIENCE);
      }
    }
  }

  test("tell the same while all are well", async () => {
    await settled(SHAPE, (nodes, shards) => !/fail|disconnected/.test(nodes) && !shards.includes("loading"));
    await expectEqualViews(SHAPE);
  });

  test.each(["hostname", "unknown-endpoint", "ip"])("tell the same with %s as preferred endpoint", async (type) => {
    for (const cluster of clusters) {
      for (const name of SHAPE) await cluster.ask(name, "CONFIG", "SET", "cluster-preferred-endpoint-type", type);
    }
    await expectEqualViews(SHAPE);
  });

  test("tell the same with slots on their way, as their two nodes see it", async () => {
    for (const cluster of clusters) {
      await cluster.ask("first", "CLUSTER", "SETSLOT", 5, "MIGRATING", cluster.idOf("empty"));
      await cluster.ask("empty", "CLUSTER", "SETSLOT", 5, "IMPORTING", cluster.idOf("first"));
    }
    await expectEqualViews(SHAPE);
    for (const cluster of clusters) {
      for (const name of ["first", "empty"] as const) await cluster.ask(name, "CLUSTER", "SETSLOT", 5, "STABLE");
    }
  });

  test("tell the same of a replica and then of a primary that is down", async () => {
    const living = SHAPE.filter((name) => name !== "replica-of-second");
    for (const cluster of clusters) await cluster.kill("replica-of-second");
    const hasFailed = (name: Name) => (nodes: string) =>
      nodes.split("\n").some((line) => line.startsWith(`<id-of-${name}>`) && / (?:master|slave),fail /.test(line));
    await settled(living, hasFailed("replica-of-second"));
    await expectEqualViews(living);
    for (const cluster of clusters) await cluster.kill("empty");
    const left = living.filter((name) => name !== "empty");
    await settled(left, hasFailed("empty"));
    await expectEqualViews(left);
  });
});
