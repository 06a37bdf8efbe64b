/** For tests: single servers, ours and redis-server, in a directory of their own each; they end with the test. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { afterEach } from "vitest";
import { connectNode, type NodeEndpoint } from "./node-connection.ts";

/** Name, program, and the arguments that it needs beside those of both. */
export const PROGRAMS = [
  ["ours", join(import.meta.dirname, "../../../server/bin/kv-server"), ["--admin-port", "0"]],
  ["redis-server", "redis-server", []],
] as const;

export interface TriedServers {
  directory(): Promise<string>;
  start(program: string, argv: readonly string[]): ChildProcess;
}

/** Called at the head of a test file. */
export function triedServers(): TriedServers {
  const children: ChildProcess[] = [];
  const directories: string[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
  });
  return {
    directory: async () => {
      const directory = await mkdtemp(join(tmpdir(), "kv-tried-"));
      directories.push(directory);
      return directory;
    },
    start: (program, argv) => {
      const child = spawn(program, argv, { stdio: "ignore" });
      children.push(child);
      return child;
    },
  };
}

/** One command on a connection of its own. */
export async function ask(endpoint: NodeEndpoint, ...words: readonly string[]): Promise<RespValue> {
  const connection = await connectNode(endpoint);
  return await connection.command(...words).finally(() => connection.close());
}
