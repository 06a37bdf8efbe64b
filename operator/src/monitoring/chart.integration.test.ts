// The chart's alerts and dashboards against what real servers print under /metrics: a primary with its replica, and a node of
// a cluster, each after some commands and errors.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePorts } from "../kv/free-ports.ts";
import { connectNode } from "../kv/node-connection.ts";
import { chartExpressions } from "./chart-expressions.ts";
import { complaintsOf, isServerMetric } from "./complaints.ts";
import { seriesIn } from "./exposition.ts";

const SERVER = join(import.meta.dirname, "../../../server/bin/kv-server");
const LIMIT_MS = 20_000;

interface Server {
  readonly process: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
}

const servers: Server[] = [];
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kv-monitoring-"));
  const [primary = 0, replica = 0, node = 0, bus = 0, ...admin] = await freePorts(7);
  const [primaryAdmin = 0, replicaAdmin = 0, nodeAdmin = 0] = admin;
  servers.push(start(primary, primaryAdmin));
  servers.push(start(replica, replicaAdmin, "--replicaof", "127.0.0.1", String(primary)));
  servers.push(
    start(node, nodeAdmin, "--cluster-enabled", "yes", "--cluster-port", String(bus), "--appendonly", "yes"),
  );
}, 60_000);

afterAll(async () => {
  for (const server of servers) server.process.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

it("alerts and dashboards use metrics and labels that servers print", { timeout: 60_000 }, async () => {
  await eventually(async () => {
    await command(0, "SET", "key", "value", "EX", "1000");
    await command(0, "INCR", "key").catch(() => undefined);
    expect(await command(0, "WAIT", "1", "100")).toBe("1");
    expect(await metricsOf(0)).toContain("kvcluster_replica_lag_bytes{");
    expect(await metricsOf(1)).toContain("redis_master_link_up{");
    expect(await metricsOf(2)).toContain("redis_cluster_state ");
  });
  const series = seriesIn(`${await metricsOf(0)}${await metricsOf(1)}${await metricsOf(2)}`);
  const expressions = chartExpressions();
  expect(expressions.filter(({ expression }) => /(redis|kvcluster)_/.test(expression)).length).toBeGreaterThan(40);
  expect(expressions.flatMap((each) => complaintsOf(each, series, isServerMetric))).toEqual([]);
});

function start(port: number, adminPort: number, ...directives: readonly string[]): Server {
  const place = ["--bind", "127.0.0.1", "--dir", directory, "--dbfilename", `${port}.rdb`, "--save", ""];
  const argv = ["--port", String(port), "--admin-port", String(adminPort), ...place, ...directives];
  return { process: spawn(SERVER, argv, { stdio: "ignore" }), port, adminPort };
}

async function metricsOf(index: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${servers[index]?.adminPort}/metrics`)).text();
}

async function command(index: number, ...words: readonly string[]): Promise<string> {
  const port = servers[index]?.port ?? 0;
  const connection = await connectNode({ host: "127.0.0.1", port, password: undefined });
  try {
    return String(await connection.command(...words));
  } finally {
    connection.close();
  }
}

async function eventually(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(50);
    }
  }
}
