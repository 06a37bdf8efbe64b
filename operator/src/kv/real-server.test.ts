// The plan and the executor against six real redis-server processes: what they form must satisfy `redis-cli --cluster check`.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterView, PodView } from "../topology/cluster-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { executeAction } from "./execute-action.ts";
import { connectNode } from "./node-connection.ts";
import { observeNode } from "./observe-node.ts";

const SHARDS = 3;
const PASSWORD = "forming-test";
const SPEC = { shards: SHARDS, takeoverAfterSeconds: 30 };
const LIMIT_MS = 15_000;

interface RunningServer {
  readonly process: ChildProcess;
  readonly shard: number;
  readonly ordinal: number;
  readonly port: number;
  readonly busPort: number;
}

const servers: RunningServer[] = [];
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kv-forming-"));
  const ports = await freePorts(SHARDS * 4);
  for (let index = 0; index < SHARDS * 2; index++) {
    const [port, busPort] = [ports[index * 2] as number, ports[index * 2 + 1] as number];
    servers.push({ ...start(port, busPort), shard: index >> 1, ordinal: index & 1 });
  }
});

afterAll(async () => {
  for (const server of servers) server.process.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

function start(port: number, busPort: number): Pick<RunningServer, "process" | "port" | "busPort"> {
  const options = {
    port,
    "cluster-port": busPort,
    "cluster-enabled": "yes",
    "cluster-config-file": `nodes-${port}.conf`,
    "cluster-node-timeout": 2000,
    "repl-diskless-sync-delay": 0,
    requirepass: PASSWORD,
    masterauth: PASSWORD,
    bind: "127.0.0.1",
    dir: directory,
    save: "",
    dbfilename: `${port}.rdb`,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { process: spawn("redis-server", args, { stdio: "ignore" }), port, busPort };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = holders.map((server) => (server.address() as AddressInfo).port);
  for (const server of holders) server.close();
  return ports;
}

async function observe({ shard, ordinal, port, busPort }: RunningServer): Promise<PodView> {
  const known = { pod: `kv-${shard}-${ordinal}`, shard, ordinal, process: "Running" as const };
  const address = { ip: "127.0.0.1", port, busPort, hostname: undefined };
  try {
    const connection = await connectNode({ host: "127.0.0.1", port, password: PASSWORD });
    const node = await observeNode(connection).finally(() => connection.close());
    return { ...known, address, node };
  } catch {
    return { ...known, address, node: undefined };
  }
}

async function pass(): Promise<Plan> {
  const view: ClusterView = { pods: await Promise.all(servers.map(observe)) };
  const next = plan(view, SPEC);
  for (const action of next.actions) {
    const server = servers.find(({ shard, ordinal }) => `kv-${shard}-${ordinal}` === action.pod);
    const connection = await connectNode({ host: "127.0.0.1", port: server?.port ?? 0, password: PASSWORD });
    await executeAction(connection, action).finally(() => connection.close());
  }
  return next;
}

async function passUntil(isDone: (next: Plan) => boolean): Promise<Plan> {
  const deadline = Date.now() + LIMIT_MS;
  let next = await pass();
  while (!isDone(next)) {
    if (Date.now() > deadline)
      throw new Error(`Not done: ${JSON.stringify([next.actions, next.waits, next.problems])}`);
    await delay(150);
    next = await pass();
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
    const index = servers.findIndex(
      ({ shard, ordinal }) => before.survey.shards[1]?.owners[0]?.pod !== `kv-${shard}-${ordinal}` && shard === 1,
    );
    const old = servers[index] as RunningServer;
    const exit = new Promise((resolve) => old.process.once("exit", resolve));
    old.process.kill("SIGKILL");
    await exit;
    await rm(join(directory, `nodes-${old.port}.conf`));
    servers[index] = { ...start(old.port, old.busPort), shard: old.shard, ordinal: old.ordinal };
    const after = await passUntil(
      (next) => next.isSettled && next.survey.reachable.every((pod) => pod.node.entries.length === 6),
    );
    expect(after.survey.slotsOf).toEqual(before.survey.slotsOf);
    const [newcomer] = after.survey.pods.filter(({ shard, ordinal }) => shard === old.shard && ordinal === old.ordinal);
    expect(newcomer?.node?.info).toMatchObject({ role: "replica", isPrimaryLinkUp: true });
  });
});

async function check(): Promise<string> {
  const target = `127.0.0.1:${servers[0]?.port}`;
  const args = ["-a", PASSWORD, "--no-auth-warning", "--cluster", "check", target];
  const { stdout } = await promisify(execFile)("redis-cli", args).catch((error: { stdout: string }) => error);
  return stdout.includes("[ERR]") || stdout.includes("[WARNING]") ? "" : stdout;
}
