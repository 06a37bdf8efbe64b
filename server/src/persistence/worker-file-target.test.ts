import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { createChunk } from "./rdb-output.ts";
import { eventually } from "./reference-redis.ts";
import type { SnapshotWorkerData } from "./snapshot-worker.ts";
import { WorkerFileTarget } from "./worker-file-target.ts";

it("fails like by any other fault when the system gives no thread", async () => {
  const file = { directory: "/data", name: "dump.rdb", temporaryName: "temp.rdb", checksum: true };
  const noThread = (): never => {
    throw new Error("Resource temporarily unavailable");
  };
  const failure = new Promise((resolve) => {
    const target = new WorkerFileTarget({ file, done: () => undefined, failed: resolve }, noThread);
    target.exchange(Buffer.from(new ArrayBuffer(8)), 8);
    target.end();
  });
  expect(await failure).toBe("Resource temporarily unavailable");
});

it("fails when its thread is killed in the middle, the old file stays and nothing is left over", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "worker-file-"));
  const inDirectory = (name: string): string => path.join(directory, name);
  writeFileSync(inDirectory("dump.rdb"), "old");
  const threads: Worker[] = [];
  const startThread = (workerData: SnapshotWorkerData): Worker => {
    const thread = new Worker(new URL("./snapshot-worker.ts", import.meta.url), { workerData });
    threads.push(thread);
    return thread;
  };
  const file = { directory, name: "dump.rdb", temporaryName: "temp-kv-1-1.rdb", checksum: true };
  try {
    const failures: string[] = [];
    const target = new WorkerFileTarget(
      { file, done: () => failures.push("done"), failed: (message) => failures.push(message) },
      startThread,
    );
    target.exchange(createChunk(), 1000);
    await eventually(
      "the thread writes",
      () => statSync(inDirectory("temp-kv-1-1.rdb"), { throwIfNoEntry: false })?.size === 1000,
    );
    await threads[0]?.terminate();
    expect(failures).toEqual(["the writing thread ended"]);
    // What still comes for it goes nowhere.
    target.exchange(createChunk(), 1000);
    target.end();
    target.abort();
    await eventually("it is taken away", () => readdirSync(directory).length === 1);
    expect(readdirSync(directory)).toEqual(["dump.rdb"]);
    expect(statSync(inDirectory("dump.rdb")).size).toBe(3);
    expect(failures).toHaveLength(1);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
