/**
 * nodes.conf on the local file system. The lock is an abstract Unix socket named after the directory's identity: the
 * system drops it with the process however that ends, so a stale lock cannot keep a node from starting. Where there
 * are no abstract sockets (other systems than Linux) there is no lock.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, dirname } from "node:path";
import type { NodesConfDisk, ReleaseLock } from "./nodes-conf-file.ts";

export const localDisk: NodesConfDisk = { readFile, replaceFile, checkWritable, lock };

function readFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function temporaryOf(path: string): string {
  return `${path}.tmp-${process.pid}`;
}

/** A file that nobody may write can be replaced all the same, but was hardly meant to be. */
function checkWritable(path: string): void {
  const temporary = temporaryOf(path);
  closeSync(openSync(temporary, "w", 0o644));
  unlinkSync(temporary);
  if (existsSync(path)) closeSync(openSync(path, "r+"));
}

function replaceFile(path: string, bytes: Buffer): void {
  const temporary = temporaryOf(path);
  const file = openSync(temporary, "w", 0o644);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function lock(path: string): Promise<ReleaseLock | undefined> {
  if (process.platform !== "linux") return Promise.resolve(async () => undefined);
  const { dev, ino } = statSync(dirname(path));
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(`\0kv-server-${dev}-${ino}-${basename(path)}`, () => {
      server.unref();
      resolve(() => new Promise((done) => server.close(() => done())));
    });
  });
}
