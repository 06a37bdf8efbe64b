/**
 * Kills of a server that has snapshots only: BGSAVE, SAVE, save points, the last one before the end. After each start the data
 * must be that of one snapshot: the last that is known to have been finished, or one begun after it.
 */

import { createSeededRandom } from "../../platform/random.ts";
import type { KillReport } from "./append-only-kills.ts";
import type { CountingWriter, DataSize } from "./counting-writer.ts";
import { type Life, Lives, type Moment } from "./lives.ts";

export interface SnapshotKillOptions {
  readonly seed: number;
  readonly kills: number;
  readonly size: DataSize;
}

export interface SnapshotKillReport extends KillReport {
  /** Starts that found more than the start before. */
  readonly advances: number;
}

const MOMENTS: readonly Moment[] = ["load", "write", "save", "save", "save point", "shutdown"];
const SAVE_POINTS: Partial<Record<Moment, string>> = { "save point": "1 1", shutdown: "3600 1" };
/** Until a save point of one second is due, and looked at. */
const SAVE_POINT_MS = 1100;

/** Throws with what was lost. */
export async function killWhileSaving({ seed, kills, size }: SnapshotKillOptions): Promise<SnapshotKillReport> {
  const random = createSeededRandom(seed);
  const directivesOf = (moment: Moment): string[] => ["--appendonly", "no", "--save", SAVE_POINTS[moment] ?? ""];
  const lives = new Lives({ size, random, directivesOf, moments: MOMENTS });
  let advances = 0;
  try {
    await lives.fill();
    let bounds = { least: lives.writers.map(() => 0), most: lives.writers.map(() => 0) };
    for (let kill = 0; kill <= kills; kill++) {
      const isLast = kill === kills;
      const moment = isLast ? "write" : lives.choose();
      if (moment === "load") {
        await lives.killStart();
        continue;
      }
      const server = lives.start(moment);
      const port = await server.ready();
      const found = await lives.check(port, isLast || undefined);
      verify(lives.writers, { ...bounds, found, when: `seed ${seed}, kill ${kill}` });
      if (lives.writers.some((writer, index) => writer.found < (found[index] ?? 0))) advances++;
      for (const [index, writer] of lives.writers.entries()) writer.adopt(found[index] ?? 0);
      const life = await lives.begin(server, port);
      await lives.live();
      const acknowledged = await begin(moment, { life, lives, isForeground: random.below(4) === 0 });
      await lives.kill(life);
      bounds = boundsAfter(lives.writers, { moment, acknowledged, log: server.log });
    }
    return { kills, advances, hits: lives.hits, acknowledged: lives.acknowledged };
  } finally {
    lives.remove();
  }
}

interface Beginning {
  readonly life: Life;
  readonly lives: Lives;
  readonly isForeground: boolean;
}

/** Gives what was acknowledged before the snapshot began. */
async function begin(moment: Moment, { life, lives, isForeground }: Beginning): Promise<readonly number[]> {
  const acknowledged = lives.writers.map((writer) => writer.acknowledged);
  if (moment === "save") void life.admin.send([[isForeground ? "SAVE" : "BGSAVE"]]).catch(() => undefined);
  if (moment === "shutdown") life.server.signal("SIGTERM");
  if (moment !== "save point") return acknowledged;
  // By then it may have been due for a while.
  await new Promise((resolve) => setTimeout(resolve, SAVE_POINT_MS));
  return lives.writers.map((writer) => writer.found);
}

interface Bounds {
  readonly least: number[];
  readonly most: number[];
}

interface EndedLife {
  readonly log: string;
  readonly moment: Moment;
  /** What was acknowledged before its snapshot began. */
  readonly acknowledged: readonly number[];
}

function boundsAfter(writers: readonly CountingWriter[], { log, moment, acknowledged }: EndedLife): Bounds {
  const isFinished = /DB saved on disk|Background saving terminated with success/.test(log);
  // One that was renamed may not have been told of.
  const mayHaveBegun = moment !== "write";
  return {
    least: writers.map((writer, index) => (isFinished ? (acknowledged[index] ?? 0) : writer.found)),
    most: writers.map((writer) => (mayHaveBegun ? writer.sent : writer.found)),
  };
}

function verify(
  writers: readonly CountingWriter[],
  evidence: Bounds & { found: readonly number[]; when: string },
): void {
  const { least, most, found, when } = evidence;
  for (const [index, writer] of writers.entries()) {
    const [from, to, last] = [least[index] ?? 0, most[index] ?? 0, found[index] ?? 0];
    if (last < from || last > to) throw new Error(`${when}: ${writer.list} has ${last} numbers, not ${from} to ${to}`);
  }
}
