// The plan and the executor against six real redis-server processes: what they form must satisfy `redis-cli --cluster check`.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterView, PodView } from "../topology/cluster-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import type { TopologySpec } from "../topology/step.ts";
import { executeAction } from "./execute-action.ts";
import { freePorts } from "./free-ports.ts";
import { connectNode } from "./node-connection.ts";
import { observeNode } from "./observe-node.ts";

const SHARDS = 3;
const PASSWORD = "forming-test";
const SPEC = {
  shards: SHARDS,
  replicasPerShard: 1,
  isFormed: false,
  isEphemeral: false,
  isBackupRunning: false,
  takeoverAfterSeconds: 1,
};
const LIMIT_MS = 15_000;
/** KV_SERVER=server/bin/kv-server runs the same against our own server, which has an admin port besides. */
const SERVER = process.env.KV_SERVER ?? "redis-server";
const EXTRA_ARGUMENTS = process.env.KV_SERVER === undefined ? [] : ["--admin-port", "0"];
/** Slot 5061, in the first third. */
const KEY_OF_SHARD_0 = "bar";

interface RunningServer {
  readonly process: ChildProcess;
  readonly shard: number;
  readonly ordinal: number;
  readonly ip: string;
  readonly directory: string;
}

const servers: RunningServer[] = [];
let directory = "";
let ports = { client: 0, bus: 0 };
let addresses = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kv-forming-"));
  const [client = 0, bus = 0] = await freePorts(2, "0.0.0.0");
  ports = { client, bus };
  for (let index = 0; index < SHARDS * 2; index++) {
    const own = join(directory, String(index));
    await mkdir(own);
    servers.push({ ...start(own), shard: index >> 1, ordinal: index & 1 });
  }
});

