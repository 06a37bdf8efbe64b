/** Load on a cluster by redis-py's cluster client, in a process of Python: recorded_writes.py beside this. */

import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import path from "node:path";
import type { Readable, Writable } from "node:stream";

const SCRIPT = path.join(import.meta.dirname, "recorded_writes.py");
const THREADS = 2;

export interface RedisPyReport {
  readonly acknowledged: number;
  /** Keys that there must be in the cluster. */
  readonly keys: number;
  /** Answers that were not what the record says. */
  readonly faults: readonly string[];
}

export function hasRedisPy(): boolean {
  return spawnSync("python3", ["-c", "import redis.cluster"]).status === 0;
}

export class RedisPyLoad {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #output = "";

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  /** Resolves once each of its keys has been written. */
  static async start(port: number, tags: readonly string[]): Promise<RedisPyLoad> {
    const args = [SCRIPT, String(port), String(THREADS), ...tags];
    const load = new RedisPyLoad(spawn("python3", args, { stdio: ["pipe", "pipe", "inherit"] }));
    await new Promise<void>((resolve, reject) => {
      load.#child.stdout.once("data", () => resolve());
      load.#child.once("exit", () => reject(new Error("redis-py's load ended by itself")));
    });
    return load;
  }

  async stop(): Promise<RedisPyReport> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await ended;
    return JSON.parse(this.#output.split("\n").at(-2) ?? "");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
