// Dashboards made for redis_exporter show our servers by their own /metrics: so what the real exporter makes of a primary, its
// replica and two nodes of a cluster stands there too. Debian's exporter is older than the one whose names we follow: it does
// not know LATENCY HISTOGRAM nor the limits of output buffers.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort } from "../persistence/reference-redis.ts";
import { differences, NOT_OURS } from "../testing/exporter-comparison.ts";
import { type Exposition, readExposition } from "../testing/exposition.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const EXPORTER = "prometheus-redis-exporter";
const isInstalled = spawnSync(EXPORTER, ["--version"]).status === 0;
if (!isInstalled) process.stdout.write(`Not compared with redis_exporter: ${EXPORTER} is not installed\n`);

const SEEN = ["--latency-monitor-threshold", "1", "--slowlog-log-slower-than", "0", "--enable-debug-command", "yes"];

interface Target {
  readonly server: OwnServer;
  readonly adminPort: number;
}

describe.skipIf(!isInstalled)("redis_exporter's metrics are ours too", () => {
  const targets: Target[] = [];
  const exportedNames = new Set<string>();
  let exporter: ChildProcess;
  let exporterPort = 0;

  beforeAll(async () => {
    targets.push(await start(...SEEN));
    targets.push(await start(...SEEN, "--replicaof", "127.0.0.1", String(targets[0]?.server.port)));
    const busPorts = [await freePort(), await freePort()] as const;
    for (const bus of busPorts) {
      const node = ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--appendonly", "yes"];
      targets.push(await start(...SEEN, ...node));
    }
    await fillPrimary(portOf(0));
    await formCluster(portOf(2), { port: portOf(3), busPort: busPorts[1] });
    exporterPort = await freePort();
    const listen = ["-web.listen-address", `127.0.0.1:${exporterPort}`];
    exporter = spawn(EXPORTER, ["-redis.addr", "", "-redis-only-metrics", ...listen], { stdio: "ignore" });
    await eventually(
      "the exporter answers",
      async () => (await read(exporterPort, "/health").catch(() => "")) === "ok",
    );
  }, 60_000);

  afterAll(async () => {
    exporter?.kill("SIGKILL");
    for (const { server } of targets) await server.stop();
  });

  const portOf = (index: number): number => targets[index]?.server.port ?? 0;

  test.each([
    ["a primary", 0, "redis_connected_slave_lag_seconds"],
    ["a replica", 1, "redis_master_link_up"],
    ["a node of a cluster", 2, "redis_cluster_stats_messages_ping_sent"],
    ["another node, without slots", 3, "redis_cluster_stats_messages_meet_received"],
  ])("%s", async (_what, index, characteristic) => {
    const { adminPort } = targets[index] as Target;
    const own = async (): Promise<Exposition> => readExposition(await read(adminPort, "/metrics"));
    const before = await own();
    const exported = readExposition(await read(exporterPort, `/scrape?target=redis://127.0.0.1:${portOf(index)}`));
    const after = await own();
    expect(exported.size).toBeGreaterThan(120);
    expect(exported.get("redis_up")?.samples.get("")).toBe(1);
    expect(exported.get(characteristic)?.samples.size).toBeGreaterThan(0);
    expect(differences({ exported, before, after })).toEqual([]);
    for (const name of exported.keys()) exportedNames.add(name);
  });

  test("and each exception is one", () => {
    const needless = NOT_OURS.filter(([metric]) => ![...exportedNames].some((name) => metric.test(name)));
    expect(needless).toEqual([]);
  });
});

async function start(...directives: readonly string[]): Promise<Target> {
  const server = await startOwnServer("--admin-port", String(await freePort()), ...directives);
  return { server, adminPort: await server.openAdminPort() };
}

async function read(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

/** Keys in two databases, some that expire, an error, a refusal, a script, and something slow. */
async function fillPrimary(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  await client.text("SET", "a", "1", "EX", "1000");
  await client.text("HSET", "h", "f", "v");
  await client.text("LPUSH", "a", "1");
  await client.text("GET");
  await client.text("EVAL", "return redis.call('GET', KEYS[1])", "1", "a");
  await client.text("DEBUG", "SLEEP", "0.01");
  await client.text("SELECT", "3");
  await client.text("SET", "b", "2");
  await eventually("the replica has all", async () => (await client.text("WAIT", "1", "100")) === ":1\r\n");
  client.close();
}

async function formCluster(port: number, other: { readonly port: number; readonly busPort: number }): Promise<void> {
  const client = await RawClient.connect(port);
  await client.text("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await client.text("CLUSTER", "MEET", "127.0.0.1", String(other.port), String(other.busPort));
  const isFormed = async (): Promise<boolean> => {
    const info = await client.text("CLUSTER", "INFO");
    return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:2");
  };
  await eventually("the cluster is formed", isFormed);
  expect(await client.text("SET", "a", "1")).toBe("+OK\r\n");
  client.close();
}