afterAll(async () => {
  for (const server of servers) server.process.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

/** Each server has a loopback address of its own, as pods have, and gets another one when it starts again. */
function start(own: string): Pick<RunningServer, "process" | "ip" | "directory"> {
  const ip = `127.77.${process.pid & 255}.${++addresses}`;
  const options = {
    port: ports.client,
    "cluster-port": ports.bus,
    bind: ip,
    "bind-source-addr": ip,
    "cluster-announce-ip": ip,
    "cluster-enabled": "yes",
    "cluster-node-timeout": 1000,
    "repl-diskless-sync-delay": 0,
    requirepass: PASSWORD,
    masterauth: PASSWORD,
    dir: own,
    save: "3600 1",
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { process: spawn(SERVER, [...args, ...EXTRA_ARGUMENTS], { stdio: "ignore" }), ip, directory: own };
}

async function stop(server: RunningServer, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const exit = new Promise((resolve) => server.process.once("exit", resolve));
  server.process.kill(signal);
  await exit;
}

async function ask(server: RunningServer, ...command: readonly string[]): Promise<unknown> {
  const connection = await connectNode({ host: server.ip, port: ports.client, password: PASSWORD });
  return await connection.command(...command).finally(() => connection.close());
}

async function observe({ shard, ordinal, ip, process: { signalCode, exitCode } }: RunningServer): Promise<PodView> {
  const isStopped = signalCode !== null || exitCode !== null;
  const known = { pod: podOf(shard, ordinal), shard, ordinal, process: "Running" as const };
  const address = { ip, port: ports.client, busPort: ports.bus, hostname: undefined };
  try {
    const connection = await connectNode({ host: ip, port: ports.client, password: PASSWORD });
    const node = await observeNode(connection).finally(() => connection.close());
    return { ...known, address, node };
  } catch {
    return { ...known, process: isStopped ? "Gone" : "Running", address: undefined, node: undefined };
  }
}

function podOf(shard: number, ordinal: number): string {
  return `kv-${shard}-${ordinal}`;
}

async function pass(spec: TopologySpec = SPEC): Promise<Plan> {
  const view: ClusterView = { pods: await Promise.all(servers.map(observe)) };
  const next = plan(view, spec);
  for (const action of next.actions) {
    const server = servers.find(({ shard, ordinal }) => podOf(shard, ordinal) === action.pod);
    const connection = await connectNode({ host: server?.ip ?? "", port: ports.client, password: PASSWORD });
    await executeAction(connection, action).finally(() => connection.close());
  }
  return next;
}

async function passUntil(isDone: (next: Plan) => boolean, spec: TopologySpec = SPEC): Promise<Plan> {
  const deadline = Date.now() + LIMIT_MS;
  let next = await pass(spec);
  while (!isDone(next)) {
    if (Date.now() > deadline)
      throw new Error(`Not done: ${JSON.stringify([next.actions, next.waits, next.problems])}`);
    await delay(150);
    next = await pass(spec);
  }
  return next;
}

describe("plan and executor with real servers", () => {
  it("form a cluster that redis-cli finds clean, and then leave it alone", async () => {
    const last = await passUntil((next) => next.isSettled);
    expect(last.survey.slotsOf.size).toBe(SHARDS);
    const epochs = last.survey.shards.map((shard) => shard.owners[0]?.self.configEpoch);
    expect(new Set(epochs).size).toBe(SHARDS);
    await expect.poll(() => check(), { timeout: 5_000 }).toContain("All 16384 slots covered");
    expect(await pass()).toMatchObject({ actions: [], isSettled: true });
  });

  it("make an empty newcomer a replica, forget the node it replaces, and keep the slots where they are", async () => {
    const before = await passUntil((next) => next.isSettled);
    const owner = before.survey.shards[1]?.owners[0]?.pod;
    const index = servers.findIndex(({ shard, ordinal }) => shard === 1 && podOf(shard, ordinal) !== owner);
    const old = servers[index] as RunningServer;
    await stop(old, "SIGKILL");
    await rm(join(old.directory, "nodes.conf"));
    servers[index] = { ...old, ...start(old.directory) };
    const isClean = (next: Plan) => next.survey.reachable.every((pod) => pod.node.entries.length === SHARDS * 2);
    const after = await passUntil((next) => next.isSettled && isClean(next));
    expect(after.survey.slotsOf).toEqual(before.survey.slotsOf);
    const newcomer = after.survey.reachable.find(({ pod }) => pod === podOf(old.shard, old.ordinal));
    expect(newcomer?.node.info).toMatchObject({ role: "replica", isPrimaryLinkUp: true });
  });

  it("reform with their data after all servers came back at once on new addresses", async () => {
    const before = await passUntil((next) => next.isSettled);
    await ask(ownerOf(before, 0), "SET", KEY_OF_SHARD_0, "kept");
    await Promise.all(servers.map((server) => stop(server, "SIGTERM")));
    servers.splice(0, servers.length, ...servers.map((server) => ({ ...server, ...start(server.directory) })));
    const after = await passUntil(
      (next) => next.isSettled && next.survey.reachable.every((pod) => pod.node.cluster.isOk),
    );
    expect([...after.survey.slotsOf.keys()].sort()).toEqual([...before.survey.slotsOf.keys()].sort());
    expect(await ask(ownerOf(after, 0), "GET", KEY_OF_SHARD_0)).toEqual(Buffer.from("kept"));
    await expect.poll(() => check(), { timeout: 5_000 }).toContain("All 16384 slots covered");
  });

  it("take over by the operator's word when most primaries are lost, and take the lost ones back as replicas", async () => {
    const before = await passUntil((next) => next.isSettled);
    const lost = before.survey.shards.slice(0, 2).map((shard) => shard.owners[0]?.pod);
    const indexes = servers.flatMap(({ shard, ordinal }, index) =>
      lost.includes(podOf(shard, ordinal)) ? [index] : [],
    );
    await Promise.all(indexes.map((index) => stop(servers[index] as RunningServer, "SIGKILL")));
    const without = await passUntil((next) => next.survey.absentOwners.length === 0);
    expect(without.survey.unassigned).toEqual([]);
    for (const index of indexes) {
      const old = servers[index] as RunningServer;
      servers[index] = { ...old, ...start(old.directory) };
    }
    const after = await passUntil((next) => next.isSettled);
    const roles = after.survey.reachable.filter(({ pod }) => lost.includes(pod)).map(({ node }) => node.info.role);
    expect(roles).toEqual(["replica", "replica"]);
    expect(await ask(ownerOf(after, 0), "GET", KEY_OF_SHARD_0)).toEqual(Buffer.from("kept"));
  });

  it("give a shard that came back with nothing its slots again, where data goes with servers, and no other shard's", async () => {
    const before = await passUntil((next) => next.isSettled);
    for (const [index, server] of servers.entries()) {
      if (server.shard !== 2) continue;
      await stop(server, "SIGKILL");
      await rm(server.directory, { recursive: true });
      await mkdir(server.directory);
      servers[index] = { ...server, ...start(server.directory) };
    }
    const spec = { ...SPEC, isEphemeral: true };
    const after = await passUntil((next) => next.isSettled && next.survey.absentOwners.length === 0, spec);
    const slotsOf = (seen: Plan) => seen.survey.shards.map(({ owners: [owner] }) => owner?.self.slots);
    expect(slotsOf(after)).toEqual(slotsOf(before));
    expect(await ask(ownerOf(after, 0), "GET", KEY_OF_SHARD_0)).toEqual(Buffer.from("kept"));
    await expect.poll(() => check(), { timeout: 5_000 }).toContain("All 16384 slots covered");
  });
});

function ownerOf(seen: Plan, shard: number): RunningServer {
  const pod = seen.survey.shards[shard]?.owners[0]?.pod;
  return servers.find((server) => podOf(server.shard, server.ordinal) === pod) as RunningServer;
}

async function check(): Promise<string> {
  const target = `${servers[0]?.ip}:${ports.client}`;
  const args = ["-a", PASSWORD, "--no-auth-warning", "--cluster", "check", target];
  const { stdout } = await promisify(execFile)("redis-cli", args).catch((error: { stdout: string }) => error);
  return stdout.includes("[ERR]") || stdout.includes("[WARNING]") ? "" : stdout;
}
