// The program itself, from the command line to real servers: a shard of two, whose pods are known to a fake API server that
// proxies to admin ports as a real one does, and a kubectl in PATH that forwards ports. Each server has a loopback address of
// its own, as pods have: redirections name it.
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { freePorts } from "../kv/free-ports.ts";
import { connectNode } from "../kv/node-connection.ts";
import { FakeApiServer } from "../runtime/fake-api-server.ts";
import { clusterWith, examplePod } from "./example-world.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PASSWORD = "in-no-argument";
const PODS = ["shop-0-0", "shop-0-1"];
const ADDRESSES = PODS.map((_, index) => `127.26.${process.pid & 255}.${index + 1}`);
/** Generous: each run starts a Node.js, and the machine may be busy. */
const LIMIT_MS = 60_000;

interface Server {
  readonly process: ChildProcess;
  readonly address: string;
  readonly port: number;
  readonly adminPort: number;
}

const servers: Server[] = [];
const api = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS) });
const front = http.createServer((request, response) => void pass(request, response));
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kubectl-kv-"));
  for (const address of ADDRESSES) servers.push(await startServer(address));
  await formShard();
  await api.start();
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  seed();
  await writeFile(join(directory, "kubeconfig"), kubeconfig(`http://127.0.0.1:${portOf(front)}`));
  await writeFile(join(directory, "kubectl"), fakeKubectl());
  await chmod(join(directory, "kubectl"), 0o755);
}, 180_000);

afterAll(async () => {
  for (const server of servers) server.process.kill("SIGKILL");
  front.closeAllConnections();
  front.close();
  await api.stop();
  await rm(directory, { recursive: true, force: true });
});

describe("kubectl kv with real servers", { timeout: 180_000 }, () => {
  it("shows roles, keys and lag from the servers' own word", async () => {
    expect(await kv("connect", "shop", "--", "SET", "greeting", "hello")).toMatchObject({ out: "OK\n", error: "" });
    const { out } = await eventually(
      () => kv("status", "shop"),
      ({ out: text }) => /shop-0-1 .* up .* 0 B +1 /.test(text),
    );
    expect(out).toMatch(/^0 +primary +shop-0-0 .* 1 .*0-16383 \(16,384\)$/m);
    expect(out).not.toContain("NOTES");
  });

  it("runs a command, and lines of a script", async () => {
    expect(await kv("connect", "shop", "--", "GET", "greeting")).toEqual({ code: 0, out: "hello\n", error: "" });
    const script = 'SET "two words" 1\nINCR "two words"\nNOSUCH\nquit\n';
    const { code, out } = await kvWith(script, "connect", "shop");
    expect(code).toBe(0);
    expect(out).toMatch(/^OK\n2\nERR unknown command 'NOSUCH'/);
  });

  it("fails over to the replica without losing the key", async () => {
    const { code, out, error } = await kv("failover", "shop", "0");
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(/^shop-0-1 took shard 0 over from shop-0-0 in \d\.\d s\n$/);
    const state = await eventually(
      () => kv("status", "shop"),
      ({ out: text }) => /replica +shop-0-0 .* up /.test(text),
    );
    expect(state.out).toMatch(/^0 +primary +shop-0-1 /m);
    // It starts where the label says primary, which no operator has moved here, and is sent on.
    expect((await kv("connect", "shop", "--", "GET", "greeting")).out).toBe("hello\n");
  });

  it("leaves no port-forward behind when it is ended by a signal", async () => {
    const pidFile = join(directory, "kubectl.pid");
    await rm(pidFile, { force: true });
    const child = spawn(join(ROOT, "operator/bin/kubectl-kv"), ["connect", "shop"], { env: environment() });
    const pid = Number(
      await eventually(
        () => readFile(pidFile, "utf8").catch(() => ""),
        (text) => text !== "",
      ),
    );
    child.kill("SIGTERM");
    await eventually(
      async () => isAlive(pid),
      (alive) => !alive,
    );
  });

  it("tells what kubectl complains about", async () => {
    await writeFile(join(directory, "kubectl"), "#!/bin/sh\necho 'error: pods is forbidden' >&2\nexit 1\n");
    expect(await kv("connect", "shop", "--", "PING")).toEqual({
      code: 1,
      out: "",
      error: 'Cannot reach pod "shop-0-0": error: pods is forbidden\n',
    });
  });
});

const kv = (...argv: readonly string[]) => kvWith("", ...argv);

function kvWith(input: string, ...argv: readonly string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; out: string; error: string }>();
  const child = spawn(join(ROOT, "operator/bin/kubectl-kv"), argv, { env: environment(), timeout: LIMIT_MS });
  let [out, error] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  child.on("error", reject);
  child.on("close", (code) => resolve({ code, out, error }));
  child.stdin.end(input);
  return promise;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: join(directory, "kubeconfig"), PATH: `${directory}:${process.env.PATH}` };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function eventually<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`It did not come true: ${JSON.stringify(value)}`);
    await delay(100);
  }
}

