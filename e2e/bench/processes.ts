/** Servers under measurement: started on free loopback ports, their CPU time read from the kernel, stopped at the end. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
  stop(): void;
}

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const START_TIMEOUT_MS = 10_000;
/** The kernel counts in ticks of 1/100 s (USER_HZ). */
const TICK_US = 10_000;

export function startRedis(extra: readonly string[] = []): Promise<MeasuredServer> {
  return start("redis-server", "redis-server", extra);
}

export function startKvServer(extra: readonly string[] = []): Promise<MeasuredServer> {
  return start("kv-server", path.join(REPOSITORY, "server/bin/kv-server"), ["--admin-port", "0", ...extra]);
}

async function start(name: string, command: string, extra: readonly string[]): Promise<MeasuredServer> {
  const directory = mkdtempSync(path.join(tmpdir(), "kvbench-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory, ...extra];
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  await untilListening(port, child, name);
  const processId = child.pid as number;
  return {
    name,
    port,
    processId,
    cpuUs: () => cpuUs(processId),
    residentBytes: () => residentBytes(processId),
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

function freePort(): Promise<number> {
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
