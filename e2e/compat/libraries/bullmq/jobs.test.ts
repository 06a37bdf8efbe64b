/** What becomes of single jobs in BullMQ: their order, delays, priorities, retries, results and what is kept of them. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type Job, UnrecoverableError } from "bullmq";
import { collect, until } from "../waiting.ts";
import { runScenarios, type Scenarios } from "./stage.ts";

const jobs: Scenarios = {
  "jobs run in the order of adding, and give their results": async (stage) => {
    const queue = stage.queue();
    const events = await stage.events();
    const added = await queue.addBulk(Array.from({ length: 20 }, (_, index) => ({ name: "double", data: index })));
    const order: number[] = [];
    stage.worker(async (job: Job<number, number>) => {
      order.push(job.data);
      return job.data * 2;
    });
    const results = await Promise.all(added.map((job) => job.waitUntilFinished(events)));
    deepEqual(
      order,
      added.map(({ data }) => data),
    );
    deepEqual(
      results,
      added.map(({ data }) => data * 2),
    );
    deepEqual(await queue.getJobCounts("completed", "waiting", "active"), { completed: 20, waiting: 0, active: 0 });
  },

  "a job added last in, first out overtakes": async (stage) => {
    const queue = stage.queue();
    for (const [name, lifo] of [
      ["first", false],
      ["second", false],
      ["overtaking", true],
    ] as const)
      await queue.add(name, {}, { lifo });
    const done = collect<Job>(
      stage.worker(async () => undefined),
      "completed",
      3,
    );
    deepEqual(
      (await done).map(({ name }) => name),
      ["overtaking", "first", "second"],
    );
  },

  "delayed jobs wait for their time, and run in its order": async (stage) => {
    const queue = stage.queue();
    const delays = [1_600, 400, 1_000];
    await queue.addBulk(delays.map((delay) => ({ name: String(delay), data: {}, opts: { delay } })));
    equal(await queue.getDelayedCount(), 3);
    const worker = stage.worker(async () => Date.now());
    const finished = await collect<Job>(worker, "completed", 3);
    deepEqual(
      finished.map(({ name }) => name),
      ["400", "1000", "1600"],
    );
    for (const job of finished) {
      const waited = job.returnvalue - job.timestamp;
      ok(waited >= Number(job.name), `a delay of ${job.name} ms was over after ${waited} ms`);
    }
    equal(await queue.getDelayedCount(), 0);
  },

  "a delay can be changed, and a delayed job promoted": async (stage) => {
    const queue = stage.queue();
    const changed = await queue.add("changed", {}, { delay: 600_000 });
    const promoted = await queue.add("promoted", {}, { delay: 600_000 });
    await changed.changeDelay(400);
    await promoted.promote();
    equal(await changed.getState(), "delayed");
    equal(await promoted.getState(), "waiting");
    const done = collect<Job>(
      stage.worker(async () => undefined),
      "completed",
      2,
    );
    deepEqual(
      (await done).map(({ name }) => name),
      ["promoted", "changed"],
    );
  },

  "priorities go before the order of adding, and can be changed": async (stage) => {
    const queue = stage.queue();
    for (const priority of [5, 3, 5, 1, 3, 2_000_000]) await queue.add("job", { priority }, { priority });
    const last = await queue.add("job", { priority: 0 }, { priority: 9 });
    await queue.add("job", { priority: -1 });
    deepEqual(await queue.getCountsPerPriority([0, 1, 3, 5]), { 0: 1, 1: 1, 3: 2, 5: 2 });
    await last.changePriority({ priority: 2 });
    const done = collect<Job>(
      stage.worker(async () => undefined),
      "completed",
      8,
    );
    const order = (await done).map(({ id, data }) => [id, data.priority]);
    const expected = [
      ["8", -1],
      ["4", 1],
      ["7", 0],
      ["2", 3],
      ["5", 3],
      ["1", 5],
      ["3", 5],
      ["6", 2_000_000],
    ];
    deepEqual(order, expected);
  },

  "a failing job is tried again after pauses that grow": async (stage) => {
    const queue = stage.queue();
    const starts: number[] = [];
    const worker = stage.worker(async () => {
      starts.push(Date.now());
      if (starts.length < 4) throw new Error(`attempt ${starts.length}`);
      return "at last";
    });
    const done = collect<Job>(worker, "completed", 1);
    await queue.add("flaky", {}, { attempts: 5, backoff: { type: "exponential", delay: 100 } });
    const [job] = await done;
    equal(job?.returnvalue, "at last");
    equal(job?.attemptsMade, 4);
    const pauses = starts.slice(1).map((time, index) => time - (starts[index] ?? 0));
    for (const [index, least] of [100, 200, 400].entries())
      ok((pauses[index] ?? 0) >= least, `pause ${index} lasted ${pauses[index]} ms`);
  },

  "after its last attempt a job has failed, and can be retried by hand": async (stage) => {
    const queue = stage.queue();
    const events = await stage.events();
    const exhausted = collect<{ jobId: string; attemptsMade: string }>(events, "retries-exhausted", 1);
    let isBroken = true;
    const worker = stage.worker(async () => {
      if (isBroken) throw new Error("out of order");
      return "repaired";
    });
    const added = await queue.add("job", {}, { attempts: 3, backoff: 50 });
    await rejects(added.waitUntilFinished(events), /out of order/);
    deepEqual(await exhausted, [{ jobId: added.id, attemptsMade: "3" }]);
    const failed = await queue.getJob(added.id ?? "");
    equal(await failed?.getState(), "failed");
    equal(failed?.failedReason, "out of order");
    equal(failed?.attemptsMade, 3);
    equal(failed?.stacktrace?.length, 3);
    isBroken = false;
    const done = collect<Job>(worker, "completed", 1);
    await failed?.retry();
    equal((await done)[0]?.returnvalue, "repaired");
    deepEqual(await queue.getJobCounts("failed", "completed"), { failed: 0, completed: 1 });
  },

  "an unrecoverable error is not tried again": async (stage) => {
    const queue = stage.queue();
    const worker = stage.worker(async () => {
      throw new UnrecoverableError("no use");
    });
    const failed = collect<Job>(worker, "failed", 1);
    await queue.add("job", {}, { attempts: 10 });
    equal((await failed)[0]?.attemptsMade, 1);
    equal(await queue.getFailedCount(), 1);
  },

  "a job identifier is taken once, and deduplication holds for its time": async (stage) => {
    const queue = stage.queue();
    const events = await stage.events();
    const duplicated = collect<{ jobId: string }>(events, "duplicated", 1);
    await queue.add("job", 1, { jobId: "only" });
    await queue.add("job", 2, { jobId: "only" });
    deepEqual(await duplicated, [{ jobId: "only" }]);
    equal((await queue.getJob("only"))?.data, 1);
    const deduplication = { id: "group", ttl: 2_000 };
    const first = await queue.add("job", 3, { deduplication });
    const second = await queue.add("job", 4, { deduplication });
    equal(second.id, first.id);
    equal(await queue.getDeduplicationJobId("group"), first.id);
    await until(async () => ((await queue.getDeduplicationJobId("group")) ?? null) === null);
    const third = await queue.add("job", 5, { deduplication });
    ok(third.id !== first.id);
    equal(await queue.getWaitingCount(), 3);
  },

  "progress, logs and changed data reach the readers": async (stage) => {
    const queue = stage.queue();
    const events = await stage.events();
    const progress = collect<{ jobId: string; data: unknown }>(events, "progress", 2);
    stage.worker(async (job: Job) => {
      await job.updateProgress(50);
      for (const line of ["one", "two", "three"]) await job.log(line);
      await job.updateData({ step: 2 });
      await job.updateProgress({ done: true });
    });
    const job = await queue.add("job", { step: 1 }, { keepLogs: 2 });
    await job.waitUntilFinished(events);
    deepEqual(
      (await progress).map(({ data }) => data),
      [50, { done: true }],
    );
    deepEqual(await queue.getJobLogs(job.id ?? ""), { logs: ["two", "three"], count: 2 });
    deepEqual((await queue.getJob(job.id ?? ""))?.data, { step: 2 });
  },

  "large and strange data comes back as it went": async (stage) => {
    const queue = stage.queue();
    const data = { text: "\u0000\r\n€😀\ud7ff".repeat(200_000), list: Array.from({ length: 5_000 }, (_, i) => i / 3) };
    const done = collect<Job>(
      stage.worker(async (job: Job) => job.data),
      "completed",
      1,
    );
    const job = await queue.add("große Aufgabe: 1", data);
    await done;
    const stored = await queue.getJob(job.id ?? "");
    equal(stored?.name, "große Aufgabe: 1");
    deepEqual(stored?.data, data);
    deepEqual(stored?.returnvalue, data);
  },

  "only so many finished jobs are kept as was asked": async (stage) => {
    const queue = stage.queue({ defaultJobOptions: { removeOnComplete: { count: 5 }, removeOnFail: true } });
    const worker = stage.worker(async ({ data }: Job) => {
      if (data % 2 === 1) throw new Error("odd");
    });
    const completed = collect<Job>(worker, "completed", 20);
    const failed = collect<Job>(worker, "failed", 20);
    await queue.addBulk(Array.from({ length: 40 }, (_, index) => ({ name: "job", data: index })));
    await Promise.all([completed, failed]);
    deepEqual(await queue.getJobCounts("completed", "failed"), { completed: 5, failed: 0 });
    deepEqual(
      (await queue.getCompleted()).map(({ data }) => data),
      [38, 36, 34, 32, 30],
    );
    const keys = await stage.admin.keys(`bull:${stage.name}:*`);
    equal(keys.filter((key) => /:\d+$/.test(key)).length, 5);
  },

  "a paused queue gives out nothing; drain, clean and obliterate empty it": async (stage) => {
    const queue = stage.queue();
    await queue.pause();
    const worker = stage.worker(async () => undefined);
    const done = collect<Job>(worker, "completed", 3);
    await queue.addBulk([1, 2, 3].map((data) => ({ name: "job", data })));
    await worker.waitUntilReady();
    deepEqual(await queue.getJobCounts("waiting", "completed"), { waiting: 3, completed: 0 });
    equal(await queue.isPaused(), true);
    await queue.resume();
    await done;
    await worker.close();
    await queue.addBulk([4, 5].map((data) => ({ name: "job", data })));
    await queue.add("job", 6, { delay: 600_000 });
    await queue.drain(true);
    deepEqual(await queue.getJobCounts("waiting", "delayed", "completed"), { waiting: 0, delayed: 0, completed: 3 });
    deepEqual((await queue.clean(0, 2, "completed")).length, 2);
    equal(await queue.getCompletedCount(), 1);
    await queue.obliterate();
    deepEqual(await stage.admin.keys(`bull:${stage.name}:*`), []);
  },

  "jobs are listed in pages, in both directions": async (stage) => {
    const queue = stage.queue();
    await queue.addBulk(Array.from({ length: 30 }, (_, index) => ({ name: "job", data: index })));
    deepEqual(
      (await queue.getJobs("waiting", 0, 4, true)).map(({ data }) => data),
      [0, 1, 2, 3, 4],
    );
    deepEqual(
      (await queue.getJobs("waiting", 10, 12, false)).map(({ data }) => data),
      [19, 18, 17],
    );
    match(await queue.exportPrometheusMetrics(), /bullmq_job_count\{[^}]*state="waiting"\} 30/);
  },
};

runScenarios("BullMQ jobs", jobs);
