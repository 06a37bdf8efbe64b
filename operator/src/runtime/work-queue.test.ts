import { afterEach, describe, expect, it } from "vitest";
import { ManualClock, settle } from "./manual-clock.ts";
import { type Outcome, WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

interface Started {
  readonly key: string;
  readonly finish: (outcome?: Outcome) => void;
  readonly fail: (error: unknown) => void;
}

let clock: ManualClock;
let queue: WorkQueue;
let started: Started[];
let errors: { key: string; failures: number; retryInMs: number }[];

function create(options: Partial<WorkQueueOptions> = {}): void {
  clock = new ManualClock();
  started = [];
  errors = [];
  queue = new WorkQueue(
    { concurrency: 2, ...options },
    {
      clock,
      random: () => 0,
      work: (key) =>
        new Promise((resolve, reject) => {
          started.push({ key, finish: (outcome = {}) => resolve(outcome), fail: reject });
        }),
      onError: (key, _error, retry) => errors.push({ key, ...retry }),
    },
  );
  queue.start();
}

const keys = () => started.map(({ key }) => key);
const latest = () => started.at(-1) as Started;

afterEach(async () => {
  for (const { finish } of started) {
    finish();
  }
  await queue.stop();
});

describe("a work queue", () => {
  it("works on a key once however often it was added", async () => {
    create({ concurrency: 1 });
    for (const key of ["a", "b", "b", "b"]) {
      queue.add(key);
    }
    expect(queue.depth).toBe(1);
    latest().finish();
    await settle();
    latest().finish();
    await settle();
    expect(keys()).toEqual(["a", "b"]);
  });

  it("works on as many keys at a time as it was told", async () => {
    create({ concurrency: 2 });
    for (const key of ["a", "b", "c"]) {
      queue.add(key);
    }
    expect(keys()).toEqual(["a", "b"]);
    started[0]?.finish();
    await settle();
    expect(keys()).toEqual(["a", "b", "c"]);
  });

  it("never works on one key twice at a time, and again when it was added meanwhile", async () => {
    create();
    queue.add("a");
    queue.add("a");
    queue.add("a");
    await settle();
    expect(keys()).toEqual(["a"]);
    latest().finish();
    await settle();
    expect(keys()).toEqual(["a", "a"]);
    latest().finish();
    await settle();
    expect(keys()).toEqual(["a", "a"]);
  });

  it("comes back after the time the work asked for, or sooner when added", async () => {
    create();
    queue.add("a");
    latest().finish({ requeueAfterMs: 30_000 });
    await clock.advance(29_999);
    expect(keys()).toHaveLength(1);
    await clock.advance(1);
    expect(keys()).toHaveLength(2);
    latest().finish({ requeueAfterMs: 30_000 });
    await settle();
    queue.add("a");
    expect(keys()).toHaveLength(3);
    latest().finish();
    await clock.advance(60_000);
    expect(keys()).toHaveLength(3);
  });

  it("keeps the earliest of several delays", async () => {
    create();
    queue.addAfter("a", 10_000);
    queue.addAfter("a", 2_000);
    queue.addAfter("a", 5_000);
    await clock.advance(2_000);
    expect(keys()).toEqual(["a"]);
  });

  it("backs off a failing key alone, up to a limit, and forgets that when it succeeds", async () => {
    create({ baseDelayMs: 10, maxDelayMs: 50 });
    queue.add("a");
    for (let failures = 1; failures <= 5; failures++) {
      latest().fail(new Error("not yet"));
      await settle();
      await clock.advance(errors.at(-1)?.retryInMs ?? 0);
      expect(keys()).toHaveLength(failures + 1);
    }
    expect(errors.map(({ retryInMs }) => retryInMs)).toEqual([10, 20, 40, 50, 50]);
    latest().finish();
    await settle();
    queue.add("a");
    latest().fail(new Error("again"));
    await settle();
    expect(errors.at(-1)).toEqual({ key: "a", failures: 1, retryInMs: 10 });
  });

  it("waits as long as a throttling server asked", async () => {
    create();
    queue.add("a");
    latest().fail(Object.assign(new Error("slow down"), { retryAfterMs: 9_000 }));
    await clock.advance(8_999);
    expect(keys()).toHaveLength(1);
    await clock.advance(1);
    expect(keys()).toHaveLength(2);
  });

  it("does not let a change that arrived during failing work undo its backoff", async () => {
    create({ baseDelayMs: 1_000 });
    queue.add("a");
    queue.add("a");
    latest().fail(new Error("conflict"));
    await clock.advance(999);
    expect(keys()).toHaveLength(1);
    await clock.advance(1);
    expect(keys()).toHaveLength(2);
  });

  it("waits for the work under way when it stops, and starts nothing more", async () => {
    create({ concurrency: 1 });
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 1_000);
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    await clock.advance(5_000);
    expect(stopped).toBe(false);
    latest().finish({ requeueAfterMs: 1 });
    await stopping;
    queue.add("d");
    await clock.advance(5_000);
    expect(keys()).toEqual(["a"]);
    expect(clock.pending).toBe(0);
  });
});
