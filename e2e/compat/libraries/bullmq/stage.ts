/**
 * What one scenario of BullMQ works with: queues, workers, event readers and flows on connections of one kind, under a name
 * of its own, all closed at its end. Errors that a library reports outside of a call fail the scenario too, unless it
 * expects them.
 */

import { deepEqual } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { ConnectionOptions, Processor, QueueOptions, WorkerOptions } from "bullmq";
import { createNodeRedisClient, FlowProducer, Queue, QueueEvents, Worker } from "bullmq";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { HOST, PORT, SERVER_URL } from "../server-address.ts";

const SCENARIO_TIMEOUT_MS = 20_000;

export interface Stage {
  /** The queue's name when none is given, and the beginning of all others. */
  readonly name: string;
  readonly admin: Redis;
  queue(options?: Partial<QueueOptions>, name?: string): Queue;
  worker(processor: Processor | string | null, options?: Partial<WorkerOptions>, name?: string): Worker;
  /** Events from the queue's beginning, so that none is missed while the reader starts. */
  events(name?: string): Promise<QueueEvents>;
  flows(): FlowProducer;
  /** Of errors whose text matches the scenario is the cause. */
  expectErrors(pattern: RegExp): void;
}

export type Scenarios = Readonly<Record<string, (stage: Stage) => Promise<void>>>;

interface Connections {
  readonly client: string;
  open(closeLater: (close: () => unknown) => void): ConnectionOptions;
}

const CONNECTIONS: readonly Connections[] = [ioredis(2), ioredis(3), nodeRedis(2), nodeRedis(3)];

/**
 * Each scenario becomes a test for each client library and protocol. These go side by side, as they mostly wait, unless what
 * they do to the server (flushed scripts, killed connections) reaches beyond their queue.
 */
export function runScenarios(subject: string, scenarios: Scenarios, areAlone = false): void {
  describe(subject, { concurrency: areAlone ? 1 : CONNECTIONS.length }, () => {
    for (const connections of CONNECTIONS) {
      describe(connections.client, { concurrency: 1 }, () => {
        for (const [title, scenario] of Object.entries(scenarios)) {
          const name = `${subject} on ${connections.client}: ${title}`;
          test(name, { timeout: SCENARIO_TIMEOUT_MS }, () => play(connections, scenario));
        }
      });
    }
  });
}

async function play(connections: Connections, scenario: (stage: Stage) => Promise<void>): Promise<void> {
  const closers: (() => unknown)[] = [];
  const errors: string[] = [];
  const expected: RegExp[] = [];
  try {
    await scenario(createStage({ connections, closers, errors, expected }));
  } finally {
    for (const close of closers.reverse()) await close();
  }
  const unexpected = errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
  deepEqual(unexpected, [], "errors outside of calls");
}

interface StageParts {
  readonly connections: Connections;
  readonly closers: (() => unknown)[];
  readonly errors: string[];
  readonly expected: RegExp[];
}

function createStage({ connections, closers, errors, expected }: StageParts): Stage {
  const name = `queue-${randomUUID()}`;
  const admin = new Redis(PORT, HOST);
  closers.push(() => admin.disconnect());
  const connection = (): ConnectionOptions => connections.open((close) => closers.push(close));
  const watch = <Part extends Queue | Worker | QueueEvents | FlowProducer>(part: Part): Part => {
    const listener = (error: Error): unknown => errors.push(String(error));
    (part as Queue).on("error", listener);
    closers.push(() => (part instanceof Worker ? part.close(true) : part.close()));
    return part;
  };
  return {
    name,
    admin,
    queue: (options = {}, queueName = name) => watch(new Queue(queueName, { connection: connection(), ...options })),
    worker: (processor, options = {}, queueName = name) =>
      watch(new Worker(queueName, processor, { connection: connection(), ...options })),
    events: async (queueName = name) => {
      const events = watch(new QueueEvents(queueName, { connection: connection(), lastEventId: "0" }));
      await events.waitUntilReady();
      return events;
    },
    flows: () => watch(new FlowProducer({ connection: connection() })),
    expectErrors: (pattern) => expected.push(pattern),
  };
}

function ioredis(protocol: 2 | 3): Connections {
  return {
    client: `ioredis RESP${protocol}`,
    open: () => ({ host: HOST, port: PORT, protocol, maxRetriesPerRequest: null }),
  };
}

function nodeRedis(protocol: 2 | 3): Connections {
  return {
    client: `node-redis RESP${protocol}`,
    open: (closeLater) => {
      const client = createClient({ url: SERVER_URL, RESP: protocol });
      client.on("error", () => undefined);
      closeLater(() => client.isOpen && client.destroy());
      return createNodeRedisClient(client);
    },
  };
}
