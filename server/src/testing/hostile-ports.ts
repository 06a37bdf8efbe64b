/**
 * Every port of a server under malformed and mutated requests: clients plain and over TLS, replicas, the cluster bus, and the
 * admin port. It must answer or close each connection, serve others meanwhile, log no fault, and give its memory back.
 */

import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { encodeBusMessage } from "../cluster/bus-message-encode.ts";
import { emptySlots } from "../cluster/slot-bitmap.ts";
import type { Certificates } from "./certificates.ts";
import { ChildServer } from "./child-server.ts";
import { mutate } from "./mutated-input.ts";
import { RawClient } from "./raw-client.ts";
import { Script, type Word } from "./script.ts";

export interface HostileRequests {
  readonly seed: number;
  readonly requests: number;
  readonly certificates: Certificates;
  readonly directory: string;
  readonly ports: { readonly plain: number; readonly tls: number; readonly admin: number };
}

export interface HostileReport {
  readonly requests: number;
  readonly connections: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Requests that go into one connection, if it lives as long. */
const IN_ONE = 50;
const AT_ONCE = 25;
const LONGEST_ANSWER_MS = 20_000;
const FAULT = /by a fault of the server|Fatal fault/;
const NODE_ID = "36af09e8bcb8cbb54292dbc303b1f8d9d38c4e23";
/** Memory stands still when so many readings in a row lie so close together; it has half a minute for that. */
const STILL_READINGS = 8;
const STILL_BYTES = 2 << 20;
const MOST_READINGS = 60;
const BETWEEN_READINGS_MS = 500;

type Kind = "plain" | "tls" | "replication" | "bus" | "admin";

const KINDS: readonly Kind[] = ["plain", "tls", "replication", "bus", "admin"];

export async function attackPorts(options: HostileRequests): Promise<HostileReport> {
  const server = new ChildServer(options.directory, directivesFor(options));
  try {
    await server.ready();
    const admin = await RawClient.connect(options.ports.plain);
    await admin.text("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    const script = new Script(options.seed);
    const total = { requests: 0, connections: 0 };
    const attack = async (until: number): Promise<void> => {
      while (total.requests < until) {
        const inputs = Array.from({ length: AT_ONCE }, () => hostileInput(script));
        await Promise.all(inputs.map((input) => deliver(options, input)));
        total.connections += inputs.length;
        for (const { requests } of inputs) total.requests += requests;
        await expectService(admin, server);
      }
    };
    // What the engine compiles and the system caches on first use counts as there before.
    await attack(options.requests / 4);
    const bytesBefore = await settledMemory(admin);
    await attack(options.requests);
    const bytesAfter = await settledMemory(admin);
    admin.close();
    return { ...total, bytesBefore, bytesAfter };
  } finally {
    await server.kill();
  }
}

function directivesFor({ ports, certificates }: HostileRequests): string[] {
  return [
    ...["--port", String(ports.plain), "--tls-port", String(ports.tls), "--admin-port", String(ports.admin)],
    ...["--tls-cert-file", certificates.file("server.crt"), "--tls-key-file", certificates.file("server.key")],
    ...["--tls-ca-cert-file", certificates.authority, "--tls-auth-clients", "no", "--cluster-enabled", "yes"],
    ...[
      "--save",
      "",
      "--repl-diskless-sync-delay",
      "0",
      "--maxmemory",
      "100mb",
      "--maxmemory-policy",
      "allkeys-random",
    ],
  ];
}

async function expectService(admin: RawClient, server: ChildServer): Promise<void> {
  const answer = await admin.text("PING");
  if (answer !== "+PONG\r\n") throw new Error(`PING was answered ${JSON.stringify(answer)}`);
  if (FAULT.test(server.log)) throw new Error(`The server logged a fault:\n${server.log.slice(-4000)}`);
}

interface HostileInput {
  readonly kind: Kind;
  readonly bytes: Buffer;
  readonly requests: number;
}

function hostileInput(script: Script): HostileInput {
  const kind = script.pick(KINDS);
  const requests = Array.from({ length: IN_ONE }, () => {
    const request = REQUESTS[kind](script);
    return script.once(3) ? request : mutate(script, request);
  });
  const bytes = Buffer.concat([...PREAMBLES[kind](script), ...requests]);
  // Bytes that are no TLS at all, on the port for it.
  const isRaw = kind === "tls" && script.once(4);
  return { kind: isRaw ? "plain" : kind, bytes, requests: IN_ONE };
}

const COMMANDS: readonly ((script: Script) => readonly Word[])[] = [
  (s) => ["SET", s.key(), s.value(), s.pick(["EX", "PX", "NX", "KEEPTTL"]), s.number()],
  (s) => ["GET", s.key()],
  (s) => ["MSET", s.key(), s.value()],
  (s) => ["APPEND", s.key(), s.value()],
  (s) => ["SETRANGE", s.key(), String(s.random.below(1000)), s.value()],
  (s) => ["LPUSH", s.key(), s.value(), s.value()],
  (s) => ["LRANGE", s.key(), s.number(), s.number()],
  (s) => ["SADD", s.key(), s.value(), s.value()],
  (s) => ["HSET", s.key(), s.value(), s.value()],
  (s) => ["ZADD", s.key(), s.number(), s.value()],
  (s) => ["ZRANGE", s.key(), s.number(), s.number(), "WITHSCORES"],
  (s) => ["XADD", s.key(), "*", s.value(), s.value()],
  (s) => ["XREADGROUP", "GROUP", s.value(), s.value(), "COUNT", s.number(), "STREAMS", s.key(), ">"],
  (s) => ["EVAL", s.pick(["return 1", "return redis.call('get', KEYS[1])", "return {1,2,{3}}", "x("]), "1", s.key()],
  (s) => ["RESTORE", s.key(), "0", s.value()],
  (s) => ["DEL", s.key()],
  (s) => ["HELLO", s.number(), "AUTH", s.value(), s.value()],
  (s) => ["CLIENT", s.pick(["LIST", "INFO", "SETNAME", "TRACKING", "KILL"]), s.value()],
  (s) => ["ACL", s.pick(["SETUSER", "DRYRUN", "LIST", "GETUSER"]), s.value(), s.value()],
  (s) => ["CONFIG", "GET", s.value()],
  (s) => ["CLUSTER", s.pick(["SLOTS", "NODES", "MEET", "KEYSLOT", "GETKEYSINSLOT"]), s.value(), s.number()],
  (s) => ["SUBSCRIBE", s.value()],
  (s) => ["MULTI", ...(s.once(2) ? [] : [s.value()])],
  () => ["EXEC"],
  () => ["RESET"],
];

const REQUESTS: Readonly<Record<Kind, (script: Script) => Buffer>> = {
  plain: (script) => encodeCommand(script.pick(COMMANDS)(script)),
  tls: (script) => encodeCommand(script.pick(COMMANDS)(script)),
  replication: (script) =>
    encodeCommand(
      script.pick<readonly Word[]>([
        ["REPLCONF", "ACK", script.number()],
        ["REPLCONF", script.pick(["listening-port", "capa", "rdb-only", "ip-address", "getack"]), script.value()],
        ["PSYNC", script.once(2) ? "?" : NODE_ID, script.number()],
        ["SYNC"],
        ["PING"],
      ]),
    ),
  bus: (script) => encodeBusMessage({ header: busHeader(script), body: busBody(script) }),
  admin: (script) =>
    Buffer.from(
      `${script.pick(["GET", "POST", "HEAD", "DELETE", "BREW"])} ${script.pick(["/metrics", "/healthz", "/readyz", "/..%2f", "/"])} HTTP/1.1\r\n` +
        `Host: a\r\nContent-Length: ${script.pick(["0", "5", "-1", "99999999999"])}\r\n${script.pick(["", "Transfer-Encoding: chunked\r\n", "X: y\r\n"])}\r\n`,
      "latin1",
    ),
};

const PREAMBLES: Readonly<Record<Kind, (script: Script) => readonly Buffer[]>> = {
  plain: () => [],
  tls: () => [],
  replication: (script) => (script.once(4) ? [encodeCommand(["PSYNC", "?", "-1"])] : []),
  bus: () => [],
  admin: () => [],
};

function busHeader(script: Script): Parameters<typeof encodeBusMessage>[0]["header"] {
  return {
    ...{
      port: 6379,
      plainPort: 0,
      busPort: 16379,
      currentEpoch: script.random.below(1000),
      configEpoch: script.random.below(1000),
    },
    ...{ offset: script.random.below(1e6), sender: NODE_ID, slots: emptySlots(), primaryId: "", ip: "10.1.2.3" },
    ...{ flags: script.random.below(1024), isClusterDown: script.once(2), messageFlags: 0 },
  };
}

function busBody(script: Script): Parameters<typeof encodeBusMessage>[0]["body"] {
  const gossip = {
    id: NODE_ID,
    pingSentSeconds: 1,
    pongReceivedSeconds: 2,
    ip: "10.0.0.1",
    port: 1,
    plainPort: 0,
    busPort: 2,
    flags: 1,
  };
  return script.pick<Parameters<typeof encodeBusMessage>[0]["body"]>([
    { type: "ping", gossip: [], extensions: [] },
    { type: "pong", gossip: [gossip], extensions: [{ type: "hostname", hostname: "a.example" }] },
    { type: "meet", gossip: [gossip], extensions: [] },
    { type: "fail", nodeId: NODE_ID },
    { type: "publish", channel: Buffer.from("c"), message: Buffer.from([0, 255]) },
    { type: "update", nodeId: NODE_ID, configEpoch: 5, slots: emptySlots() },
    { type: "authRequest" },
  ]);
}

/** Resolves once the server has closed the connection; rejects if it never does. */
function deliver({ ports }: HostileRequests, { kind, bytes }: HostileInput): Promise<void> {
  const port = {
    plain: ports.plain,
    replication: ports.plain,
    tls: ports.tls,
    bus: ports.plain + 10_000,
    admin: ports.admin,
  }[kind];
  return new Promise((resolve, reject) => {
    const send = (): void => void socket.end(bytes);
    const socket =
      kind === "tls"
        ? tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, send)
        : net.connect({ port, host: "127.0.0.1" }, send);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`A connection to the ${kind} port hangs after ${JSON.stringify(bytes.toString("latin1"))}`));
    }, LONGEST_ANSWER_MS);
    socket.resume();
    // Who is cut off in the middle of sending gets an error: that is an answer too.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Resident memory once it stands still, with the data gone: a single moment can be low by chance, just after a collection, or
 * high just before one. Before and after the attack it is found in the same way.
 */
async function settledMemory(admin: RawClient): Promise<number> {
  const pid = /process_id:(\d+)/.exec(await admin.text("INFO", "server"))?.[1];
  const readings: number[] = [];
  for (;;) {
    await admin.text("FLUSHALL");
    await admin.text("SCRIPT", "FLUSH");
    await admin.text("MEMORY", "PURGE");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    readings.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024);
    const last = readings.slice(-STILL_READINGS).sort((a, b) => a - b);
    const [lowest = 0, middle = 0, highest = 0] = [last[0], last[last.length >> 1], last.at(-1)];
    const isStill = last.length === STILL_READINGS && highest - lowest <= STILL_BYTES;
    if (isStill || readings.length === MOST_READINGS) return middle;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_READINGS_MS));
  }
}
