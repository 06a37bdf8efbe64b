/** Command lines of the two kinds of server, and one of them running for the time of a suite. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { REPOSITORY } from "./cache.ts";
import { type Secrets, tlsDirectives } from "./secrets.ts";
import type { ServerName } from "./suite.ts";

/** The ports that tests of client libraries take for granted. */
export const DEFAULT_PORT = 6379;
export const TLS_PORT = 6666;
const START_TIMEOUT_MS = 20_000;
const RETRY_MS = 50;

export function serverProgram(server: ServerName): string {
  return server === "redis-server" ? "redis-server" : path.join(REPOSITORY, "server/bin/kv-server");
}

/** Directives only ours has: its admin port would be one more port in use. */
export function ownDirectives(server: ServerName): readonly string[] {
  return server === "redis-server" ? [] : ["--admin-port", "0"];
}

/** On the default port; with secrets on the one for TLS as well. */
export async function withServer(server: ServerName, run: () => Promise<void>, secrets?: Secrets): Promise<void> {
  if (await canConnect()) throw new Error(`Start "${server}" on port ${DEFAULT_PORT}: something listens there already`);
  const directory = mkdtempSync(path.join(tmpdir(), "kvcompat-"));
  const directives = [
    "--port",
    String(DEFAULT_PORT),
    "--save",
    "",
    "--enable-debug-command",
    "yes",
    "--dir",
    directory,
  ];
  if (secrets !== undefined) directives.push("--tls-port", String(TLS_PORT), ...tlsDirectives(secrets));
  const args = [...directives, ...ownDirectives(server)];
  const child = spawn(serverProgram(server), args, { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await untilListening(server, child);
    await run();
    if (child.exitCode !== null) throw new Error(`${server} exited with ${child.exitCode} while the suite ran`);
  } finally {
    await kill(child);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The port is free only when the process has gone. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function untilListening(server: ServerName, child: ChildProcess): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`${server} exited with ${child.exitCode} before it listened`);
    if (await canConnect()) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  throw new Error(`${server} did not listen on port ${DEFAULT_PORT} within ${START_TIMEOUT_MS} ms`);
}

function canConnect(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(DEFAULT_PORT, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
