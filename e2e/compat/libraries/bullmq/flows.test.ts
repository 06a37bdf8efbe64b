/** BullMQ's flows: parents that wait for their children, over several queues and levels, and what a child's failure does. */

import { deepEqual, equal, match } from "node:assert/strict";
import type { Job, JobNode } from "bullmq";
import { collect, until } from "../waiting.ts";
import { runScenarios, type Scenarios } from "./stage.ts";

const flows: Scenarios = {
  "a parent runs after its children, with their results": async (stage) => {
    const children = `${stage.name}-children`;
    const worker = stage.worker(async (job: Job) => sum(Object.values(await job.getChildrenValues<number>())));
    const done = collect<Job>(worker, "completed", 1);
    const tree = await stage.flows().add({
      name: "sum",
      queueName: stage.name,
      children: [1, 2, 3, 4].map((data) => ({ name: "square", queueName: children, data })),
    });
    equal(await tree.job.getState(), "waiting-children");
    deepEqual(await tree.job.getDependenciesCount({ processed: true, unprocessed: true }), {
      processed: 0,
      unprocessed: 4,
    });
    stage.worker(async ({ data }: Job) => data ** 2, { concurrency: 2 }, children);
    equal((await done)[0]?.returnvalue, 1 + 4 + 9 + 16);
  },

  "a tree of three levels is read back, and finishes from the leaves": async (stage) => {
    const producer = stage.flows();
    const leaf = (name: string) => ({ name, queueName: stage.name });
    const order: string[] = [];
    const added = await producer.add({
      name: "house",
      queueName: stage.name,
      children: [
        { name: "roof", queueName: stage.name, children: [leaf("beam"), leaf("tile")] },
        { name: "wall", queueName: stage.name, children: [leaf("brick")] },
      ],
    });
    const tree = await producer.getFlow({ id: added.job.id ?? "", queueName: stage.name });
    deepEqual(outline(tree), "house(roof(beam,tile),wall(brick))");
    const worker = stage.worker(async ({ name }: Job) => order.push(name));
    await collect<Job>(worker, "completed", 6);
    equal(order.length, 6);
    equal(order.at(-1), "house");
    for (const part of ["beam", "tile"]) equal(order.indexOf(part) < order.indexOf("roof"), true, `${order}`);
    equal(order.indexOf("brick") < order.indexOf("wall"), true, `${order}`);
  },

  "a parent of 500 children, ten workers' worth at a time": async (stage) => {
    const parents = `${stage.name}-parents`;
    const children = Array.from({ length: 500 }, (_, data) => ({ name: "child", queueName: stage.name, data }));
    const parent = stage.worker(
      async (job: Job) => sum(Object.values(await job.getChildrenValues<number>())),
      {},
      parents,
    );
    const done = collect<Job>(parent, "completed", 1);
    await stage.flows().add({ name: "parent", queueName: parents, children });
    for (let count = 0; count < 2; count++) stage.worker(async ({ data }: Job) => data, { concurrency: 5 });
    equal((await done)[0]?.returnvalue, (499 * 500) / 2);
  },

  "a child that fails for good fails its parent, where so asked": async (stage) => {
    const queue = stage.queue();
    const parents = stage.queue({}, `${stage.name}-parents`);
    stage.worker(broken);
    stage.worker(async () => "ran", {}, parents.name);
    const child = { name: "child", queueName: queue.name, opts: { attempts: 2, failParentOnFailure: true } };
    const { job } = await stage.flows().add({ name: "parent", queueName: parents.name, children: [child] });
    await until(async () => (await job.getState()) === "failed");
    const failed = await parents.getJob(job.id ?? "");
    match(failed?.failedReason ?? "", /child bull:.* failed/);
    equal(await queue.getFailedCount(), 1);
  },

  "a parent goes on without a child that may fail, and learns why": async (stage) => {
    const parents = `${stage.name}-parents`;
    const worker = stage.worker(async (job: Job) => Object.values(await job.getIgnoredChildrenFailures()), {}, parents);
    const done = collect<Job>(worker, "completed", 1);
    stage.worker(broken);
    const child = { name: "child", queueName: stage.name, opts: { ignoreDependencyOnFailure: true } };
    await stage.flows().add({ name: "parent", queueName: parents, children: [child] });
    deepEqual((await done)[0]?.returnvalue, ["broken"]);
  },

  "removing a parent removes its children": async (stage) => {
    const queue = stage.queue();
    const children = [1, 2, 3].map((data) => ({ name: "child", queueName: queue.name, data }));
    const { job } = await stage.flows().add({ name: "parent", queueName: queue.name, children });
    deepEqual(await queue.getJobCounts("waiting", "waiting-children"), { waiting: 3, "waiting-children": 1 });
    await job.remove();
    deepEqual(await queue.getJobCounts("waiting", "waiting-children"), { waiting: 0, "waiting-children": 0 });
    equal((await stage.admin.keys(`bull:${queue.name}:${job.id}*`)).length, 0);
  },

  "a running job adds children and waits for them in steps": async (stage) => {
    const queue = stage.queue();
    const children = stage.queue({}, `${stage.name}-children`);
    const { WaitingChildrenError } = await import("bullmq");
    const worker = stage.worker(async (job: Job, token = "") => {
      if (job.data.step === 0) {
        const parent = { id: job.id ?? "", queue: job.queueQualifiedName };
        for (const data of [10, 20]) await children.add("child", data, { parent });
        await job.updateData({ step: 1 });
      }
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
      return sum(Object.values(await job.getChildrenValues<number>()));
    });
    const done = collect<Job>(worker, "completed", 1);
    stage.worker(async ({ data }: Job) => data + 1, {}, children.name);
    await queue.add("parent", { step: 0 });
    equal((await done)[0]?.returnvalue, 32);
  },
};

async function broken(): Promise<never> {
  throw new Error("broken");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function outline({ job, children = [] }: JobNode): string {
  const below = children.map(outline).sort().join(",");
  return below === "" ? job.name : `${job.name}(${below})`;
}

runScenarios("BullMQ flows", flows);
