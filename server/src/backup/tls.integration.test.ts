/** kv-backup and kv-handover with servers that speak TLS only and ask for certificates. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort } from "../persistence/reference-redis.ts";
import { Certificates, hasOpenssl } from "../testing/certificates.ts";
import { ChildServer } from "../testing/child-server.ts";
import { runProgram } from "../testing/program.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

const run = promisify(execFile);

describe.runIf(hasOpenssl && hasReferenceServer)("over TLS", { timeout: 60_000 }, () => {
  let certificates: Certificates;
  let directory: string;
  const servers: ChildServer[] = [];
  beforeAll(() => {
    certificates = new Certificates();
    certificates.issue("server");
    directory = mkdtempSync(path.join(tmpdir(), "kv-backup-tls-"));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill();
  });
  afterAll(() => {
    certificates.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const files = (): string[] => [
    ...["--tls", "--cacert", certificates.authority],
    ...["--cert", certificates.file("server.crt"), "--key", certificates.file("server.key")],
  ];

  async function start(...directives: string[]): Promise<number> {
    const port = await freePort();
    if (port > 55_000) return await start(...directives);
    const words = [
      ...["--port", "0", "--tls-port", String(port), "--tls-cluster", "yes", "--tls-replication", "yes", "--save", ""],
      ...["--tls-cert-file", certificates.file("server.crt"), "--tls-key-file", certificates.file("server.key")],
      ...["--tls-ca-cert-file", certificates.authority, "--repl-diskless-sync-delay", "0", "--requirepass", "secret"],
      ...["--masterauth", "secret", ...directives],
    ];
    const server = new ChildServer(mkdtempSync(path.join(directory, "node-")), words);
    servers.push(server);
    await eventually("a server", async () => (await cli(port, "PING").catch(() => "")) === "PONG");
    return port;
  }

  async function cli(port: number, ...words: string[]): Promise<string> {
    const options = ["-h", "127.0.0.1", "-p", String(port), "--no-auth-warning", "-a", "secret", ...files()];
    return (await run("redis-cli", [...options, ...words])).stdout.trimEnd();
  }

  const password = (): string[] => {
    writeFileSync(path.join(directory, "password"), "secret\n");
    return ["--password-file", path.join(directory, "password")];
  };

  test("kv-backup takes a backup and restores it, and is refused without certificate or authority", async () => {
    const [from, to] = [await start(), await start()];
    for (let key = 0; key < 20; key++) await cli(from, "SET", `key:${key}`, String(key));
    const backup = path.join(directory, "backup");
    const source = ["--source", `0=127.0.0.1:${from}`, ...password()];
    const [tls, cacert, authority] = files() as [string, string, string];

    for (const few of [[], [tls], [tls, cacert, authority]]) {
      const refused = await runProgram("backup-main.ts", "--directory", backup, ...source, ...few);
      expect([few.length, refused.code, refused.stdout]).toEqual([few.length, 1, ""]);
    }
    const taken = await runProgram("backup-main.ts", "--directory", backup, ...source, ...files());
    expect(taken).toMatchObject({ code: 0 });
    expect(JSON.parse(taken.stdout)).toMatchObject({ keys: 20, verified: true });
    const target = ["--restore", backup, "--to", `localhost:${to}`, ...password()];
    expect(await runProgram("backup-main.ts", ...target, ...files())).toMatchObject({ code: 0 });
    expect(await cli(to, "DBSIZE")).toBe("20");
    expect(await cli(to, "GET", "key:7")).toBe("7");
  });

  test("kv-backup takes one by the authority alone from a server that asks for no certificate", async () => {
    const from = await start("--tls-auth-clients", "no");
    await cli(from, "SET", "key", "value");
    const source = ["--source", `0=127.0.0.1:${from}`, ...password()];
    const take = (...options: string[]) =>
      runProgram("backup-main.ts", "--directory", path.join(directory, "public"), ...source, ...options);
    expect((await take("--tls")).code).toBe(1);
    const taken = await take("--tls", "--cacert", certificates.authority);
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(taken.stdout)).toMatchObject({ keys: 1, verified: true });
  });

  test("kv-handover hands over to the replica, in a cluster and outside of one", async () => {
    writeFileSync(path.join(directory, "password"), "secret\n");
    const [primary, replica] = [await start("--replica-priority", "1"), await start()];
    await cli(replica, "REPLICAOF", "127.0.0.1", String(primary));
    await eventually("a replica", async () => (await cli(primary, "INFO", "replication")).includes("state=online"));
    const words = [...files(), String(primary), path.join(directory, "password")];
    expect((await runProgram("handover-main.ts", ...words)).stdout).toBe(`Handed over to 127.0.0.1:${replica}\n`);
    expect(await cli(replica, "ROLE")).toMatch(/^master/);

    const inCluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "3000"];
    const [first, second] = [await start(...inCluster), await start(...inCluster)];
    await cli(first, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await cli(first, "CLUSTER", "MEET", "127.0.0.1", String(second));
    const id = await cli(first, "CLUSTER", "MYID");
    await eventually("a replica of a node", async () => (await cli(second, "CLUSTER", "REPLICATE", id)) === "OK");
    await eventually("it in sync", async () => (await cli(first, "INFO", "replication")).includes("state=online"));
    const there = [...files(), String(first), path.join(directory, "password")];
    expect((await runProgram("handover-main.ts", ...there)).stdout).toBe(`Handed over to 127.0.0.1:${second}\n`);
  });

  test("MIGRATE speaks as the bus does", async () => {
    const inCluster = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
    const [from, to] = [await start(...inCluster), await start(...inCluster)];
    for (const port of [from, to]) await cli(port, "CLUSTER", "ADDSLOTS", "12182");
    await eventually("a cluster", async () => (await cli(from, "SET", "foo", "bar")) === "OK");
    await eventually("another", async () => (await cli(to, "EXISTS", "foo")) === "0");
    await cli(to, "CONFIG", "SET", "requirepass", "");
    const moved = await cli(from, "MIGRATE", "127.0.0.1", String(to), "foo", "0", "2000");
    expect(moved).toBe("OK");
    expect(await cli(to, "GET", "foo")).toBe("bar");
  });

  test("options of TLS that make no sense are refused", async () => {
    const source = ["--directory", path.join(directory, "none"), "--source", "0=localhost:1"];
    const ended = await runProgram("backup-main.ts", ...source, "--cacert", "x");
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("Option --cacert goes with --tls") });
    const half = await runProgram("backup-main.ts", ...source, "--tls", "--cert", "x");
    expect(half.stderr).toContain("Options --cert and --key go together");
    expect(await runProgram("handover-main.ts", "--cacert", "x", "6379")).toMatchObject({ code: 2 });
  });
});
