/** Clusters and replication over IPv6, ours and redis-server side by side: each must write addresses as the other does. */

import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { redisCli, type ServerKind, ServerProcess } from "../testing/server-process.ts";

const HOST = "::1";
const IN_CLUSTER = ["--cluster-enabled", "yes", "--cluster-node-timeout", "3000", "--enable-debug-command", "yes"];
const QUICK_SYNC = ["--repl-diskless-sync-delay", "0"];
const KEYS = 60;

const started: ServerProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((node) => node.stop()));
});

async function start(kind: ServerKind, ...directives: readonly string[]): Promise<ServerProcess> {
  const node = await ServerProcess.start(kind, [...QUICK_SYNC, ...directives], HOST);
  started.push(node);
  return node;
}

/** What all nodes must say alike: addresses, roles and slots. */
function withoutTimes(nodes: string): string[] {
  return nodes
    .split("\n")
    .map((line) => {
      const [id, address, flags, primary, , , epoch, , ...slots] = line.split(" ");
      return [id, address, flags?.replace("myself,", ""), primary, epoch, ...slots].join(" ");
    })
    .sort();
}

async function agreed(nodes: readonly ServerProcess[]): Promise<string[]> {
  let view: string[] = [];
  await eventually("all say the same", async () => {
    const views = await Promise.all(nodes.map((node) => node.command("CLUSTER", "NODES")));
    const infos = await Promise.all(nodes.map((node) => node.command("CLUSTER", "INFO")));
    view = withoutTimes(views[0] as string);
    const isSame = views.every((other) => withoutTimes(other).join("\n") === view.join("\n"));
    return isSame && infos.every((info) => info.includes("cluster_state:ok"));
  });
  return view;
}

async function followsInSync(replica: ServerProcess, primary: ServerProcess): Promise<void> {
  const isUp = async () => (await replica.command("INFO", "replication")).includes("master_link_status:up");
  await eventually(`${replica.kind} follows`, isUp);
  const isSame = async () => (await replica.command("DEBUG", "DIGEST")) === (await primary.command("DEBUG", "DIGEST"));
  await eventually(`${replica.kind} has what ${primary.kind} has`, isSame);
}

