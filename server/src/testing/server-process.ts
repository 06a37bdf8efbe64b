/**
 * A server in a process of its own, ours or redis-server, started with the same directives: for tests in which both kinds
 * stand side by side. Its port is free together with that of its cluster bus.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createSystemRandom } from "../platform/random.ts";
import { ReferenceClient } from "./reference-server.ts";

const run = promisify(execFile);
const READY = "Ready to accept connections";
const MAX_OUTPUT_BYTES = 64 << 20;
/** With their bus ports these stay below the range from which the system picks ports for clients. */
const FIRST_PORT = 19_000;
const PORTS = 1000;
const MOST_ATTEMPTS = 20;

export type ServerKind = "ours" | "redis-server";

const PROGRAMS: Readonly<Record<ServerKind, readonly string[]>> = {
  ours: [path.join(import.meta.dirname, "../../bin/kv-server"), "--admin-port", "0"],
  "redis-server": ["redis-server"],
};

export class ServerProcess {
  readonly kind: ServerKind;
  readonly host: string;
  readonly port: number;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(kind: ServerKind, host: string, { port, directory, child }: Started) {
    this.kind = kind;
    this.host = host;
    this.port = port;
    this.#directory = directory;
    this.#child = child;
  }

  /** `host`: the address that it listens at. */
  static async start(kind: ServerKind, directives: readonly string[], host = "127.0.0.1"): Promise<ServerProcess> {
    const random = createSystemRandom();
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const node = await startOn(kind, FIRST_PORT + random.below(PORTS), ["--bind", host, ...directives]);
      if (node !== undefined) return new ServerProcess(kind, host, node);
    }
    throw new Error(`No ${kind} came up on any of ${MOST_ATTEMPTS} ports`);
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** Runs one command by redis-cli and gives what it prints. */
  async command(...args: readonly string[]): Promise<string> {
    return (await redisCli(["-h", this.host, "-p", String(this.port), ...args])).trimEnd();
  }

  /** Runs many commands, one a line. */
  async script(lines: readonly string[]): Promise<void> {
    await redisCli(["-h", this.host, "-p", String(this.port)], `${lines.join("\n")}\n`);
  }

  /** Sets a key of a slot that this node imports. */
  async setImported(key: string, value: string): Promise<void> {
    const client = await ReferenceClient.connect(this.port);
    const [, reply] = await client.send([["ASKING"], ["SET", key, value]]);
    client.close();
    if (reply !== "OK") throw new Error(`SET ${key} was answered ${String(reply)}`);
  }

  async id(): Promise<string> {
    return this.command("CLUSTER", "MYID");
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What redis-cli prints; rejects, with all of it, if it exits with an error. */
export async function redisCli(args: readonly string[], input = ""): Promise<string> {
  const running = run("redis-cli", args, { maxBuffer: MAX_OUTPUT_BYTES });
  // It may end without having read all.
  running.child.stdin?.on("error", () => undefined).end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`redis-cli ${args.join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
  }
}

interface Started {
  readonly port: number;
  readonly directory: string;
  readonly child: ChildProcess;
}

/** Undefined if it did not come up: the port was taken. */
async function startOn(kind: ServerKind, port: number, directives: readonly string[]): Promise<Started | undefined> {
  const directory = mkdtempSync(path.join(tmpdir(), "server-process-"));
  const [program, ...own] = PROGRAMS[kind] as [string, ...string[]];
  const args = [...own, "--port", String(port), "--dir", directory, "--save", "", ...directives];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const isUp = await new Promise<boolean>((resolve, reject) => {
    let log = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (log.includes(READY)) return;
      log += chunk.toString();
      if (log.includes(READY)) resolve(true);
    });
    child.once("error", reject);
    child.once("exit", () => resolve(false));
  });
  if (isUp) return { port, directory, child };
  rmSync(directory, { recursive: true, force: true });
  return undefined;
}
