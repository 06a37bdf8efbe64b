// Real servers with the very file that the operator writes for spec.tls, but for places and ports: the plans form a cluster and a
// group over TLS, nobody gets in without it, and a new certificate is taken up while clients go on.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectSecurely } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleCluster } from "../resources/example-cluster.ts";
import { authConfig, serverConfig } from "../resources/server-config.ts";
import type { NodeObservation, PodView } from "../topology/cluster-view.ts";
import type { GroupRecord } from "../topology/group-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { planGroup } from "../topology/plan-group.ts";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode, type NodeEndpoint } from "./node-connection.ts";
import { tlsIdentity } from "./tls-identity.ts";
import { hasOpenssl, type IssuedFiles, TriedAuthority } from "./tried-certificates.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PASSWORD = "behind-tls";
const LIMIT_MS = 60_000;
const LEASE_SECONDS = 10;
const CLUSTER_SPEC = {
  ...{ shards: 1, replicasPerShard: 1, isFormed: false, isEphemeral: false },
  ...{ isBackupRunning: false, takeoverAfterSeconds: 60 },
};

let authority: TriedAuthority;
let directory = "";
let ports = { client: 0, bus: 0, admin: 0 };
let addresses = 0;
let servers: { readonly ip: string; readonly home: string; process: ChildProcess }[] = [];
let record: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };

beforeEach(async () => {
  authority = new TriedAuthority();
  directory = await mkdtemp(join(tmpdir(), "kv-tls-"));
  const [client = 0, bus = 0, admin = 0] = await freePorts(3, "0.0.0.0");
  ports = { client, bus, admin };
  servers = [];
  record = { primary: undefined, replicationId: undefined, copies: [] };
});

afterEach(async () => {
  for (const server of servers) server.process.kill("SIGKILL");
  authority.remove();
  await rm(directory, { recursive: true, force: true });
});

const pathOf = (name: string) => join(directory, name);

/** As kubelets do: whoever reads a file reads the old one or the new one. */
async function lay(files: IssuedFiles): Promise<void> {
  for (const [name, text] of [
    ["tls.crt", files.certificate],
    ["tls.key", files.key],
    ["ca.crt", files.authority],
  ] as const) {
    await writeFile(pathOf(`${name}.new`), text);
    await rename(pathOf(`${name}.new`), pathOf(name));
  }
}

/** Each server has a loopback address of its own, as pods have, so the ports can be the same. */
async function start(spec: Readonly<Record<string, unknown>>, count: number, ...words: string[]): Promise<void> {
  await lay(authority.issue("first"));
  await writeFile(pathOf("auth.conf"), authConfig(PASSWORD));
  const file = serverConfig(exampleCluster({ ...spec, tls: { secretName: "kv-tls", authClients: "Required" } }))
    .replaceAll(/\/etc\/kvcluster-(tls|auth)/g, directory)
    .replace(/^tls-port .*$/m, `tls-port ${ports.client}`)
    .replace(/^cluster-port .*$/m, `cluster-port ${ports.bus}`)
    .replace(/^admin-port .*$/m, `admin-port ${ports.admin}`)
    .replace(/^(bind|dir) .*$/gm, "");
  await writeFile(pathOf("kv.conf"), file);
  for (let index = 0; index < count; index++) {
    const ip = `127.79.${process.pid & 255}.${++addresses}`;
    const home = pathOf(`kv-0-${index}`);
    await mkdir(home);
    const place = ["--bind", ip, "--admin-bind", ip, "--bind-source-addr", ip, "--dir", home];
    servers.push({ ip, home, process: launch([...place, ...words.map((word) => word.replace("$IP", ip))]) });
  }
}

function launch(words: readonly string[]): ChildProcess {
  return spawn(join(ROOT, "server/bin/kv-server"), [pathOf("kv.conf"), ...words], { stdio: "ignore" });
}

function endpoint(index: number): NodeEndpoint {
  return { host: servers[index]?.ip ?? "", port: ports.client, password: PASSWORD, identity };
}

let identity: NodeEndpoint["identity"];
function trust(files: IssuedFiles): void {
  identity = tlsIdentity(files);
}

async function ask(index: number, ...words: readonly string[]): Promise<string> {
  const connection = await connectNode(endpoint(index));
  return String(await connection.command(...words).finally(() => connection.close()));
}

async function pass(isCluster: boolean): Promise<Plan> {
  const pods = await Promise.all(servers.map((_, index) => view(index, isCluster)));
  const spec = { replicas: servers.length - 1, leaseSeconds: LEASE_SECONDS };
  const next = isCluster ? plan({ pods }, CLUSTER_SPEC) : planGroup({ pods, record, unfenced: new Set() }, spec);
  for (const action of [next.group?.renewal, ...next.actions]) {
    if (action === undefined) continue;
    const session = await openKvSession(endpoint(pods.findIndex(({ pod }) => pod === action.pod)));
    await session.execute(action).finally(() => session.close());
  }
  record = next.group?.record ?? record;
  return next;
}

