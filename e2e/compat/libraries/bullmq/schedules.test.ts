/** When BullMQ lets jobs run: repeated by interval or cron pattern, limited in rate and in number at once. */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { type Job, Worker } from "bullmq";
import { collect, sleep, until } from "../waiting.ts";
import { runScenarios, type Scenarios } from "./stage.ts";

const schedules: Scenarios = {
  "a job repeats at its interval until its scheduler is removed": async (stage) => {
    const queue = stage.queue();
    const worker = stage.worker(async () => Date.now());
    const done = collect<Job>(worker, "completed", 4);
    await queue.upsertJobScheduler("heartbeat", { every: 200 }, { name: "beat", data: { pulse: 1 } });
    const beats = await done;
    deepEqual(new Set(beats.map(({ name, data }) => `${name} ${data.pulse}`)), new Set(["beat 1"]));
    const times = beats.map(({ id = "" }) => Number(id.split(":").at(-1)));
    for (const [index, time] of times.slice(1).entries()) {
      const interval = time - (times[index] ?? 0);
      ok(interval > 0 && interval % 200 === 0, `${interval} ms between beats`);
    }
    equal((await queue.getJobScheduler("heartbeat"))?.every, 200);
    equal(await queue.removeJobScheduler("heartbeat"), true);
    equal(await queue.removeJobScheduler("heartbeat"), false);
    equal(await queue.getJobSchedulersCount(), 0);
    await until(async () => (await queue.getActiveCount()) === 0);
    equal(await queue.getDelayedCount(), 0);
  },

  "a cron pattern with seconds hits whole seconds": async (stage) => {
    const queue = stage.queue();
    const done = collect<Job>(
      stage.worker(async () => Date.now()),
      "completed",
      2,
    );
    await queue.upsertJobScheduler("tick", { pattern: "* * * * * *", tz: "Asia/Tokyo" });
    const ticks = await done;
    for (const { returnvalue, opts } of ticks) {
      equal(Number(opts.prevMillis) % 1000, 0);
      ok(returnvalue >= Number(opts.prevMillis), "a tick came before its second");
    }
    notEqual(ticks[0]?.opts.prevMillis, ticks[1]?.opts.prevMillis);
  },

  "a schedule stops at its limit": async (stage) => {
    const queue = stage.queue();
    const worker = stage.worker(async () => undefined);
    const done = collect<Job>(worker, "completed", 3);
    await queue.upsertJobScheduler("thrice", { every: 100, limit: 3 });
    await done;
    await sleep(350);
    deepEqual(await queue.getJobCounts("completed", "delayed", "waiting"), { completed: 3, delayed: 0, waiting: 0 });
  },

  "a schedule set again replaces itself, and schedules are listed by their next time": async (stage) => {
    const queue = stage.queue();
    await queue.upsertJobScheduler("yearly", { pattern: "0 0 1 1 *" }, { data: "old" });
    await queue.upsertJobScheduler("yearly", { pattern: "0 12 1 1 *", tz: "UTC" }, { data: "new" });
    await queue.upsertJobScheduler("hourly", { every: 3_600_000 });
    const listed = await queue.getJobSchedulers(0, -1, true);
    deepEqual(
      listed.map(({ key }) => key),
      ["hourly", "yearly"],
    );
    equal(listed[1]?.pattern, "0 12 1 1 *");
    equal(listed[1]?.template?.data, "new");
    match(new Date(listed[1]?.next ?? 0).toISOString(), /-01-01T12:00:00/);
    const delayed = await queue.getDelayed();
    deepEqual(
      delayed.filter(({ name }) => name === "yearly").map(({ data }) => data),
      ["new"],
    );
  },

  "a worker with a limit of rate starts no more jobs than that": async (stage) => {
    const queue = stage.queue();
    await queue.addBulk(Array.from({ length: 20 }, (_, index) => ({ name: "job", data: index })));
    const limiter = { max: 5, duration: 500 };
    const workers = [1, 2].map(() => stage.worker(async () => Date.now(), { limiter, concurrency: 10 }));
    const finished: Job[] = [];
    for (const worker of workers) worker.on("completed", (job: Job) => finished.push(job));
    await until(() => finished.length === 20);
    const took =
      Math.max(...finished.map(({ returnvalue }) => returnvalue)) -
      Math.min(...finished.map(({ processedOn = 0 }) => processedOn));
    // Four windows of five: the fourth begins 1,500 ms after the first.
    ok(took >= 1_500, `20 jobs at 5 in 500 ms were started within ${took} ms`);
  },

  "a limit set by hand puts the job back, without an attempt": async (stage) => {
    const queue = stage.queue();
    const starts: number[] = [];
    const worker: Worker = stage.worker(
      async (job: Job) => {
        starts.push(Date.now());
        if (starts.length > 1) return job.attemptsMade;
        await worker.rateLimit(600);
        throw Worker.RateLimitError();
      },
      { limiter: { max: 100, duration: 1_000 } },
    );
    const done = collect<Job>(worker, "completed", 1);
    await queue.add("job", {});
    const [job] = await done;
    equal(job?.attemptsMade, 1);
    equal(starts.length, 2);
    ok((starts[1] ?? 0) - (starts[0] ?? 0) >= 550, `again after ${(starts[1] ?? 0) - (starts[0] ?? 0)} ms`);
  },

  "a limit of jobs at once holds over all workers": async (stage) => {
    const queue = stage.queue();
    await queue.setGlobalConcurrency(2);
    equal(await queue.getGlobalConcurrency(), 2);
    let active = 0;
    let most = 0;
    let finished = 0;
    const run = async (): Promise<void> => {
      active++;
      most = Math.max(most, active);
      await sleep(20);
      active--;
      finished++;
    };
    for (let count = 0; count < 3; count++) stage.worker(run, { concurrency: 10 });
    await queue.addBulk(Array.from({ length: 30 }, () => ({ name: "job", data: {} })));
    await until(() => finished === 30);
    ok(most <= 2, `${most} jobs ran at once`);
  },
};

runScenarios("BullMQ schedules", schedules);
