/** Where scenarios of failover take place: a cluster of six under recorded writes, by which it is measured what clients see. */

import { createServer } from "node:net";
import type { Random } from "../platform/random.ts";
import { AcknowledgedWrites, pause, type Writer } from "../testing/acknowledged-writes.ts";
import { slotOf } from "../testing/cluster-client.ts";
import { Fleet, type FleetNode, type Place, SHARDS, SIZE } from "../testing/fleet.ts";

const SLOTS = 16_384;
const WRITERS_PER_SHARD = 2;
/** Longer is a cluster that does not recover. */
const LIMIT_MS = 60_000;
const FIRST_PORT = 21_000;
const PORTS = 1000;
const BUS_PORT_OFFSET = 10_000;

export interface FailoverOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly nodeTimeoutMs: number;
  /** Whether what is promised of the time is to be kept: on a machine that has nothing else to do. */
  readonly isTimed: boolean;
}

/** What a node has when it comes back: what it had to write, nothing, or an older snapshot. */
const PERSISTENCE = [
  ["--save", "", "--appendonly", "yes"],
  ["--save", "", "--appendonly", "no"],
  ["--save", "1 1", "--appendonly", "no"],
];

/** The two nodes of a shard differ in what they keep: 0 and 3, 1 and 4, 2 and 5. */
export function directivesOf(index: number, nodeTimeoutMs: number): string[] {
  const kind = (index + Math.floor(index / SHARDS)) % PERSISTENCE.length;
  return [
    ...["--cluster-enabled", "yes", "--cluster-node-timeout", String(nodeTimeoutMs)],
    ...["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes", ...(PERSISTENCE[kind] as string[])],
  ];
}

/** On this machine, on ports that are free together with those of their buses. */
export async function localPlaces(random: Random, nodeTimeoutMs: number): Promise<Place[]> {
  const places: Place[] = [];
  const taken = new Set<number>();
  while (places.length < SIZE) {
    const port = FIRST_PORT + random.below(PORTS);
    if (taken.has(port) || !(await isFree(port)) || !(await isFree(port + BUS_PORT_OFFSET))) continue;
    taken.add(port);
    const address = { host: "127.0.0.1", port };
    places.push({ address, observer: address, launcher: [], directives: directivesOf(places.length, nodeTimeoutMs) });
  }
  return places;
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

export class FailoverStage {
  readonly fleet: Fleet;
  readonly load: AcknowledgedWrites;
  readonly shards = Array.from({ length: SHARDS }, (_, shard) => shard);

  constructor(places: readonly Place[]) {
    this.fleet = new Fleet(places);
    this.load = new AcknowledgedWrites(() => places.map(({ address }) => address), tagsOfAllShards());
  }

  /** A name whose slot is the shard's. */
  tagOf(shard: number): string {
    return this.#writersOf(shard)[0]?.tag ?? "";
  }

  /** Runs the scenario, and adds to what went wrong where the logs are. */
  async play<Result>(scenario: () => Promise<Result>): Promise<Result> {
    try {
      await this.fleet.form();
      this.load.beginRound(0);
      this.load.start();
      return await scenario();
    } catch (error) {
      throw new Error(`${(error as Error).message}; logs in ${this.fleet.keepLogs()}`, { cause: error });
    } finally {
      await this.load.stop();
      await this.fleet.stop();
    }
  }

  /** All lists hold what was promised, and replicas what their primaries hold. */
  async verifyAll(): Promise<void> {
    await this.load.stop();
    await this.load.verify();
    for (const node of this.fleet.nodes) {
      const primary = await this.fleet.primaryOf(node);
      await this.caughtUp(node, primary);
      const [own, theirs] = [await node.text("DEBUG", "DIGEST"), await primary.text("DEBUG", "DIGEST")];
      if (own !== theirs) throw new Error(`Node ${node.index} and its primary ${primary.index} differ`);
    }
  }

  async caughtUp(replica: FleetNode, primary: FleetNode): Promise<void> {
    if (replica === primary) return;
    const wanted = Number(await primary.replication("master_repl_offset"));
    const endMs = Date.now() + LIMIT_MS;
    while (Number(await replica.replication("slave_repl_offset")) < wanted) {
      if (Date.now() > endMs) throw new Error(`Node ${replica.index} does not catch up with node ${primary.index}`);
      await pause(20);
    }
  }

  /** Milliseconds from that moment until each writer to the shard has had a write taken that it sent afterwards. */
  async resumeMs(shard: number, sinceMs: number): Promise<number> {
    const moments = Promise.all(this.#writersOf(shard).map((writer) => writer.acceptedSince(sinceMs)));
    const { promise: limit, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`Writes to shard ${shard} do not resume`)), LIMIT_MS);
    try {
      return Math.max(...(await Promise.race([moments, limit]))) - sinceMs;
    } finally {
      clearTimeout(timer);
    }
  }

  #writersOf(shard: number): Writer[] {
    return this.load.writers.filter(({ slot }) => shardOf(slot) === shard);
  }
}

function shardOf(slot: number): number {
  return Math.floor((slot * SHARDS) / SLOTS);
}

/** The first names that give each shard its writers. */
function tagsOfAllShards(): string[] {
  const tags: string[][] = Array.from({ length: SHARDS }, () => []);
  for (let n = 0; tags.some(({ length }) => length < WRITERS_PER_SHARD); n++) {
    const own = tags[shardOf(slotOf(`t${n}`))] as string[];
    if (own.length < WRITERS_PER_SHARD) own.push(`t${n}`);
  }
  return tags.flat();
}

/** Of the node timeout; for the verdict, the election and the word of it to come round. */
export const PROMISED_MS = 2000;

/** Throws, with all figures, if one is above the limit. */
export function checkTimes(text: string, milliseconds: readonly number[], limitMs: number): void {
  const late = milliseconds.flatMap((took, n) => (took > limitMs ? [`number ${n + 1} took ${inSeconds(took)}`] : []));
  if (late.length > 0) throw new Error(`${text}; promised are ${inSeconds(limitMs)}, but ${late.join(", ")}`);
}

/** For the line that a test prints. */
export function inWords(name: string, milliseconds: readonly number[]): string {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  if (sorted.length === 0) return `${name}: never`;
  const middle = sorted[Math.floor((sorted.length - 1) / 2)] as number;
  return `${name}: median ${inSeconds(middle)}, longest ${inSeconds(sorted.at(-1) as number)}`;
}

export function inSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
