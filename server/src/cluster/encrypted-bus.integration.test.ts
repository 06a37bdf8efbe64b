/** Clusters whose bus speaks TLS: of ours, and with nodes of redis-server, for clients with and without TLS. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort, ReferenceRedis } from "../persistence/reference-redis.ts";
import { Certificates, hasOpenssl } from "../testing/certificates.ts";
import { ChildServer } from "../testing/child-server.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

const run = promisify(execFile);
const LAST_SLOT = 16383;

interface Node {
  readonly port: number;
  readonly tlsPort: number;
}

describe.runIf(hasOpenssl && hasReferenceServer)("a cluster with tls-cluster", { timeout: 60_000 }, () => {
  let certificates: Certificates;
  const closing: (() => unknown)[] = [];
  beforeAll(() => {
    certificates = new Certificates();
    certificates.issue("server");
    certificates.issue("client");
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => certificates.remove());

  async function start(kind: "ours" | "redis", isReplicationEncrypted = true): Promise<Node> {
    const [port, tlsPort] = [await clusterPort(), await clusterPort()];
    const directory = mkdtempSync(path.join(tmpdir(), "kv-tls-cluster-"));
    closing.push(() => rmSync(directory, { recursive: true, force: true }));
    const directives = [
      ...["--port", String(port), "--tls-port", String(tlsPort), "--cluster-enabled", "yes", "--save", ""],
      ...["--tls-cluster", "yes", "--tls-replication", isReplicationEncrypted ? "yes" : "no"],
      ...["--tls-cert-file", certificates.file("server.crt"), "--tls-key-file", certificates.file("server.key")],
      ...["--tls-ca-cert-file", certificates.authority, "--tls-auth-clients", "no", "--cluster-node-timeout", "3000"],
      ...["--repl-diskless-sync-delay", "0"],
    ];
    if (kind === "redis") {
      const server = await ReferenceRedis.start(directives, directory);
      closing.push(() => server.stop());
    } else {
      const server = new ChildServer(directory, directives);
      closing.push(() => server.kill());
      await server.ready();
    }
    return { port, tlsPort };
  }

  const cli = async (port: number, ...words: string[]): Promise<string> =>
    (await run("redis-cli", ["-p", String(port), ...words])).stdout.trimEnd();
  const encryptedCli = (port: number, ...words: string[]): Promise<string> =>
    cli(port, "--tls", "--cacert", certificates.authority, ...words);

  /** Two primaries, and a replica of the second. */
  async function form(first: Node, second: Node, replica: Node): Promise<void> {
    await cli(first.port, "CLUSTER", "ADDSLOTSRANGE", "0", "8191");
    await cli(second.port, "CLUSTER", "ADDSLOTSRANGE", "8192", String(LAST_SLOT));
    await cli(second.port, "CLUSTER", "SET-CONFIG-EPOCH", "2");
    // Nodes are met at the port of the bus, which is beside the one for TLS.
    for (const { tlsPort } of [second, replica]) await cli(first.port, "CLUSTER", "MEET", "127.0.0.1", String(tlsPort));
    const isOk = async ({ port }: Node): Promise<boolean> => {
      const info = await cli(port, "CLUSTER", "INFO");
      return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3");
    };
    await eventually("a cluster", async () => (await Promise.all([first, second, replica].map(isOk))).every(Boolean));
    const id = await cli(second.port, "CLUSTER", "MYID");
    await eventually("that the replica knows its primary", async () =>
      (await cli(replica.port, "CLUSTER", "REPLICATE", id)).includes("OK"),
    );
    await eventually("a replica", async () =>
      (await cli(replica.port, "INFO", "replication")).includes("link_status:up"),
    );
  }

  test.each([
    ["ours", "ours", "ours"],
    ["ours", "redis", "ours"],
    ["redis", "ours", "redis"],
  ] as const)("of %s, %s and %s agrees, replicates, and tells each client its port", async (...kinds) => {
    const [first, second, replica] = (await Promise.all(kinds.map((kind) => start(kind)))) as [Node, Node, Node];
    await form(first, second, replica);
    // "foo" lies in slot 12182, "bar" in 5061.
    expect(await cli(first.port, "SET", "foo", "1")).toBe(`MOVED 12182 127.0.0.1:${second.port}`);
    expect(await encryptedCli(first.tlsPort, "SET", "foo", "1")).toBe(`MOVED 12182 127.0.0.1:${second.tlsPort}`);
    expect(await cli(replica.port, "GET", "bar")).toBe(`MOVED 5061 127.0.0.1:${first.port}`);
    expect(await encryptedCli(second.tlsPort, "-c", "SET", "bar", "2")).toBe("OK");
    expect(await cli(second.port, "SET", "foo", "3")).toBe("OK");
    await eventually("the write on the replica", async () => {
      const words = ["READONLY", "GET foo"].join("\n");
      const { stdout } = await run("sh", ["-c", `printf '${words}\\n' | redis-cli -p ${replica.port}`]);
      return stdout.trim().endsWith("3");
    });
    for (const node of [first, second, replica]) {
      const nodes = await cli(node.port, "CLUSTER", "NODES");
      for (const { port, tlsPort } of [first, second, replica]) {
        expect(nodes).toContain(`127.0.0.1:${port}@${tlsPort + 10_000}`);
        expect(await encryptedCli(node.tlsPort, "CLUSTER", "NODES")).toContain(
          `127.0.0.1:${tlsPort}@${tlsPort + 10_000}`,
        );
      }
      const shards = await cli(node.port, "CLUSTER", "SHARDS");
      expect(shards).toMatch(new RegExp(`port\\n${first.port}\\ntls-port\\n${first.tlsPort}\\n`));
    }
  });

  test("replicas follow without TLS where tls-replication is off", async () => {
    const nodes = await Promise.all([start("ours", false), start("redis", false), start("ours", false)]);
    await form(...(nodes as [Node, Node, Node]));
    expect(await cli(nodes[2]?.port ?? 0, "INFO", "replication")).toContain(`master_port:${nodes[1]?.port}`);
  });

  test("nobody is let onto the bus without a certificate, or without TLS", async () => {
    const { tlsPort } = await start("ours");
    const isClosed = (socket: net.Socket): Promise<boolean> =>
      new Promise((resolve) => {
        socket.on("error", () => undefined);
        socket.on("close", () => resolve(true));
        socket.resume();
      });
    const bus = { host: "127.0.0.1", port: tlsPort + 10_000 };
    const plain = net.connect(bus);
    plain.write(Buffer.alloc(3000, "RCmb"));
    expect(await isClosed(plain)).toBe(true);
    const stranger = tls.connect({ ...bus, rejectUnauthorized: false });
    expect(await isClosed(stranger)).toBe(true);
    expect(await cli(tlsPort, "--tls", "--cacert", certificates.authority, "PING")).toBe("PONG");
  });
});

/** With room for the bus, 10,000 above. */
async function clusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 55_000) return port;
  }
}