async function startServer(address: string): Promise<Server> {
  const home = join(directory, address);
  const [port = 0, busPort = 0, adminPort = 0] = await freePorts(3);
  await mkdir(home);
  const secrets = join(home, "secrets.conf");
  await writeFile(secrets, `requirepass ${PASSWORD}\nmasterauth ${PASSWORD}\n`);
  const own = ["--port", port, "--cluster-port", busPort, "--admin-port", adminPort, "--dir", home];
  const place = ["--bind", address, "--bind-source-addr", address, "--cluster-announce-ip", address];
  const shared = ["--cluster-enabled", "yes", "--save", "", "--repl-diskless-sync-delay", "0"];
  const argv = [secrets, ...own, ...place, ...shared].map(String);
  return { process: spawn(join(ROOT, "server/bin/kv-server"), argv, { stdio: "ignore" }), address, port, adminPort };
}

/** Each server has its address to itself, so the ports are free there, too. */
async function command(index: number, ...words: readonly string[]): Promise<string> {
  const { address: host = "", port = 0 } = servers[index] ?? {};
  const connection = await connectNode({ host, port, password: PASSWORD });
  try {
    return String(await connection.command(...words));
  } finally {
    connection.close();
  }
}

async function formShard(): Promise<void> {
  const patiently = (index: number, ...words: readonly string[]) =>
    eventually(
      () => command(index, ...words).catch((error: Error) => `failed: ${error.message}`),
      (reply) => !reply.startsWith("failed"),
    );
  const primary = await patiently(0, "CLUSTER", "MYID");
  await patiently(1, "PING");
  await command(0, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const nodes = await command(0, "CLUSTER", "NODES");
  const [, port = "", busPort = ""] = /:(\d+)@(\d+)/.exec(nodes) ?? [];
  await command(1, "CLUSTER", "MEET", servers[0]?.address ?? "", port, busPort);
  await patiently(1, "CLUSTER", "REPLICATE", primary);
  await eventually(
    () => command(1, "INFO", "replication"),
    (info) => info.includes("master_link_status:up"),
  );
  await eventually(
    () => command(0, "CLUSTER", "INFO"),
    (info) => info.includes("cluster_state:ok"),
  );
}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}

/** A pod's admin port through the API server, everything else from the fake. */
async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const [, pod = ""] = /\/pods\/([^/:]+):9121\/proxy\/status$/.exec(request.url ?? "") ?? [];
  const server = servers[PODS.indexOf(pod)];
  const base =
    server === undefined ? `${api.url}${request.url}` : `http://${server.address}:${server.adminPort}/status`;
  const answer = await fetch(base);
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(await answer.text());
}

function seed(): void {
  const { uid: _uid, resourceVersion: _version, generation: _generation, ...metadata } = clusterWith().metadata;
  const shardStatus = [{ index: 0, slots: "0-16383", primary: "shop-0-0", replicas: ["shop-0-1"] }];
  const status = { ...clusterWith({ shardStatus }).status, observedGeneration: 1 };
  api.seed({ ...clusterWith({}, { shards: 1 }), metadata, status });
  for (const ordinal of [0, 1]) {
    const pod = examplePod(0, ordinal);
    api.seed({ ...pod, status: { ...pod.status, podIP: ADDRESSES[ordinal] } } as KubernetesObject);
  }
  const data = { username: btoa("default"), password: btoa(PASSWORD) };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "shop-connection", namespace: "apps" }, data };
  api.seed(secret);
}

/** The package takes no plain HTTP from whom does not say that TLS need not be checked. */
function kubeconfig(url: string): string {
  const cluster = { server: url, "insecure-skip-tls-verify": true };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user: {} }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace: "apps" } }],
  });
}

/** `kubectl … port-forward … pod/NAME :6379`, as far as the plugin uses it. */
function fakeKubectl(): string {
  const targets = Object.fromEntries(
    PODS.map((pod, index) => [`pod/${pod}`, { host: servers[index]?.address, port: servers[index]?.port }]),
  );
  return `#!${join(ROOT, "node_modules/node/bin/node")}
const { connect, createServer } = require("node:net");
require("node:fs").writeFileSync(${JSON.stringify(join(directory, "kubectl.pid"))}, String(process.pid));
const target = ${JSON.stringify(targets)}[process.argv.find((word) => word.startsWith("pod/"))];
const listener = createServer((socket) => {
  const far = connect(target);
  socket.pipe(far).pipe(socket);
  for (const end of [socket, far]) end.on("error", () => undefined);
});
listener.listen(0, "127.0.0.1", () => console.log("Forwarding from 127.0.0.1:" + listener.address().port + " -> 6379"));
`;
}
