/**
 * BullMQ's workers: many at once, idle ones, ones that stop in the middle of a job, and a server that forgets scripts or
 * closes connections.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Job } from "bullmq";
import { PORT } from "../server-address.ts";
import { collect, sleep, until } from "../waiting.ts";
import { runScenarios, type Scenarios, type Stage } from "./stage.ts";

const FORSAKEN_WORKER = path.join(import.meta.dirname, "forsaken-worker.ts");
const never = (): Promise<never> => new Promise(() => undefined);

const workers: Scenarios = {
  "four workers do 2,000 jobs, each once": async (stage) => {
    const queue = stage.queue();
    const runs = new Map<number, number>();
    const shares = [0, 0, 0, 0];
    for (const share of shares.keys()) {
      stage.worker(
        async ({ data }: Job<number>) => {
          runs.set(data, (runs.get(data) ?? 0) + 1);
          shares[share] = (shares[share] ?? 0) + 1;
        },
        { concurrency: 10 },
      );
    }
    await queue.addBulk(Array.from({ length: 2_000 }, (_, data) => ({ name: "job", data })));
    await until(async () => (await queue.getCompletedCount()) === 2_000);
    equal(runs.size, 2_000);
    deepEqual(new Set(runs.values()), new Set([1]));
    ok(
      shares.every((share) => share > 0),
      `shares of ${shares}`,
    );
  },

  "idle workers are woken, after waits that end and waits that do not": async (stage) => {
    const queue = stage.queue();
    const impatient = stage.worker(async () => "short", { drainDelay: 1 });
    await impatient.waitUntilReady();
    await sleep(1_500);
    const first = collect<Job>(impatient, "completed", 1);
    await queue.add("job", {});
    equal((await first)[0]?.returnvalue, "short");
    await impatient.close();
    const patient = stage.worker(async () => "long", { drainDelay: 3_600 });
    await once(patient, "drained");
    await sleep(200);
    const second = collect<Job>(patient, "completed", 1);
    await queue.add("job", {});
    equal((await second)[0]?.returnvalue, "long");
  },

  "workers are found by their connections, and their numbers are kept": async (stage) => {
    const queue = stage.queue();
    const running = ["one", "two"].map((name) =>
      stage.worker(async () => undefined, { name, metrics: { maxDataPoints: 60 } }),
    );
    await Promise.all(running.map((worker) => worker.waitUntilReady()));
    await until(async () => (await queue.getWorkersCount()) === 2);
    const names = (await queue.getWorkers()).map(({ rawname = "" }) => rawname.split(":").at(-1));
    deepEqual(names.sort(), ["one", "two"]);
    await queue.addBulk(Array.from({ length: 10 }, () => ({ name: "job", data: {} })));
    await until(async () => (await queue.getCompletedCount()) === 10);
    equal((await queue.getMetrics("completed")).meta.count, 10);
  },

  "a job whose worker lost its lock is given to another": async (stage) => {
    const queue = stage.queue();
    const events = await stage.events();
    const stalled = collect<{ jobId: string }>(events, "stalled", 1);
    const stuck = stage.worker(never, { lockDuration: 300, skipLockRenewal: true, skipStalledCheck: true });
    const active = collect<Job>(stuck, "active", 1);
    const job = await queue.add("job", {});
    await active;
    const rescuer = stage.worker(async () => "rescued", { stalledInterval: 200 });
    const done = collect<Job>(rescuer, "completed", 1);
    equal((await done)[0]?.returnvalue, "rescued");
    deepEqual(await stalled, [{ jobId: job.id }]);
  },

  "a job that stalls too often fails": async (stage) => {
    const queue = stage.queue();
    const options = {
      lockDuration: 200,
      skipLockRenewal: true,
      stalledInterval: 150,
      maxStalledCount: 1,
      concurrency: 5,
    };
    const worker = stage.worker(never, options);
    const failed = collect<Job>(worker, "failed", 1);
    const job = await queue.add("job", {});
    const [lost] = await failed;
    equal(lost?.id, job.id);
    match(lost?.failedReason ?? "", /stalled more than allowable limit/);
    equal(await queue.getFailedCount(), 1);
  },

  "a lock is prolonged while a job runs longer than it": async (stage) => {
    const queue = stage.queue();
    let runs = 0;
    const slow = async (): Promise<void> => {
      runs++;
      await sleep(1_500);
    };
    const options = { lockDuration: 600, stalledInterval: 200 };
    const all = [stage.worker(slow, options), stage.worker(slow, options)];
    const done = Promise.race(all.map((worker) => collect<Job>(worker, "completed", 1)));
    await queue.add("job", {});
    await done;
    equal(runs, 1);
  },

  "a job whose worker's process was killed is done by another": async (stage) => {
    const queue = stage.queue();
    const child = spawn(process.execPath, [FORSAKEN_WORKER, stage.name, String(PORT)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await queue.add("job", { precious: true });
    await once(child.stdout, "data");
    equal(await queue.getActiveCount(), 1);
    child.kill("SIGKILL");
    await once(child, "exit");
    const rescuer = stage.worker(async ({ data }: Job) => data, { stalledInterval: 200 });
    const [job] = await collect<Job>(rescuer, "completed", 1);
    deepEqual(job?.returnvalue, { precious: true });
  },

  "all goes on when the server forgets all scripts": async (stage) => {
    const queue = stage.queue();
    const worker = stage.worker(async () => undefined);
    const done = collect<Job>(worker, "completed", 20);
    for (let count = 0; count < 20; count++) {
      await queue.add("job", count);
      await stage.admin.script("FLUSH");
    }
    await done;
    deepEqual(await queue.getJobCounts("completed", "failed"), { completed: 20, failed: 0 });
  },

  "all goes on when connections are closed": async (stage) => {
    stage.expectErrors(/closed|ECONNRESET|terminat|Socket|ended/i);
    const queue = stage.queue();
    const worker = stage.worker(async () => undefined, { drainDelay: 3_600, runRetryDelay: 100 });
    await once(worker, "drained");
    for (let round = 1; round <= 3; round++) {
      // A connection killed while it is being made leaves BullMQ on node-redis without one for good.
      await until(() => isWaiting(stage));
      await killConnections(stage);
      const done = collect<Job>(worker, "completed", 1);
      await queue.add("job", round);
      await done;
    }
    equal(await queue.getCompletedCount(), 3);
  },

  "the stream of events is kept short": async (stage) => {
    const queue = stage.queue({ streams: { events: { maxLen: 50 } } });
    await queue.waitUntilReady();
    await queue.addBulk(Array.from({ length: 600 }, (_, data) => ({ name: "job", data })));
    const length = await stage.admin.xlen(`bull:${stage.name}:events`);
    ok(length >= 50 && length < 250, `${length} events`);
    await queue.trimEvents(0);
    equal(await stage.admin.xlen(`bull:${stage.name}:events`), 0);
  },
};

/** Whether the worker's connection is blocked, and so all its connections are ready. */
async function isWaiting({ admin }: Stage): Promise<boolean> {
  return / flags=b /.test(String(await admin.call("CLIENT", "LIST")));
}

async function killConnections({ admin }: Stage): Promise<void> {
  ok(Number(await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")) >= 3);
}

runScenarios("BullMQ workers", workers, true);
