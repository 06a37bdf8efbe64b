/**
 * What a request costs on a connection that is more than plain: encrypted, or one whose reads are tracked for client-side
 * caching. CPU time of the server, 50 clients over 100,000 random keys, values of 32 bytes, the two servers in turn; the least
 * of all rounds counts, since noise only adds. There is no target: the limits say what was reached, with room for noise.
 */

import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePort, type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const ROUNDS = 3;
const REQUESTS: readonly (readonly [pipeline: number, requests: number])[] = [
  [1, 60_000],
  [16, 400_000],
  [100, 800_000],
];
/** Until the engine has compiled what runs often. */
const WARM_UP_REQUESTS = 200_000;
const KEY = "key:__rand_int__";
const VALUE = "x".repeat(32);
const COMMANDS: Readonly<Record<string, readonly string[]>> = { SET: ["SET", KEY, VALUE], GET: ["GET", KEY] };

const run = promisify(execFile);

interface Cost {
  readonly title: string;
  /** Of the ratio, by pipeline. */
  readonly must: Readonly<Record<number, number>>;
  readonly servers: readonly [MeasuredServer, MeasuredServer];
  /** Options of redis-benchmark. */
  readonly options: (server: MeasuredServer) => readonly (string | number)[];
}

async function measure(cost: Cost, report: Parameters<Workload["run"]>[0]): Promise<void> {
  for (const server of cost.servers)
    await send(cost, server, { command: ["SET", KEY, VALUE], pipeline: 16, requests: WARM_UP_REQUESTS });
  for (const [name, command] of Object.entries(COMMANDS)) {
    for (const [pipeline, requests] of REQUESTS) {
      const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, server] of cost.servers.entries()) {
          least[i] = Math.min(least[i] as number, await send(cost, server, { command, pipeline, requests }));
        }
      }
      const [redis, ours = Number.NaN] = least;
      report({
        ...{ workload: `${name} ${cost.title}, pipeline ${pipeline}`, measure: "CPU a request", unit: "µs" },
        ...{ isRatio: true, must: cost.must[pipeline] ?? 1, aim: 1, redis, ours },
      });
    }
  }
}

interface Load {
  readonly command: readonly string[];
  readonly pipeline: number;
  readonly requests: number;
}

/** Gives the server's CPU time for a request, µs. */
async function send(cost: Cost, server: MeasuredServer, { command, pipeline, requests }: Load): Promise<number> {
  const before = server.cpuUs();
  const words = [...cost.options(server), "-c", 50, "-n", requests, "-P", pipeline, "-r", 100_000, "-q"];
  await run("redis-benchmark", [...words.map(String), ...command]);
  return (server.cpuUs() - before) / requests;
}

export const encryptedRequests: Workload = {
  name: "tls",
  about: "SET and GET over TLS",
  async run(report) {
    const directory = mkdtempSync(path.join(tmpdir(), "kvbench-tls-"));
    const [cert, key] = [path.join(directory, "server.crt"), path.join(directory, "server.key")];
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
    execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const ports = [await freePort(), await freePort()] as const;
    const secrets = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"];
    const redis = await startRedis(["--tls-port", String(ports[0]), ...secrets]);
    const ours = await startKvServer(["--tls-port", String(ports[1]), ...secrets]);
    const options = (server: MeasuredServer) => ["-p", server === redis ? ports[0] : ports[1], "--tls", "--insecure"];
    try {
      await measure({ title: "over TLS", must: MUST_OVER_TLS, servers: [redis, ours], options }, report);
    } finally {
      redis.stop();
      ours.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

export const trackedRequests: Workload = {
  name: "tracking",
  about: "SET and GET of clients whose reads are tracked",
  async run(report) {
    const redis = await startRedis();
    const ours = await startKvServer();
    const options = (server: MeasuredServer) => ["-p", server.port, "-3", "--enable-tracking"];
    try {
      await measure({ title: "tracked", must: MUST_TRACKED, servers: [redis, ours], options }, report);
    } finally {
      redis.stop();
      ours.stop();
    }
  },
};

const MUST_OVER_TLS = { 1: 2.5, 16: 1.6, 100: 1.3 };
const MUST_TRACKED = { 1: 1.5, 16: 1.3, 100: 1.2 };