async function view(index: number, isCluster: boolean): Promise<PodView> {
  const ip = servers[index]?.ip ?? "";
  const address = { ip, port: ports.client, busPort: isCluster ? ports.bus : 0, hostname: undefined };
  const node = await observe(index, isCluster).catch(() => undefined);
  return { pod: `kv-0-${index}`, shard: 0, ordinal: index, process: "Running", address, node };
}

async function observe(index: number, isCluster: boolean): Promise<NodeObservation> {
  const session = await openKvSession(endpoint(index));
  return await (isCluster ? session.observe() : session.observeMember()).finally(() => session.close());
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`Not so: ${what}`);
    await delay(100);
  }
}

const settled = (isCluster: boolean) =>
  eventually("everything settled", async () => {
    const { isSettled, survey } = await pass(isCluster);
    return isSettled && survey.reachable.length === servers.length;
  });

/** What a stranger hears at a port: nothing, if it has to show a certificate and does not. */
function hears(port: number, ip: string, request: string, isEncrypted: boolean): Promise<string> {
  const options = { host: ip, port, rejectUnauthorized: false };
  const socket = isEncrypted ? connectSecurely(options) : connect(options);
  return new Promise((resolve) => {
    socket.on("error", () => resolve(""));
    socket.on("data", (chunk) => resolve(String(chunk)));
    socket.on("close", () => resolve(""));
    socket.write(request);
  });
}

/** Whom a server shows itself as. */
function shownAt(port: number, ip: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectSecurely({ host: ip, port, rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

async function expectNobodyGetsIn(): Promise<void> {
  const [{ ip } = { ip: "" }] = servers;
  expect(await hears(ports.client, ip, "PING\r\n", false)).not.toContain("PONG");
  expect(await hears(ports.client, ip, "PING\r\n", true)).not.toContain("PONG");
  const request = "GET /healthz HTTP/1.0\r\n\r\n";
  expect(await hears(ports.admin, ip, request, false)).not.toContain("200 OK");
  expect(await hears(ports.admin, ip, request, true)).toContain("200 OK");
  await expect(connectNode({ host: ip, port: ports.client, password: PASSWORD })).rejects.toThrow();
  const other = new TriedAuthority();
  try {
    const stranger = tlsIdentity(other.issue("stranger"));
    const asStranger = { host: ip, port: ports.client, password: PASSWORD, identity: stranger };
    await expect(connectNode(asStranger)).rejects.toThrow("Failed to connect");
  } finally {
    other.remove();
  }
}

describe.runIf(hasOpenssl)("servers with the file of spec.tls", { timeout: 4 * LIMIT_MS }, () => {
  it("form a cluster and take up a new certificate", async () => {
    await start({ mode: "Cluster" }, 2, "--cluster-announce-ip", "$IP");
    trust(authority.issue("operator"));
    await settled(true);
    expect(await ask(0, "SET", "greeting", "hello")).toBe("OK");
    expect(await ask(0, "CLUSTER", "NODES")).toContain(`:${ports.client}@${ports.bus}`);
    await expectNobodyGetsIn();

    const old = await connectNode(endpoint(0));
    await lay(authority.issue("second"));
    for (const port of [ports.client, ports.admin])
      await eventually("the new certificate", async () => (await shownAt(port, servers[0]?.ip ?? "")) === "second");
    expect(String(await old.command("GET", "greeting"))).toBe("hello");
    old.close();
    // Servers find each other anew with it, on the bus and as replicas.
    await ask(1, "CLIENT", "KILL", "TYPE", "master");
    await ask(0, "CLIENT", "KILL", "TYPE", "replica");
    await eventually("the replica back", async () => (await ask(0, "INFO", "replication")).includes("state=online"));
    await settled(true);
  });

  it("are a group whose primary is replaced", async () => {
    const words = ["--replica-announce-ip", "$IP", "--group-lease", String(LEASE_SECONDS)];
    await start({ mode: "Replication", shards: 1, replicasPerShard: 1 }, 2, ...words);
    trust(authority.issue("operator"));
    await settled(false);
    await expectNobodyGetsIn();
    const old = servers.findIndex((_, index) => `kv-0-${index}` === record.primary);
    await ask(old, "SET", "greeting", "hello");
    await eventually("the replica has it", async () => (await ask(1 - old, "GET", "greeting")) === "hello");
    servers[old]?.process.kill("SIGSTOP");
    await eventually("another primary", async () => {
      await pass(false);
      return (await ask(1 - old, "ROLE")).startsWith("master");
    });
    servers[old]?.process.kill("SIGCONT");
    await settled(false);
    expect(await ask(1 - old, "GET", "greeting")).toBe("hello");
  });

  it("are one alone, which lets those in who have no certificate where none is asked for", async () => {
    await start({ mode: "Standalone", shards: 1, replicasPerShard: 0 }, 1);
    trust(authority.issue("operator"));
    await eventually("a server", async () => (await ask(0, "PING")) === "PONG");
    expect(await ask(0, "CONFIG", "SET", "tls-auth-clients", "no")).toBe("OK");
    expect(await hears(ports.client, servers[0]?.ip ?? "", "PING\r\n", true)).toContain("NOAUTH");
  });
});
