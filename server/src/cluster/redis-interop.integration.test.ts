/**
 * Our bus beside real redis-server processes: each side must take the other for one of its own. Runs where
 * redis-server 7 is installed. Our nodes here have a bus but no client port and no data.
 */

import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.ts";
import { createSystemRandom } from "../platform/random.ts";
import { addSlots, failover, meet, replicate, setConfigEpoch } from "./admin.ts";
import { plainTransport } from "./bus.ts";
import { Cluster } from "./cluster.ts";
import { isPrimary } from "./cluster-node.ts";
import { localDisk } from "./local-disk.ts";
import { formatNodes } from "./nodes-conf.ts";
import { SIMULATED_SETTINGS } from "./simulated-cluster.ts";
import { sendUpdate } from "./slot-claims.ts";

const run = promisify(execFile);
const INSIDE = { isEncrypted: false, isOutside: false };
const NODE_TIMEOUT_MS = 1000;

interface RedisNode {
  readonly port: number;
  cli(...args: string[]): Promise<string>;
  kill(): void;
}

interface OurNode {
  readonly cluster: Cluster;
  readonly port: number;
  readonly messages: string[];
  readonly calls: string[];
  /** What replication would say. */
  readonly replication: { offset: number; isUp: boolean };
}

const cleanups: (() => unknown)[] = [];
/** With their bus ports these stay below the range from which the system picks ports for clients. */
let nextPort = 20_000 + createSystemRandom().below(100) * 25;

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function hasRedisServer(): boolean {
  try {
    return execFileSync("redis-server", ["--version"]).toString().includes("v=7");
  } catch {
    return false;
  }
}

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "kv-cluster-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** On the next port that is free together with its bus port. */
async function startRedis(...extra: string[]): Promise<RedisNode> {
  for (;;) {
    const port = nextPort++;
    const args = ["--port", `${port}`, "--cluster-enabled", "yes", "--dir", temporaryDirectory(), "--save", ""];
    args.push("--cluster-node-timeout", `${NODE_TIMEOUT_MS}`, "--repl-diskless-sync-delay", "0", ...extra);
    const child = spawn("redis-server", args, { stdio: "ignore" });
    const kill = () => child.kill("SIGKILL");
    cleanups.push(kill);
    const cli = async (...command: string[]) => (await run("redis-cli", ["-p", `${port}`, ...command])).stdout.trim();
    const answers = async () => (await cli("ping").catch(() => "")) === "PONG";
    await until(async () => child.exitCode !== null || (await answers()), "redis-server to start");
    if (child.exitCode === null) return { port, cli, kill };
  }
}

