/** Servers under measurement: started on free loopback ports, their CPU time read from the kernel, stopped at the end. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export interface MeasuredServer {
  readonly name: string;
  readonly port: number;
  readonly processId: number;
  /** User and system time of the process since its start, microseconds. */
  cpuUs(): number;
  residentBytes(): number;
  /** What the process and its children need together: shared pages count once. */
  memoryBytes(): number;
  /** The longest turn of the event loop since the last call, CPU milliseconds; undefined for a server without a meter. */
  longestTurnMs(): Promise<number | undefined>;
  stop(): void;
}

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const START_TIMEOUT_MS = 10_000;
/** The kernel counts in ticks of 1/100 s (USER_HZ). */
const TICK_US = 10_000;

export function startRedis(extra: readonly string[] = []): Promise<MeasuredServer> {
  return start("redis-server", "redis-server", extra);
}

const KV_SERVER = path.join(REPOSITORY, "server/bin/kv-server");

export function startKvServer(extra: readonly string[] = []): Promise<MeasuredServer> {
  return start("kv-server", KV_SERVER, ["--admin-port", "0", ...extra]);
}

/** One whose turns are measured: a little slower. */
export function startMeteredKvServer(extra: readonly string[] = []): Promise<MeasuredServer> {
  return start(
    "kv-server",
    KV_SERVER,
    ["--admin-port", "0", ...extra],
    path.join(import.meta.dirname, "turn-meter.ts"),
  );
}

async function start(name: string, command: string, extra: readonly string[], meter?: string): Promise<MeasuredServer> {
  const directory = mkdtempSync(path.join(tmpdir(), "kvbench-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory, ...extra];
  const meterFile = path.join(directory, "longest-turn");
  const metered = { NODE_OPTIONS: `--import ${meter}`, TURN_METER_FILE: meterFile };
  const env = meter === undefined ? process.env : { ...process.env, ...metered };
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"], env });
  await untilListening(port, child, name);
  const processId = child.pid as number;
  return {
    name,
    port,
    processId,
    cpuUs: () => cpuUs(processId),
    residentBytes: () => residentBytes(processId),
    memoryBytes: () => [processId, ...childrenOf(processId)].reduce((sum, id) => sum + proportionalBytes(id), 0),
    longestTurnMs: async () => {
      if (meter === undefined) return undefined;
      rmSync(meterFile, { force: true });
      child.kill("SIGUSR2");
      while (!existsSync(meterFile)) await new Promise((resolve) => setTimeout(resolve, 10));
      return Number(readFileSync(meterFile, "utf8"));
    },
    stop: () => {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function cpuUs(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function residentBytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

function childrenOf(processId: number): number[] {
  const listed = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8");
  return listed.split(" ").filter(Boolean).map(Number);
}

/** Each page in parts of those who share it; 0 for a process that has just ended. */
function proportionalBytes(processId: number): number {
  try {
    const rollup = readFileSync(`/proc/${processId}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** On loopback; free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function untilListening(port: number, child: ChildProcess, name: string): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`${name} exited with ${child.exitCode} before it listened`);
    if (await canConnect(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${name} did not listen on port ${port} within ${START_TIMEOUT_MS} ms`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
