/**
 * A real redis-server on a free port, the reference that differential tests compare with. Nothing is kept: what it saves
 * lies in a directory that goes with it; `stop` ends the process. Where no redis-server is installed, `hasReferenceServer`
 * is false and the tests that need it do not run.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { RespDecoder, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";

export const hasReferenceServer = spawnSync("redis-server", ["--version"]).status === 0;

export interface ReferenceServer {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startReferenceServer(...directives: readonly string[]): Promise<ReferenceServer> {
  const port = await freePort();
  // Of its own: what one server is made to save must not be found by the next.
  const directory = mkdtempSync(path.join(tmpdir(), "kv-reference-"));
  const args = ["--port", String(port), "--save", "", "--appendonly", "no", "--daemonize", "no", ...directives];
  const child = spawn("redis-server", args, { cwd: directory, stdio: ["ignore", "pipe", "ignore"] });
  await untilReady(child);
  return {
    port,
    stop: async () => {
      await stop(child);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(child: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("Ready to accept connections")) resolve();
    });
    child.once("exit", () => reject(new Error(`redis-server did not start:\n${log}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await ended;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("No port for the reference server");
  return address.port;
}

export interface ConnectOptions {
  readonly host?: string;
  /** 0, as below: for as long as it takes. */
  readonly connectTimeoutMs?: number;
  /** If the replies have not come by then, the connection is closed. */
  readonly timeoutMs?: number;
}

/** A client that pipelines: sends many commands at once, then reads as many replies. */
export class ReferenceClient {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #decoder = new RespDecoder();
  #wake: () => void = () => undefined;
  #isClosed = false;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
    socket.on("data", (chunk: Buffer) => {
      this.#decoder.push(chunk);
      this.#wake();
    });
  }

  static async connect(port: number, options: ConnectOptions = {}): Promise<ReferenceClient> {
    const { host = "127.0.0.1", connectTimeoutMs = 0, timeoutMs = 0 } = options;
    const socket = connect(port, host);
    const cancel = limit(connectTimeoutMs, () => socket.destroy(new Error(`No connection with ${host}:${port}`)));
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
    } finally {
      cancel();
    }
    return new ReferenceClient(socket, timeoutMs);
  }

  async send(commands: readonly (readonly CommandArgument[])[]): Promise<RespValue[]> {
    const cancel = limit(this.#timeoutMs, () => this.close());
    try {
      return await this.#exchange(commands);
    } finally {
      cancel();
    }
  }

  async #exchange(commands: readonly (readonly CommandArgument[])[]): Promise<RespValue[]> {
    this.#socket.write(Buffer.concat(commands.map(encodeCommand)));
    const replies: RespValue[] = [];
    while (replies.length < commands.length) {
      const reply = this.#decoder.next();
      if (reply !== undefined) replies.push(reply);
      else if (this.#isClosed) throw new Error("The connection was closed");
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return replies;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function limit(timeoutMs: number, end: () => void): () => void {
  const timer = timeoutMs > 0 ? setTimeout(end, timeoutMs) : undefined;
  return () => clearTimeout(timer);
}
