/**
 * A server whose disk runs full under load: a small file system, a file that takes the rest of it, clients that go on writing, and
 * after a while room again. What clients had their answers for must be there after a kill; reads must have gone on; writes
 * must be taken again without a restart.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause } from "../../testing/acknowledged-writes.ts";
import { ChildServer } from "../../testing/child-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";

export interface FullDiskReport {
  readonly acknowledged: number;
  readonly refused: number;
  readonly readsWhileFull: number;
  /** From the moment there was room until the first write was taken, milliseconds. */
  readonly recoveryMs: number;
}

const SIZE_MB = 16;
const WRITERS = 4;
const VALUE = "v".repeat(1000);
const RETRY_MS = 5;
const LONGEST_ANSWER_MS = 100;
const REFUSED = /MISCONF Errors writing to the AOF file: No space left on device/;

/** Whether this process may mount file systems, which a small one needs. */
export function canMount(): boolean {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], { stdio: "ignore" });
    execFileSync("umount", [directory]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function fillDisk(fullMs: number, policy: "always" | "everysec"): Promise<FullDiskReport> {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MB}m`, "tmpfs", directory]);
  const directives = ["--appendonly", "yes", "--appendfsync", policy, "--save", ""];
  let server = new ChildServer(directory, directives);
  try {
    const port = await server.ready();
    const load = { isOver: false, isFull: false, refused: 0, reads: 0, takenAtMs: 0 };
    const writers = Array.from({ length: WRITERS }, (_, index) => write(port, `k${index}`, load));
    const others = [read(port, load), writeAnew(port, load)];
    const filler = path.join(directory, "filler");
    fill(filler);
    while (load.refused === 0) await pause(RETRY_MS);
    load.isFull = true;
    await pause(fullMs);
    load.isFull = false;
    const freedAtMs = Date.now();
    load.takenAtMs = 0;
    rmSync(filler);
    while (load.takenAtMs === 0) await pause(RETRY_MS);
    const recoveryMs = load.takenAtMs - freedAtMs;
    await pause(200);
    load.isOver = true;
    const acknowledged = await Promise.all(writers);
    await Promise.all(others);
    if (policy === "everysec") await pause(2000);
    await server.kill();
    server = new ChildServer(directory, directives);
    await check(await server.ready(), acknowledged);
    const total = acknowledged.reduce((sum, count) => sum + count, 0);
    return { acknowledged: total, refused: load.refused, readsWhileFull: load.reads, recoveryMs };
  } finally {
    await server.kill();
    execFileSync("umount", ["-l", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Load {
  isOver: boolean;
  isFull: boolean;
  refused: number;
  reads: number;
  takenAtMs: number;
}

/** All but a little room. */
function fill(file: string): void {
  const bytes = Buffer.alloc((SIZE_MB - 4) << 20);
  writeFileSync(file, bytes);
}

/** Writes the numbers from 1 on under `key`, each until it is taken; gives the last one. */
async function write(port: number, key: string, load: Load): Promise<number> {
  const client = await ReferenceClient.connect(port);
  let number = 0;
  while (!load.isOver) {
    const [reply] = await client.send([["SET", `${key}:${(number + 1) % 100}`, `${number + 1}:${VALUE}`]]);
    if (reply === "OK") {
      number++;
      load.takenAtMs = Date.now();
      continue;
    }
    if (!REFUSED.test(JSON.stringify(reply))) {
      throw new Error(`An unexpected answer on a full disk: ${JSON.stringify(reply)}`);
    }
    await pause(RETRY_MS);
  }
  client.close();
  return number;
}

/** With `always` whoever has written waits for the disk; those who come only then learn that it is full. */
async function writeAnew(port: number, load: Load): Promise<void> {
  while (!load.isOver) {
    const client = await ReferenceClient.connect(port);
    const answer = client.send([["SET", "new", VALUE]]).catch(() => []);
    const [reply] = await Promise.race([answer, pause(LONGEST_ANSWER_MS).then(() => [])]);
    client.close();
    if (REFUSED.test(JSON.stringify(reply))) load.refused++;
    await pause(RETRY_MS);
  }
}

async function read(port: number, load: Load): Promise<void> {
  const client = await ReferenceClient.connect(port);
  while (!load.isOver) {
    const [reply] = await client.send([["GET", "k0:1"]]);
    if (load.isFull && Buffer.isBuffer(reply)) load.reads++;
    await pause(1);
  }
  client.close();
}

async function check(port: number, acknowledged: readonly number[]): Promise<void> {
  const client = await ReferenceClient.connect(port);
  for (const [index, last] of acknowledged.entries()) {
    for (let number = Math.max(1, last - 99); number <= last; number++) {
      const [reply] = await client.send([["GET", `k${index}:${number % 100}`]]);
      const found = Number(String(reply).split(":")[0]);
      if (found !== number && found !== number + 100)
        throw new Error(`k${index}: ${number} was acknowledged, ${found} is there`);
    }
  }
  client.close();
}
