/** TLS as clients and other servers see it: certificates, their replacement, refusals, replication with redis-server. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort, ReferenceRedis } from "../persistence/reference-redis.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { Certificates, hasOpenssl } from "../testing/certificates.ts";
import { type OwnServer, startOwnServer, startOwnServerWith } from "../testing/own-server.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";

const COUNT = 20_000;

describe.runIf(hasOpenssl && hasReferenceServer)("TLS", () => {
  let certificates: Certificates;
  const nodes: { stop(): Promise<unknown> }[] = [];
  beforeAll(() => {
    certificates = new Certificates();
    certificates.issue("server");
    certificates.issue("client");
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.stop();
  });
  afterAll(() => certificates.remove());

  const secrets = (): string[] => [
    ...["--tls-cert-file", certificates.file("server.crt"), "--tls-key-file", certificates.file("server.key")],
    ...["--tls-ca-cert-file", certificates.authority],
  ];

  async function start(...directives: string[]): Promise<{ server: OwnServer; port: number }> {
    const [port, plain] = [await freePort(), await freePort()];
    const ports = ["--port", String(plain), "--tls-port", String(port)];
    const server = await startOwnServer(...ports, ...secrets(), ...directives);
    nodes.push(server);
    return { server, port };
  }

  const withCertificate = (): string[] => [
    ...["--cert", certificates.file("client.crt"), "--key", certificates.file("client.key")],
  ];
  const cliWords = (port: number, ...words: string[]): string[] => [
    ...["-h", "127.0.0.1", "-p", String(port), "--tls", "--cacert", certificates.authority, ...words],
  ];
  const cli = (port: number, ...words: string[]): Promise<string> => run("redis-cli", cliWords(port, ...words));

  test("handshakes under way count against the limit of clients", async () => {
    const { port } = await start("--maxclients", "10");
    const opened = Array.from({ length: 200 }, () => net.connect(port, "127.0.0.1"));
    nodes.push({ stop: async () => opened.forEach((socket) => void socket.destroy()) });
    let dropped = 0;
    for (const socket of opened) {
      socket.on("error", () => undefined);
      socket.on("close", () => dropped++);
    }
    await expect.poll(() => dropped, { timeout: 5000 }).toBe(200 - 10 - 32);
  });

  test.each(["always", "everysec"])(
    "with appendfsync %s replies of all sizes come in the order of their requests",
    async (policy) => {
      const { port } = await start("--tls-auth-clients", "no", "--appendonly", "yes", "--appendfsync", policy);
      const socket = await handshake(port);
      nodes.push({ stop: async () => void socket.destroy() });
      const requests = [encodeCommand(["SETRANGE", "large", "20000", "x"])];
      for (let k = 1; k <= COUNT; k++) {
        requests.push(encodeCommand(["INCR", "counter"]));
        if (k % 40 === 0) requests.push(encodeCommand(["GET", "large"]));
      }
      const decoder = new RespDecoder();
      const counts: number[] = [];
      const done = new Promise<void>((resolve) => {
        socket.on("data", (chunk: Buffer) => {
          decoder.push(chunk);
          for (let reply = decoder.next(); reply !== undefined; reply = decoder.next()) {
            if (typeof reply === "number") counts.push(reply);
          }
          if (counts.length > COUNT) resolve();
        });
      });
      socket.write(Buffer.concat(requests));
      await done;
      expect(counts).toEqual([20_001, ...Array.from({ length: COUNT }, (_, k) => k + 1)]);
    },
  );

  test("the admin port speaks HTTPS with admin-tls, and takes up new certificates", async () => {
    const clock = new FakeClock();
    const [plain, admin] = [await freePort(), await freePort()];
    const ports = ["--port", String(plain), "--admin-port", String(admin), "--admin-bind", "127.0.0.1"];
    const server = await startOwnServerWith(clock, ...ports, ...secrets(), "--admin-tls", "yes");
    nodes.push(server);
    await server.openAdminPort();
    const ask = (): Promise<string> =>
      run("curl", [
        "-s",
        "--cacert",
        certificates.authority,
        "--resolve",
        `server:${admin}:127.0.0.1`,
        `https://server:${admin}/healthz`,
      ]);
    expect(await ask()).toBe("ok");
    expect(await commonNameAt(admin)).toBe("server");
    certificates.issue("server", "renewed");
    clock.advance(3000);
    expect(await commonNameAt(admin)).toBe("renewed");
    certificates.issue("server");
  });

  /** What the server shows of itself. */
  async function commonNameAt(port: number): Promise<string> {
    const socket = await handshake(port);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  }

  function handshake(port: number): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
      socket.once("secureConnect", () => resolve(socket));
      socket.once("error", reject);
    });
  }

  test("serves redis-cli, values of many megabytes and pipelines, beside the plain port", async () => {
    const { server, port } = await start("--tls-auth-clients", "no");
    expect(await cli(port, "PING")).toBe("PONG");
    const value = "x".repeat(5_000_000);
    const socket = await handshake(port);
    socket.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n${"PING\r\n".repeat(5000)}GET k\r\n`);
    const expected = "+OK\r\n".length + 5000 * "+PONG\r\n".length + `$${value.length}\r\n${value}\r\n`.length;
    let bytes = 0;
    for await (const chunk of socket) {
      bytes += (chunk as Buffer).length;
      if (bytes === expected) break;
    }
    expect(bytes).toBe(expected);
    expect(await run("redis-cli", ["-p", String(server.port), "STRLEN", "k"])).toBe(String(value.length));
  });

  test("with port 0 there is only the secure one", async () => {
    const port = await freePort();
    const server = await startOwnServer(
      "--port",
      "0",
      "--tls-port",
      String(port),
      "--tls-auth-clients",
      "no",
      ...secrets(),
    );
    nodes.push(server);
    expect(server.port).toBe(0);
    expect(await cli(port, "PING")).toBe("PONG");
    expect(await cli(port, "INFO", "server")).toContain(`tcp_port:${port}\r\n`);
  });

  test("lets in who has a certificate, as tls-auth-clients says, also after CONFIG SET", async () => {
    const { port } = await start();
    await expect(cli(port, "PING")).rejects.toThrow();
    expect(await cli(port, ...withCertificate(), "PING")).toBe("PONG");
    expect(await cli(port, ...withCertificate(), "CONFIG", "SET", "tls-auth-clients", "no")).toBe("OK");
    expect(await cli(port, "PING")).toBe("PONG");
  });

  test("where certificates are optional, those of a foreign authority are refused", async () => {
    const foreign = new Certificates();
    const { cert, key } = foreign.issue("stranger");
    const { port } = await start("--tls-auth-clients", "optional");
    expect(await cli(port, "PING")).toBe("PONG");
    expect(await cli(port, ...withCertificate(), "PING")).toBe("PONG");
    await expect(cli(port, "--cert", cert, "--key", key, "PING")).rejects.toThrow();
    foreign.remove();
  });

  test("starts with the addresses of the default, and lives on when a file cannot be looked at", async () => {
    const loop = certificates.file("loop.crt");
    writeFileSync(loop, readFileSync(certificates.authority));
    const clock = new FakeClock();
    const port = await freePort();
    const words = ["--tls-port", String(port), "--tls-auth-clients", "no", "--bind", "*", "-::*", ...secrets()];
    const server = await startOwnServerWith(clock, ...words, "--tls-ca-cert-file", loop);
    nodes.push(server);
    rmSync(loop);
    symlinkSync(loop, loop);
    clock.advance(5000);
    expect(await cli(port, "PING")).toBe("PONG");
    // Port 0 beside a TLS port: there is no plain one.
    expect(server.port).toBe(0);
  });

  test("certificates that are replaced on the disk are shown to new connections; wrong ones change nothing", async () => {
    const { port } = await start("--tls-auth-clients", "no");
    const before = await handshake(port);
    certificates.issue("server", "the next one");
    await eventually("the new certificate is shown", async () => (await commonNameAt(port)) === "the next one");
    before.write("PING\r\n");
    expect(String(await new Promise<Buffer>((resolve) => before.once("data", resolve)))).toBe("+PONG\r\n");
    before.destroy();
    writeFileSync(certificates.file("broken.crt"), "no certificate");
    expect(await cli(port, "CONFIG", "SET", "tls-cert-file", certificates.file("broken.crt"))).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs.",
    );
    expect(await commonNameAt(port)).toBe("the next one");
    certificates.issue("server");
  });

  /** As Kubernetes lays a Secret: files are links into a folder, and the folder a link that is swapped as one. */
  function layAsKubernetes(commonName: string): string {
    const folder = certificates.file("secret");
    const version = path.join(folder, `..${commonName}`);
    mkdirSync(version, { recursive: true });
    const { cert, key } = certificates.issue("laid", commonName);
    for (const [from, to] of [
      [cert, "tls.crt"],
      [key, "tls.key"],
      [certificates.authority, "ca.crt"],
    ] as const) {
      copyFileSync(from, path.join(version, to));
      const link = path.join(folder, to);
      if (!existsSync(link)) symlinkSync(path.join("..data", to), link);
    }
    const next = path.join(folder, "..data_tmp");
    symlinkSync(`..${commonName}`, next);
    renameSync(next, path.join(folder, "..data"));
    return folder;
  }

  test("new certificates are served within five seconds, who is not let in hears Redis' words, and it stands in ACL LOG", async () => {
    const folder = certificates.file("secret");
    mkdirSync(folder);
    layAsKubernetes("first");
    const laid = (name: string): string => path.join(folder, name);
    const rules = [
      "--user",
      "limited",
      "on",
      ">secret",
      "+ping",
      "+acl|whoami",
      "--user",
      "default",
      "on",
      "nopass",
      "~*",
      "&*",
      "+@all",
    ];
    const words = [
      "--tls-cert-file",
      laid("tls.crt"),
      "--tls-key-file",
      laid("tls.key"),
      "--tls-ca-cert-file",
      laid("ca.crt"),
    ];
    const [port, theirPort] = [await freePort(), await freePort()];
    const server = await startOwnServer(
      "--port",
      String(await freePort()),
      "--tls-port",
      String(port),
      ...words,
      ...rules,
    );
    nodes.push(server);
    const redis = await ReferenceRedis.start(["--tls-port", String(theirPort), ...words, ...rules]);
    nodes.push(redis);

    const old = await secureClient(port);
    expect(old.commonName).toBe("first");
    const startedAt = performance.now();
    layAsKubernetes("second");
    await eventually(
      "the new certificate is shown",
      async () => (await secureClient(port, true)).commonName === "second",
    );
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(await old.ask("PING")).toBe("+PONG\r\n");
    old.socket.destroy();

    const foreign = new Certificates();
    const stranger = foreign.issue("stranger");
    // Those without the right certificate hear nothing, not even a PONG.
    for (const certificate of [[], ["--cert", stranger.cert, "--key", stranger.key]]) {
      for (const each of [port, theirPort]) expect(await outcome(each, [...certificate, "PING"])).not.toContain("PONG");
    }
    for (const words of [
      ["AUTH", "limited", "wrong"],
      ["--user", "limited", "--pass", "secret", "--no-auth-warning", "GET", "k"],
    ]) {
      const own = await outcome(port, [...withCertificate(), ...words]);
      expect(own).toBe(await outcome(theirPort, [...withCertificate(), ...words]));
      expect(own).toMatch(/^(WRONGPASS|NOPERM) /);
    }
    foreign.remove();
    const log = await cli(port, ...withCertificate(), "--json", "ACL", "LOG");
    const entries = JSON.parse(log) as { reason: string; object: string; username: string; "client-info": string }[];
    expect(entries.map(({ reason, object, username }) => [reason, object, username])).toEqual([
      ["command", "get", "limited"],
      ["auth", "AUTH", "limited"],
      ["tls-cert", expect.stringMatching(/SIGN|VERIFY|ISSUER/), ""],
      ["tls-cert", "no certificate", ""],
    ]);
    for (const entry of entries) expect(entry["client-info"]).toMatch(/addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+/);
  });

  /** What redis-cli says, whatever its exit code. */
  async function outcome(port: number, words: readonly string[]): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    execFile("redis-cli", cliWords(port, ...words), (_error, output) => resolve(output.trim()));
    return promise;
  }

  interface SecureClient {
    readonly socket: tls.TLSSocket;
    readonly commonName: string;
    ask(request: string): Promise<string>;
  }

  /** With the client's certificate. */
  async function secureClient(port: number, closes = false): Promise<SecureClient> {
    const own = {
      cert: readFileSync(certificates.file("client.crt")),
      key: readFileSync(certificates.file("client.key")),
    };
    const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...own });
    await once(socket, "secureConnect");
    const commonName = String(socket.getPeerCertificate().subject.CN);
    if (closes) socket.destroy();
    return {
      ...{ socket, commonName },
      async ask(request) {
        socket.write(`${request}\r\n`);
        return String((await once(socket, "data"))[0]);
      },
    };
  }

  test("an authority that is written anew within tls-ca-cert-dir counts from then on", async () => {
    const folder = certificates.file("authorities");
    mkdirSync(folder);
    const other = new Certificates();
    const stranger = other.issue("stranger");
    const file = path.join(folder, "ca.pem");
    copyFileSync(certificates.authority, file);
    const port = await freePort();
    const files = [
      "--tls-cert-file",
      certificates.file("server.crt"),
      "--tls-key-file",
      certificates.file("server.key"),
    ];
    const directives = [...files, "--tls-ca-cert-dir", folder, "--port", String(await freePort())];
    nodes.push(await startOwnServer("--tls-port", String(port), ...directives));
    const asStranger = ["--cert", stranger.cert, "--key", stranger.key, "PING"];
    await expect(cli(port, ...asStranger)).rejects.toThrow();
    writeFileSync(file, readFileSync(other.authority));
    await eventually("the stranger is let in", () =>
      cli(port, ...asStranger).then(
        (reply) => reply === "PONG",
        () => false,
      ),
    );
    other.remove();
  });

  test("bytes that are no TLS, and handshakes that are given up, harm nobody", async () => {
    const { server, port } = await start("--tls-auth-clients", "no");
    const steady = await handshake(port);
    for (let round = 0; round < 200; round++) {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve));
      if (round % 2 === 0) socket.write("PING\r\n");
      else socket.write(Buffer.from([22, 3, 1, 0, 200, 1]));
      if (round % 3 === 0) socket.resetAndDestroy();
      else socket.end();
    }
    steady.write("PING\r\n");
    expect(String(await new Promise<Buffer>((resolve) => steady.once("data", resolve)))).toBe("+PONG\r\n");
    steady.destroy();
    await eventually("only ours is left", () => server.context.clients.count <= 1);
  });

  test("a start with wrong secrets says what is missing", async () => {
    const port = String(await freePort());
    await expect(startOwnServer("--tls-port", port)).rejects.toThrow("No tls-cert-file configured!");
    const files = secrets().slice(0, 4);
    await expect(startOwnServer("--tls-port", port, ...files)).rejects.toThrow("tls-ca-cert-file or tls-ca-cert-dir");
  });

  test("replicas follow over TLS, of ours and of redis-server", async () => {
    const link = [...secrets(), "--tls-replication", "yes", "--repl-diskless-sync-delay", "0"];
    const { server: primary, port } = await start(...link);
    const theirPort = await freePort();
    const redis = await ReferenceRedis.start(["--tls-port", String(theirPort), ...link]);
    nodes.push(redis);
    const { server: second } = await start(...link);
    await run("redis-cli", ["-p", String(primary.port), "SET", "k", "v"]);
    await run("redis-cli", ["-p", String(redis.port), "REPLICAOF", "127.0.0.1", String(port)]);
    await run("redis-cli", ["-p", String(second.port), "REPLICAOF", "127.0.0.1", String(theirPort)]);
    for (const node of [redis, second]) {
      await eventually(
        "the key is there",
        async () => (await run("redis-cli", ["-p", String(node.port), "GET", "k"])) === "v",
      );
    }
    await run("redis-cli", ["-p", String(primary.port), "APPEND", "k", "w"]);
    await eventually(
      "the chain carries on",
      async () => (await run("redis-cli", ["-p", String(second.port), "GET", "k"])) === "vw",
    );
  });
});

/** Standard output without its last line end; rejects with what went wrong. */
async function run(command: string, words: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(command, words, (error, output) => {
    const text = output.trim();
    if (error !== null || /^(Could not connect|I\/O error|Error:)/.test(text)) reject(error ?? new Error(text));
    else resolve(text);
  });
  return promise;
}