describe.runIf(hasReferenceServer)("IPv6", { timeout: 60_000 }, () => {
  test("a cluster of both forms, redirects, moves slots and fails over on ::1", async () => {
    const [redis, ours, third] = await Promise.all([
      start("redis-server", ...IN_CLUSTER),
      start("ours", ...IN_CLUSTER),
      start("redis-server", ...IN_CLUSTER),
    ]);
    const manage = (...args: readonly string[]) => redisCli(["--cluster", ...args, "--cluster-yes"], "yes\n");
    await manage("create", redis.address, ours.address, third.address);
    const replicas = await Promise.all([start("ours", ...IN_CLUSTER), start("redis-server", ...IN_CLUSTER)]);
    const [ourReplica, redisReplica] = replicas;
    for (const [replica, primary] of [
      [ourReplica, redis],
      [redisReplica, ours],
    ] as const) {
      const options = ["--cluster-slave", "--cluster-master-id", await primary.id()];
      await manage("add-node", replica.address, redis.address, ...options);
    }
    const nodes = [redis, ours, third, ...replicas];
    const view = await agreed(nodes);
    for (const { port } of nodes) expect(view.join("\n")).toContain(` ::1:${port}@${port + 10_000} `);

    const lines = Array.from({ length: KEYS }, (_, n) => `SET key:${n} ${n}`);
    await redisCli(["-c", "-h", HOST, "-p", String(ours.port)], lines.join("\n"));
    for (const key of ["key:1", "foo", "b", "hello"]) {
      const answers = await Promise.all(nodes.map((node) => node.command("GET", key)));
      const [redirection, ...others] = new Set(answers.filter((answer) => answer.startsWith("MOVED")));
      expect(redirection).toMatch(/^MOVED \d+ ::1:\d+$/);
      expect(others).toEqual([]);
    }
    await followsInSync(ourReplica, redis);
    await followsInSync(redisReplica, ours);
    expect(await redis.command("INFO", "replication")).toContain(`slave0:ip=::1,port=${ourReplica.port},`);
    expect(await ours.command("INFO", "replication")).toContain(`slave0:ip=::1,port=${redisReplica.port},`);

    const way = ["--cluster-from", await redis.id(), "--cluster-to", await ours.id(), "--cluster-slots", "2000"];
    await manage("reshard", redis.address, ...way);
    await agreed(nodes);
    for (const replica of replicas) {
      expect(await replica.command("CLUSTER", "FAILOVER")).toBe("OK");
      await eventually("it is the primary", async () => (await replica.command("ROLE")).startsWith("master"));
    }
    await agreed(nodes);
    await followsInSync(redis, ourReplica);
    await followsInSync(ours, redisReplica);
    const sizes = await Promise.all([ourReplica, redisReplica, third].map((node) => node.command("DBSIZE")));
    expect(sizes.reduce((sum, size) => sum + Number(size), 0)).toBe(KEYS);
  });

  test.each([["0:0::1"], ["FD00:0:0::0005"], ["::ffff:192.0.2.4"], ["fe80::1%lo"], ["[::1]"], ["::1:"], ["::g"]])(
    "CLUSTER MEET %s is taken and shown as redis-server does",
    async (address) => {
      const [redis, ours] = await Promise.all([start("redis-server", ...IN_CLUSTER), start("ours", ...IN_CLUSTER)]);
      const [first, second] = await Promise.all(
        [redis, ours].map(async (node) => {
          const answer = await node.command("CLUSTER", "MEET", address, "7");
          const lines = (await node.command("CLUSTER", "NODES")).split("\n");
          return [answer, ...lines.filter((line) => line.includes("handshake")).map((line) => line.split(" ")[1])];
        }),
      );
      expect(second).toEqual(first);
    },
  );

  test("an announced address is told to all, and shown as it was given", async () => {
    const announced = ["--cluster-announce-ip", "fd00::7", "--cluster-preferred-endpoint-type", "ip"];
    const [redis, ours] = (await Promise.all(
      (["redis-server", "ours"] as const).map((kind) => start(kind, ...IN_CLUSTER, ...announced)),
    )) as [ServerProcess, ServerProcess];
    for (const node of [redis, ours]) {
      await node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
      expect(await node.command("CLUSTER", "NODES")).toContain(
        ` fd00::7:${node.port}@${node.port + 10_000} myself,master`,
      );
      expect((await node.command("CLUSTER", "SLOTS")).split("\n").slice(2, 4)).toEqual(["fd00::7", `${node.port}`]);
    }
  });

  test.each<[ServerKind, ServerKind]>([
    ["ours", "redis-server"],
    ["redis-server", "ours"],
    ["ours", "ours"],
  ])("%s follows %s at ::1, by command and by directive", async (follower, followed) => {
    const debug = ["--enable-debug-command", "yes"];
    const primary = await start(followed, ...debug);
    await primary.command("MSET", "a", "1", "b", "2");
    const byCommand = await start(follower, ...debug);
    expect(await byCommand.command("REPLICAOF", HOST, String(primary.port))).toBe("OK");
    const byDirective = await start(follower, ...debug, "--replicaof", HOST, String(primary.port));
    for (const replica of [byCommand, byDirective]) {
      await followsInSync(replica, primary);
      expect((await replica.command("ROLE")).split("\n").slice(0, 3)).toEqual(["slave", HOST, `${primary.port}`]);
      expect(await replica.command("INFO", "replication")).toContain(
        `master_host:::1\r\nmaster_port:${primary.port}\r\n`,
      );
      expect(await primary.command("INFO", "replication")).toContain(`:ip=::1,port=${replica.port},state=online,`);
      expect(await primary.command("CLIENT", "LIST", "TYPE", "replica")).toContain(" addr=[::1]:");
    }
    expect(await primary.command("FAILOVER", "TO", HOST, String(byCommand.port))).toBe("OK");
    await eventually("roles have changed", async () => (await primary.command("ROLE")).startsWith("slave\n::1\n"));
    await followsInSync(primary, byCommand);
  });
});
