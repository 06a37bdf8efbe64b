// A cluster on three nodes meets everything that can happen to it, at random, while a client writes: no write that was
// acknowledged with a copy is lost, no slot ever has two servers that take writes, and it is Ready again by itself.
// CHAOS_MINUTES and CHAOS_SEED say how long and which; CHAOS_FAULTS names kinds of faults (comma separated) to choose from.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Load, longestGap } from "../harness/load.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { FAULTS, type Fault, type Injection, type Stage } from "./faults.ts";
import { loadOnMachine } from "./load-on-machine.ts";
import { seededRandom } from "./random.ts";
import { recover } from "./recovery.ts";
import { type ChaosReport, describeRun, describeTurn, type TurnReport } from "./report.ts";
import { schedule, type Turn } from "./schedule.ts";
import { type Server, serversOf } from "./servers.ts";
import { offerDisks, STORAGE_CLASS, withdrawDisks } from "./small-disks.ts";
import { watchWrites } from "./writable.ts";

const MINUTES = Number(process.env.CHAOS_MINUTES ?? 15);
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
const REPLICAS = Number(process.env.CHAOS_REPLICAS ?? 1);
const KINDS = process.env.CHAOS_FAULTS?.split(",");
const REPORT = join(import.meta.dirname, `../../.cache/chaos-${SEED}.json`);
const READY_AGAIN_WITHIN_MS = 90_000;
/** The longest that a turn may take beyond the time of the run. */
const LAST_TURN_MS = 600_000;
const NODES = [1, 2, 3];
const CLUSTER = "chaos";
const it = scene("chaos");
const undone: Injection[] = [];

beforeAll(async () => {
  await offerDisks(NODES);
  await it.apply(manifest());
  await it.ready(CLUSTER, 180_000);
});

afterAll(async () => {
  for (const injection of undone.toReversed()) await injection.heal();
  await withdrawDisks();
});

test(`survives ${MINUTES} minutes of faults with seed ${SEED}`, {
  timeout: MINUTES * 60_000 + LAST_TURN_MS,
}, async () => {
  explainFailure(it.namespace);
  process.stderr.write(`chaos: CHAOS_MINUTES=${MINUTES} CHAOS_SEED=${SEED}\n`);
  const random = seededRandom(SEED);
  const stage: Stage = { namespace: it.namespace, cluster: CLUSTER, nodes: NODES, random };
  const password = await it.password(CLUSTER);
  const load = await loadOnMachine(it, CLUSTER, REPLICAS);
  const servers = followServers();
  const watch = watchWrites({ password, servers: servers.known });
  const turns: TurnReport[] = [];
  try {
    await load.period();
    const began = performance.now();
    const faults = FAULTS.filter(({ kind }) => KINDS?.includes(kind) ?? true);
    expect(faults).toHaveLength(KINDS?.length ?? FAULTS.length);
    for (const turn of schedule(faults, random)) {
      const report = await take(turn, stage, load, (performance.now() - began) / 1_000);
      turns.push(report);
      process.stderr.write(`${describeTurn(report)}\n`);
      if (report.readySeconds === null || performance.now() - began > MINUTES * 60_000) break;
      await delay(turn.pauseMs);
    }
    await Promise.all([watch.stop(), servers.stop()]);
    const end = await load.end();
    conclude({
      seed: SEED,
      minutes: MINUTES,
      turns,
      acknowledged: end.checked,
      lost: end.lost,
      rounds: watch.rounds(),
      violations: watch.violations,
    });
  } finally {
    load.kill();
  }
});

async function take(turn: Turn, stage: Stage, load: Load, at: number): Promise<TurnReport> {
  const began = performance.now();
  const injections: Injection[] = [];
  for (const fault of turn.faults) {
    const injection = await fault.inject(stage);
    injections.push(injection);
    undone.push(injection);
  }
  await delay(turn.holdMs);
  for (const injection of injections.toReversed()) {
    await injection.heal();
    undone.splice(undone.indexOf(injection), 1);
  }
  const heldSeconds = (performance.now() - began) / 1_000;
  const readyMs = await recover(it, CLUSTER, load, readyWithinMs(turn.faults));
  const { writes, errors, gaps } = await load.period().then((period) => ({ ...period, gaps: longestGap(period) }));
  const { lost } = await load.check();
  return {
    at,
    kinds: turn.faults.map(({ kind }) => kind),
    what: injections.map(({ what }) => what).join(", "),
    heldSeconds,
    readySeconds: readyMs === undefined ? null : readyMs / 1_000,
    longestGapSeconds: gaps,
    writes,
    errors,
    lost,
  };
}

function readyWithinMs(faults: readonly Fault[]): number {
  return READY_AGAIN_WITHIN_MS + Math.max(...faults.map(({ extraReadyMs }) => extraReadyMs ?? 0));
}

function conclude(report: ChaosReport): void {
  mkdirSync(join(REPORT, ".."), { recursive: true });
  writeFileSync(REPORT, `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(`${describeRun(report)}\n  report: ${REPORT}\n`);
  expect(report.lost).toEqual([]);
  expect(report.violations).toEqual([]);
  expect(report.turns.filter(({ readySeconds }) => readySeconds === null)).toEqual([]);
  expect(report.rounds).toBeGreaterThan(report.turns.length);
  expect(report.acknowledged).toBeGreaterThan(1_000);
}

/** What is known of the servers, renewed as often as the API server answers. */
function followServers() {
  let known: readonly Server[] = [];
  let isStopped = false;
  const following = (async () => {
    while (!isStopped) {
      known = await serversOf(it.namespace, CLUSTER).catch(() => known);
      await delay(2_000);
    }
  })();
  return {
    known: () => known,
    stop: async () => {
      isStopped = true;
      await following;
    },
  };
}

/**
 * Every write is in the append-only file of whoever has acknowledged it: what WAIT counts survives power cuts. WAIT counts all
 * replicas: a replica that has not got a write may be elected by a majority that does not reach those that have.
 */
function manifest(): string {
  const storage = { size: "100Mi", storageClassName: STORAGE_CLASS, reclaimPolicy: "Delete" };
  return clusterManifest(CLUSTER, { replicasPerShard: REPLICAS }, { storage, config: { appendonly: "yes" } });
}
