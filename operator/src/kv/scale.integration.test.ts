// The plan and the executor against processes of our own server, while the number of shards changes and a client goes on
// writing: every acknowledged write is there in the end, and `redis-cli --cluster check` finds nothing wrong.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PodView } from "../topology/cluster-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { canRemove } from "../topology/plan-rebalance.ts";
import { countSlots } from "../topology/slot-range.ts";
import type { TopologySpec } from "../topology/step.ts";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode, NodeCommandError, type NodeConnection } from "./node-connection.ts";

const SERVER = join(import.meta.dirname, "../../../server/bin/kv-server");
const KEYS = 3_000;
const LIMIT_MS = 120_000;

interface RunningServer {
  readonly process: ChildProcess;
  readonly shard: number;
  readonly ordinal: number;
  readonly port: number;
}

const servers: RunningServer[] = [];
const written = new Map<string, string>();
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kv-scale-"));
});

afterAll(async () => {
  for (const { process: child } of servers) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

async function start(shard: number, ordinal: number): Promise<void> {
  const [port = 0, bus = 0] = await freePorts(2);
  const own = join(directory, podOf(shard, ordinal));
  await mkdir(own, { recursive: true });
  const options = {
    ...{ port, "cluster-port": bus, "admin-port": 0, bind: "127.0.0.1", dir: own, save: "" },
    ...{ "cluster-enabled": "yes", "cluster-node-timeout": 2000, "cluster-allow-replica-migration": "no" },
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  servers.push({ process: spawn(SERVER, args, { stdio: "ignore" }), shard, ordinal, port });
}

const podOf = (shard: number, ordinal: number) => `kv-${shard}-${ordinal}`;
const endpointOf = (port: number) => ({ host: "127.0.0.1", port, password: undefined });

async function observe({ shard, ordinal, port }: RunningServer): Promise<PodView> {
  const known = { pod: podOf(shard, ordinal), shard, ordinal, process: "Running" as const };
  try {
    const session = await openKvSession(endpointOf(port));
    const node = await session.observe().finally(() => session.close());
    const busPort = node.entries.find(({ flags }) => flags.has("myself"))?.busPort ?? 0;
    return { ...known, address: { ip: "127.0.0.1", port, busPort, hostname: undefined }, node };
  } catch {
    return { ...known, address: undefined, node: undefined };
  }
}

/** What was seen is of a moment ago, so a server may refuse what follows from it: the next pass looks anew, as in the operator. */
function passOver(reason: unknown): void {
  if (!(reason instanceof NodeCommandError)) throw reason;
}

async function pass(spec: TopologySpec): Promise<Plan> {
  const next = plan({ pods: await Promise.all(servers.map(observe)) }, spec);
  for (const action of next.actions) {
    const server = servers.find(({ shard, ordinal }) => podOf(shard, ordinal) === action.pod);
    const session = await openKvSession(endpointOf(server?.port ?? 0));
    await session
      .execute(action)
      .catch(passOver)
      .finally(() => session.close());
  }
  const leaving = next.survey.shards.find(({ index }) => index >= spec.shards && canRemove(next.survey, index));
  for (const server of servers.filter(({ shard }) => shard === leaving?.index)) {
    server.process.kill("SIGTERM");
    servers.splice(servers.indexOf(server), 1);
  }
  return next;
}

async function settle(shards: number): Promise<Plan> {
  const fixed = { replicasPerShard: 1, isFormed: false, isEphemeral: false, isBackupRunning: false };
  const spec = { shards, ...fixed, takeoverAfterSeconds: 60 };
  for (let shard = 0; shard < shards; shard++) {
    if (servers.some((server) => server.shard === shard)) continue;
    await Promise.all([start(shard, 0), start(shard, 1)]);
  }
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const next = await pass(spec);
    if (next.isSettled && next.survey.reachable.every(({ node }) => node.entries.length === shards * 2)) return next;
    if (Date.now() > deadline)
      throw new Error(`Not done: ${JSON.stringify([next.actions, next.waits, next.problems])}`);
    await delay(150);
  }
}

/** A client that follows redirections, one connection a server. */
async function send(connections: Map<number, NodeConnection>, ...command: readonly string[]): Promise<unknown> {
  let port = servers[0]?.port ?? 0;
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      const connection = connections.get(port) ?? (await connectNode(endpointOf(port)));
      connections.set(port, connection);
      return await connection.command(...command);
    } catch (error) {
      const moved = /MOVED \d+ \S*:(\d+)/.exec((error as Error).message);
      if (moved === null) {
        connections.delete(port);
        await delay(20);
      }
      port = moved === null ? (servers[attempt % servers.length]?.port ?? 0) : Number(moved[1]);
    }
  }
  throw new Error(`Nobody takes ${command.join(" ")}`);
}

async function writeUntil(isDone: () => boolean): Promise<number> {
  const connections = new Map<number, NodeConnection>();
  let count = 0;
  for (; !isDone(); count++) {
    const [key, value] = [`key:${count % KEYS}`, `${count}`];
    await send(connections, "SET", key, value);
    written.set(key, value);
  }
  for (const connection of connections.values()) connection.close();
  return count;
}

async function scaleUnderWrites(shards: number): Promise<{ readonly last: Plan; readonly writes: number }> {
  let isDone = false;
  const writing = writeUntil(() => isDone);
  try {
    const last = await settle(shards);
    isDone = true;
    return { last, writes: await writing };
  } finally {
    isDone = true;
    await writing;
  }
}

async function check(): Promise<string> {
  const { stdout } = await promisify(execFile)("redis-cli", ["--cluster", "check", `127.0.0.1:${servers[0]?.port}`]);
  return stdout;
}

async function expectAllWrites(): Promise<void> {
  const connections = new Map<number, NodeConnection>();
  for (const [key, value] of written) expect(String(await send(connections, "GET", key)), key).toBe(value);
  for (const connection of connections.values()) connection.close();
}

describe("plan and executor with our servers", { timeout: 2 * LIMIT_MS }, () => {
  it.each([
    [3, "form a cluster"],
    [5, "scale out"],
    [3, "scale in"],
  ])("%i shards: %s while a client writes, and lose nothing", async (shards) => {
    const { last, writes } =
      servers.length === 0 ? { last: await settle(shards), writes: 0 } : await scaleUnderWrites(shards);
    if (writes === 0) await writeUntil(() => written.size === KEYS);
    const sizes = [...last.survey.slotsOf.values()].map(countSlots);
    expect(sizes).toHaveLength(shards);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(16384 / shards / 50);
    await expectAllWrites();
    await expect.poll(check, { timeout: 10_000 }).toContain("All 16384 slots covered");
  });
});
