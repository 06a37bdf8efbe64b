/** For tests: a real redis-server in a process of its own, to exchange files and streams with. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const READY = "Ready to accept connections";
const MAX_OUTPUT = 256 << 20;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port was bound");
  return address.port;
}

export class ReferenceRedis {
  readonly port: number;
  readonly directory: string;
  readonly #process: ChildProcess;

  private constructor(port: number, directory: string, process: ChildProcess) {
    this.port = port;
    this.directory = directory;
    this.#process = process;
  }

  /** Starts on a free port; `directory` may hold a dump.rdb. */
  static async start(args: readonly string[] = [], directory = temporaryDirectory()): Promise<ReferenceRedis> {
    const port = await freePort();
    const options = [
      "--port",
      String(port),
      "--dir",
      directory,
      "--save",
      "",
      "--appendonly",
      "no",
      "--enable-debug-command",
      "yes",
      ...args,
    ];
    const child = spawn("redis-server", options, { stdio: ["ignore", "pipe", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      let log = "";
      child.stdout.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes(READY)) resolve();
      });
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`redis-server did not start: ${log}`)));
    });
    return new ReferenceRedis(port, directory, child);
  }

  /** Runs one command by redis-cli and gives what it prints. */
  async command(...args: string[]): Promise<string> {
    return cli(this.port, args);
  }

  /** Runs many commands, one a line. */
  async script(lines: readonly string[]): Promise<string> {
    const child = run("redis-cli", ["-p", String(this.port)], { maxBuffer: MAX_OUTPUT });
    child.child.stdin?.end(`${lines.join("\n")}\n`);
    return (await child).stdout;
  }

  /** Its directory stays. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function cli(port: number, args: readonly string[]): Promise<string> {
  const { stdout } = await run("redis-cli", ["-p", String(port), ...args], { maxBuffer: MAX_OUTPUT });
  return stdout.trimEnd();
}

export function temporaryDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), "reference-redis-"));
}

/** Resolves once the condition holds; rejects after some seconds, with what was waited for. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