async function startOurs(hostname = ""): Promise<OurNode> {
  for (;;) {
    try {
      return await startOursOn(nextPort++, hostname);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

async function startOursOn(port: number, hostname: string): Promise<OurNode> {
  const messages: string[] = [];
  const calls: string[] = [];
  const replication = { offset: 0, isUp: false };
  const cluster = new Cluster(
    {
      settings: {
        ...SIMULATED_SETTINGS,
        port,
        busPort: port + 10_000,
        nodeTimeoutMs: NODE_TIMEOUT_MS,
        announceHostname: hostname,
      },
      configFile: join(temporaryDirectory(), "nodes.conf"),
      busTransport: plainTransport,
      busHosts: [{ host: "127.0.0.1", isOptional: false }],
      linkSendBufferLimit: () => 0,
    },
    {
      clock: systemClock,
      random: createSystemRandom(),
      disk: localDisk,
      replication: {
        replicateFrom: (host, from) => calls.push(`replicate ${host}:${from}`),
        promote: () => calls.push("promote"),
        replicationOffset: () => replication.offset,
        primaryLinkUp: () => replication.isUp,
        dataAgeMs: () => 0,
        hasWholeCopy: () => true,
      },
      keyspace: {
        keyspaceIsEmpty: () => true,
        countKeysInSlot: () => 0,
        keysInSlot: () => [],
        dropSlotKeys: () => undefined,
        dropSlotKeysNow: () => undefined,
      },
      deliver: (channel, message) => messages.push(`${channel} ${message}`),
      slotsLost: () => undefined,
      ownersChanged: () => undefined,
      pauseWrites: () => calls.push("pause"),
      resumeWrites: () => calls.push("resume"),
      resolve: async () => undefined,
      log: () => undefined,
      fatal: (error) => {
        throw error;
      },
    },
  );
  cleanups.push(() => cluster.stop());
  await cluster.load();
  await cluster.start(port + 10_000);
  return { cluster, port, messages, calls, replication };
}

/** Polls; the message names what never came. */
async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

/** One line for each node, sorted, without what differs from node to node: who says it, times and link states. */
function signature(nodes: string): string {
  return nodes
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [id, address, flags, primary, , , epoch, , ...slots] = line.trim().split(" ");
      return [id, address, flags?.replace("myself,", ""), primary, epoch, ...slots].join(" ");
    })
    .sort()
    .join("\n");
}

/** Two of Redis, one of ours, all slots covered and known everywhere. */
async function mixedCluster(): Promise<{ a: RedisNode; b: RedisNode; ours: OurNode }> {
  const [a, b, ours] = await Promise.all([
    startRedis("--cluster-announce-hostname", "a.example"),
    startRedis(),
    startOurs("ours.example"),
  ]);
  await a.cli("cluster", "addslotsrange", "0", "5460");
  await b.cli("cluster", "addslotsrange", "5461", "10922");
  ours.cluster.change((state) => addSlots(state, range(10923, 16383)));
  await a.cli("cluster", "set-config-epoch", "1");
  await b.cli("cluster", "set-config-epoch", "2");
  ours.cluster.change((state) => setConfigEpoch(state, 3));
  await a.cli("cluster", "meet", "127.0.0.1", `${ours.port}`);
  ours.cluster.change((state) => meet(state, "127.0.0.1", b.port, b.port + 10_000));
  await until(() => agree([a, b], [ours]), "one view of the cluster");
  return { a, b, ours };
}

async function agree(redis: readonly RedisNode[], ours: readonly OurNode[]): Promise<boolean> {
  const views = await Promise.all(redis.map((node) => node.cli("cluster", "nodes")));
  views.push(...ours.map((node) => formatNodes(node.cluster.state, INSIDE)));
  const infos = await Promise.all(redis.map((node) => node.cli("cluster", "info")));
  return (
    views.every((view) => signature(view) === signature(views[0] as string)) &&
    infos.every((info) => info.includes("cluster_state:ok")) &&
    ours.every((node) => node.cluster.isOk)
  );
}

describe.runIf(hasRedisServer())("cluster bus beside redis-server", { timeout: 60_000 }, () => {
  it("meets, gossips and covers all slots together", async () => {
    const { a, ours } = await mixedCluster();
    expect(ours.cluster.state.nodes.size).toBe(3);
    const view = await a.cli("cluster", "nodes");
    expect(view).toContain(`:${ours.port}@${ours.port + 10_000},ours.example master - `);
    expect(formatNodes(ours.cluster.state, INSIDE)).toContain(`:${a.port}@${a.port + 10_000},a.example master - `);
    const slots = await a.cli("cluster", "slots");
    expect(slots).toContain(ours.cluster.myId);
  });

  it("exchanges published messages", async () => {
    const { a, b, ours } = await mixedCluster();
    await a.cli("publish", "news", "from redis");
    await until(() => ours.messages.includes("news from redis"), "the message of redis-server");
    const subscriber = spawn("redis-cli", ["-p", `${b.port}`, "subscribe", "news"]);
    cleanups.push(() => subscriber.kill());
    let heard = "";
    subscriber.stdout.on("data", (chunk: Buffer) => {
      heard += chunk;
    });
    await until(() => heard.includes("subscribe"), "the subscription");
    ours.cluster.publish(Buffer.from("news"), Buffer.from("from ours"));
    await until(() => heard.includes("from ours"), "our message");
    expect(heard).toContain("news\nfrom ours");
  });

  it("votes for the replica of a redis-server that died", async () => {
    const { a, b, ours } = await mixedCluster();
    const replica = await startRedis();
    await replica.cli("cluster", "meet", "127.0.0.1", `${b.port}`);
    await until(() => agree([a, b, replica], [ours]), "the replica to be known");
    await replica.cli("cluster", "replicate", await b.cli("cluster", "myid"));
    await until(() => agree([a, b, replica], [ours]), "the replica's role to be known");
    await until(async () => (await replica.cli("info", "replication")).includes("link_status:up"), "the first sync");
    b.kill();
    await until(async () => (await replica.cli("role")).startsWith("master"), "the replica to be promoted");
    expect(ours.cluster.state.lastVoteEpoch).toBe(ours.cluster.state.currentEpoch);
    await until(
      async () => ours.cluster.isOk && (await replica.cli("cluster", "info")).includes("state:ok"),
      "ok again",
    );
    const id = await replica.cli("cluster", "myid");
    expect(ours.cluster.state.table.ownerOf(6000)?.id).toBe(id);
  });

  it("is elected by redis-server nodes, and takes over by hand", async () => {
    const { a, b, ours } = await mixedCluster();
    const replica = await startOurs();
    replica.cluster.change((state) => meet(state, "127.0.0.1", b.port, b.port + 10_000));
    await until(() => agree([a, b], [ours, replica]), "the replica to be known");
    const [idOfA, idOfB] = [await a.cli("cluster", "myid"), await b.cli("cluster", "myid")];
    replica.cluster.change((state) => replicate(state, idOfB));
    expect(replica.calls).toEqual([`replicate 127.0.0.1:${b.port}`]);
    replica.replication.offset = 100;
    replica.replication.isUp = true;
    await until(() => replica.cluster.state.guard.holdsShardData, "the first sync to be noticed");
    await until(() => agree([a, b], [ours, replica]), "the replica's role to be known");
    replica.replication.isUp = false;
    b.kill();
    await until(() => isPrimary(replica.cluster.state.myself), "our replica to win the election");
    expect(replica.calls.at(-1)).toBe("promote");
    await until(async () => (await a.cli("cluster", "info")).includes("state:ok"), "the cluster to be up again");
    expect(await a.cli("cluster", "nodes")).toMatch(new RegExp(`${replica.cluster.myId} .* master - .* 5461-10922`));

    const second = await startOurs();
    second.cluster.change((state) => meet(state, "127.0.0.1", a.port, a.port + 10_000));
    await until(() => second.cluster.isOk && second.cluster.state.size === 3, "the second replica to know the cluster");
    expect(second.cluster.change((state) => replicate(state, idOfA))).toBeUndefined();
    await until(
      async () => (await a.cli("cluster", "replicas", idOfA)).includes(second.cluster.myId),
      "its role to be known",
    );
    expect(second.cluster.change((state) => failover(state, "takeover"))).toBeUndefined();
    await until(async () => (await a.cli("role")).startsWith("slave"), "redis-server to follow the one that took over");
    expect(second.cluster.state.myself.slotCount).toBe(5461);
  });

  it("gives way to a newer claim that redis-server tells it of", async () => {
    const { a, b, ours } = await mixedCluster();
    const idOfB = await b.cli("cluster", "myid");
    await a.cli("cluster", "bumpepoch");
    await b.cli("cluster", "bumpepoch");
    ours.cluster.change((state) => {
      const owner = state.nodes.get(idOfB);
      const link = state.nodes.get(idOfB)?.link;
      if (owner !== undefined && link !== undefined) sendUpdate(state, link, owner);
    });
    await until(() => agree([a, b], [ours]), "the new epochs to be known");
    expect(ours.cluster.state.nodes.get(idOfB)?.configEpoch).toBeGreaterThan(3);
  });
});
