/** One of our servers in a process of its own, for tests that kill it. */

import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

const SERVER = path.join(import.meta.dirname, "../../bin/kv-server");

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Words in front of the server's, of a program that becomes the server in the end. */
  readonly launcher?: readonly string[];
}

export class ChildServer {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #log = "";

  constructor(directory: string, directives: readonly string[], surroundings: Surroundings = {}) {
    const own = ["--port", "0", "--bind", "127.0.0.1", "--admin-port", "0", "--dir", directory];
    const env = { ...process.env, ...surroundings.environment };
    const [program, ...words] = [...(surroundings.launcher ?? []), SERVER, ...own, ...directives];
    this.#child = spawn(program as string, words, { stdio: ["ignore", "pipe", "pipe"], env });
    const collect = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    this.#child.stdout?.on("data", collect);
    this.#child.stderr?.on("data", collect);
    this.ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  get log(): string {
    return this.#log;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves with the port once the data is loaded; rejects, with the log, if the process ends before. */
  async ready(): Promise<number> {
    await this.said("Ready to accept connections");
    return Number(/port=(\d+)\./.exec(this.#log)?.[1]);
  }

  /** Once the log has this text. */
  async said(text: string): Promise<void> {
    const isSaid = new Promise<"said">((resolve) => {
      const look = (): void => {
        if (this.#log.includes(text)) resolve("said");
      };
      look();
      this.#child.stdout?.on("data", look);
    });
    if ((await Promise.race([isSaid, this.ended])) !== "said") throw new Error(`The server ended:\n${this.#log}`);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }

  /** Without waiting for what it does. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
