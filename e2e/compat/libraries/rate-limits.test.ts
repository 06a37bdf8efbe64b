/** Rate limiters: rate-limiter-flexible over ioredis and node-redis, and rate-limit-redis under express-rate-limit. */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import express from "express";
import { rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { RedisStore } from "rate-limit-redis";
import {
  BurstyRateLimiter,
  type IRateLimiterRedisOptions,
  RateLimiterQueue,
  RateLimiterRedis,
  RateLimiterRes,
} from "rate-limiter-flexible";
import { createClient } from "redis";
import { withApplication } from "./application.ts";
import { HOST, PORT, SERVER_URL } from "./server-address.ts";
import { until } from "./waiting.ts";

const TIMEOUT_MS = 20_000;

type Limit = Omit<IRateLimiterRedisOptions, "storeClient">;
type Scenario = (limiter: (options: Limit) => RateLimiterRedis) => Promise<void>;

const scenarios: Readonly<Record<string, Scenario>> = {
  "gives out its points, refuses more and begins anew": async (limiter) => {
    const limit = limiter({ points: 3, duration: 1 });
    const remaining: number[] = [];
    for (let call = 0; call < 3; call++) remaining.push((await limit.consume("user")).remainingPoints);
    deepEqual(remaining, [2, 1, 0]);
    const refusal = await refused(limit.consume("user"));
    ok(refusal.msBeforeNext > 0 && refusal.msBeforeNext <= 1000, `refused for ${refusal.msBeforeNext} ms`);
    equal(refusal.consumedPoints, 4);
    equal((await limit.consume("other user")).remainingPoints, 2);
    await until(async () => (await limit.get("user")) === null);
    const anew = await limit.consume("user");
    equal(anew.remainingPoints, 2);
    equal(anew.isFirstInDuration, true);
  },

  "lets exactly its points through when all come at once": async (limiter) => {
    const limit = limiter({ points: 50, duration: 60 });
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => limit.consume("crowd")));
    equal(outcomes.filter(({ status }) => status === "fulfilled").length, 50);
    for (const outcome of outcomes) if (outcome.status === "rejected") ok(outcome.reason instanceof RateLimiterRes);
    equal((await limit.get("crowd"))?.consumedPoints, 200);
  },

  "blocks who asks too often, for longer than the duration": async (limiter) => {
    const limit = limiter({ points: 1, duration: 1, blockDuration: 60 });
    await limit.consume("user");
    await refused(limit.consume("user"));
    const refusal = await refused(limit.consume("user"));
    ok(refusal.msBeforeNext > 50_000, `refused for ${refusal.msBeforeNext} ms`);
    equal(await limit.delete("user"), true);
    equal(await limit.delete("user"), false);
    equal((await limit.consume("user")).remainingPoints, 0);
  },

  "penalties and rewards count, and points can be set": async (limiter) => {
    const limit = limiter({ points: 10, duration: 60 });
    equal((await limit.penalty("user", 4)).consumedPoints, 4);
    equal((await limit.reward("user", 1)).consumedPoints, 3);
    equal((await limit.consume("user", 5)).remainingPoints, 2);
    await refused(limit.consume("user", 3));
    await limit.set("user", 7, 30);
    const state = await limit.get("user");
    equal(state?.remainingPoints, 3);
    ok((state?.msBeforeNext ?? 0) <= 30_000);
    await limit.block("user", 100);
    ok((await refused(limit.consume("user"))).msBeforeNext > 90_000);
    await limit.set("forever", 1, 0);
    equal((await limit.get("forever"))?.msBeforeNext, -1);
  },

  "lets bursts through, and queues what comes too early": async (limiter) => {
    const bursty = new BurstyRateLimiter(limiter({ points: 1, duration: 1 }), limiter({ points: 2, duration: 5 }));
    for (let call = 0; call < 3; call++) await bursty.consume("user");
    await rejects(() => bursty.consume("user"));
    const queue = new RateLimiterQueue(limiter({ points: 2, duration: 1 }));
    const start = Date.now();
    await Promise.all(Array.from({ length: 5 }, () => queue.removeTokens(1)));
    ok(Date.now() - start >= 1_000, `five tokens at two a second came within ${Date.now() - start} ms`);
  },
};

for (const [title, scenario] of Object.entries(scenarios)) {
  for (const protocol of [2, 3] as const) {
    test(`rate-limiter-flexible on ioredis RESP${protocol}: ${title}`, { timeout: TIMEOUT_MS }, async () => {
      const client = new Redis({ host: HOST, port: PORT, protocol });
      try {
        await scenario((options) => new RateLimiterRedis({ storeClient: client, keyPrefix: randomUUID(), ...options }));
      } finally {
        client.disconnect();
      }
    });
    test(`rate-limiter-flexible on node-redis RESP${protocol}: ${title}`, { timeout: TIMEOUT_MS }, async () => {
      const client = await createClient({ url: SERVER_URL, RESP: protocol }).connect();
      const common = { storeClient: client, useRedisPackage: true };
      try {
        await scenario((options) => new RateLimiterRedis({ ...common, keyPrefix: randomUUID(), ...options }));
      } finally {
        client.destroy();
      }
    });
  }
}

test("rate-limit-redis: an application refuses the fourth request of a client", { timeout: TIMEOUT_MS }, async () => {
  const client = await createClient({ url: SERVER_URL }).connect();
  const store = new RedisStore({ sendCommand: (...words) => client.sendCommand(words), prefix: `${randomUUID()}:` });
  const limiter = rateLimit({
    windowMs: 60_000,
    limit: 3,
    standardHeaders: "draft-6",
    store,
    keyGenerator: (request) => request.get("x-user") ?? "nobody",
  });
  const application = express()
    .use(limiter)
    .get("/", (_request, response) => void response.send("welcome"));
  await withApplication(application, async (url) => {
    const visit = (user: string): Promise<Response> => fetch(url, { headers: { "x-user": user } });
    const answers: Response[] = [];
    for (let call = 0; call < 4; call++) answers.push(await visit("alice"));
    deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429],
    );
    deepEqual(
      answers.map(({ headers }) => headers.get("ratelimit-remaining")),
      ["2", "1", "0", "0"],
    );
    const reset = Number(answers[3]?.headers.get("ratelimit-reset"));
    ok(reset > 50 && reset <= 60, `reset in ${reset} s`);
    equal((await visit("bob")).status, 200);
    equal((await store.get("alice"))?.totalHits, 4);
    await store.decrement("bob");
    equal((await store.get("bob"))?.totalHits, 0);
    await store.resetKey("alice");
    equal((await visit("alice")).status, 200);
  });
  client.destroy();
});

test("rate-limit-redis: loads its scripts again after SCRIPT FLUSH", { timeout: TIMEOUT_MS }, async () => {
  const client = new Redis(PORT, HOST);
  const call = (...[command = "", ...words]: string[]): Promise<never> =>
    client.call(command, ...words) as Promise<never>;
  const store = new RedisStore({ sendCommand: call, prefix: `${randomUUID()}:` });
  await store.init({ windowMs: 60_000 } as Parameters<RedisStore["init"]>[0]);
  equal((await store.increment("user")).totalHits, 1);
  await client.script("FLUSH");
  equal((await store.increment("user")).totalHits, 2);
  client.disconnect();
});

async function refused(attempt: Promise<unknown>): Promise<RateLimiterRes> {
  try {
    await attempt;
  } catch (reason) {
    if (reason instanceof RateLimiterRes) return reason;
    throw reason;
  }
  throw new Error("The limiter let it through");
}
