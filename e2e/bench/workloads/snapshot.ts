/**
 * Snapshots of 5 M keys: how long one takes on a quiet server, what the start takes to load it, and how long and how much it
 * is felt while the whole data set is rewritten and one BGSAVE follows the other.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inTurn, type Pair } from "../in-turn.ts";
import { ask, encode, info, sendAll } from "../load.ts";
import { median } from "../median.ts";
import { probeDuring } from "../probing.ts";
import { type MeasuredServer, startKvServer, startMeteredKvServer, startRedis } from "../processes.ts";
import type { Row } from "../table.ts";
import type { Workload } from "./workload.ts";

const KEYS = 5_000_000;
const BATCH = 50;
const POLL_MS = 10;
const MEMORY_POLL_MS = 50;
const ROUNDS = 5;

interface Figures {
  readonly saveSeconds: number;
  readonly longestWaitMs: number;
  readonly longestTurnMs: number | undefined;
  readonly memoryRatio: number;
}

type Start = (extra: readonly string[]) => Promise<MeasuredServer>;

export const snapshot: Workload = {
  name: "snapshot",
  about: "BGSAVE of 5 M keys: time, load, stall and memory",
  async run(report) {
    const directory = mkdtempSync(path.join(tmpdir(), "kvbench-snapshot-"));
    try {
      const redis = await measure(startRedis, path.join(directory, "redis"));
      const ours = await measure(startMeteredKvServer, path.join(directory, "ours"));
      const loads = await inTurn(ROUNDS, {
        redis: () => loadSeconds(startRedis, path.join(directory, "redis")),
        ours: () => loadSeconds(startKvServer, path.join(directory, "ours")),
      });
      for (const row of rows(redis, ours, loads)) report(row);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

function rows(redis: Figures, ours: Figures, loads: Pair<number>): Row[] {
  const idle = { workload: "BGSAVE of 5 M keys, idle", measure: "time", unit: "s", isRatio: true };
  const load = { workload: "load of that RDB at start", measure: "time", unit: "s", isRatio: true };
  const busy = { workload: "BGSAVE, all data rewritten", isRatio: false };
  const memory = { ...busy, measure: "peak memory ÷ before", unit: "" };
  return [
    { ...idle, must: 0.7, aim: 0.4, redis: redis.saveSeconds, ours: ours.saveSeconds },
    { ...load, must: 1, aim: 0.75, ...loads },
    {
      ...busy,
      ...{ measure: "longest turn, CPU", unit: "ms", must: 10, aim: 3 },
      ...{ redis: undefined, ours: ours.longestTurnMs ?? Number.NaN },
    },
    {
      ...busy,
      ...{ measure: "longest wait of a probe", unit: "ms", isRatio: true, must: 1, aim: 0.5 },
      ...{ redis: redis.longestWaitMs, ours: ours.longestWaitMs },
    },
    { ...memory, must: 1.15, aim: 1.05, redis: redis.memoryRatio, ours: ours.memoryRatio },
  ];
}

async function measure(start: Start, directory: string): Promise<Figures> {
  mkdirSync(directory);
  const server = await start(["--dir", directory]);
  try {
    await writeAll(server.port, "x".repeat(32));
    await saveOnce(server.port);
    const saves: number[] = [];
    for (let round = 0; round < ROUNDS; round++) saves.push(await saveOnce(server.port));
    const busy = await saveWhileRewritten(server);
    await saveOnce(server.port);
    return { saveSeconds: median(saves), ...busy };
  } finally {
    server.stop();
  }
}

function writeAll(port: number, value: string): Promise<void> {
  return sendAll(port, KEYS, (index) => encode("SET", `key:${String(index).padStart(12, "0")}`, value), BATCH);
}

async function saveOnce(port: number): Promise<number> {
  const begin = performance.now();
  const reply = await ask(port, "BGSAVE");
  if (!reply.startsWith("+Background saving started")) throw new Error(`BGSAVE: ${reply}`);
  while ((await info(port, "rdb_bgsave_in_progress")) !== 0) await pause(POLL_MS);
  return (performance.now() - begin) / 1000;
}

async function saveWhileRewritten(server: MeasuredServer) {
  const before = server.memoryBytes();
  let peak = before;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, server.memoryBytes());
      await pause(MEMORY_POLL_MS);
    }
  })();
  await server.longestTurnMs();
  const { longestMs } = await probeDuring(server.port, async () => {
    const writing = writeAll(server.port, "y".repeat(32)).then(() => {
      isOver = true;
    });
    while (!isOver) await saveOnce(server.port);
    await writing;
  });
  await watching;
  const longestTurnMs = await server.longestTurnMs();
  return { longestWaitMs: longestMs, longestTurnMs, memoryRatio: peak / before };
}

async function loadSeconds(start: Start, directory: string): Promise<number> {
  const begin = performance.now();
  const server = await start(["--dir", directory]);
  try {
    while ((await ask(server.port, "DBSIZE")) !== `:${KEYS}\r\n`) await pause(POLL_MS);
    return (performance.now() - begin) / 1000;
  } finally {
    server.stop();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
