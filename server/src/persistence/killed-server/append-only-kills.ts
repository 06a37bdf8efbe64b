/**
 * Kills of a server with an append-only file. After each start the data must be what the writers had at some moment, no moment
 * before what the policy promises, and exactly the one that the files hold: SIGKILL takes nothing back that was written to them.
 */

import { createSeededRandom } from "../../platform/random.ts";
import type { CountingWriter, DataSize } from "./counting-writer.ts";
import { type Hits, type Life, Lives, type Moment } from "./lives.ts";
import { lastWritten } from "./written-transactions.ts";

export type Policy = "always" | "everysec" | "no";

export interface KillOptions {
  readonly seed: number;
  readonly kills: number;
  readonly policy: Policy;
  readonly size: DataSize;
}

export interface KillReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly hits: Hits;
}

const MOMENTS: readonly Moment[] = ["load", "write", "save", "rewrite", "shutdown"];
/** Fewer are to be quick. */
export const MANY_KILLS = 50;
/** What is older than this survives where the serving thread waits for no disk. */
const LATE_MS = 2000;

/** Throws with what was lost. */
export async function killAgainAndAgain({ seed, kills, policy, size }: KillOptions): Promise<KillReport> {
  const directives = ["--appendonly", "yes", "--appendfsync", policy, "--save", "", "--shutdown-on-sigterm", "save"];
  const lives = new Lives({
    ...{ size, random: createSeededRandom(seed), moments: MOMENTS, hasLongLives: kills >= MANY_KILLS },
    directivesOf: () => directives,
  });
  try {
    await lives.fill();
    let isClean = true;
    for (let kill = 0; kill <= kills; kill++) {
      const isLast = kill === kills;
      const moment = isLast ? "write" : lives.choose();
      if (moment === "load") {
        await lives.killStart();
        continue;
      }
      const written = lastWritten(lives.directory);
      const server = lives.start(moment);
      const port = await server.ready();
      const found = await lives.check(port, isLast || undefined);
      verify(lives.writers, { found, written, isClean, policy, when: `seed ${seed}, kill ${kill}` });
      const life = await lives.begin(server, port);
      await lives.live();
      begin(moment, life);
      await lives.kill(life);
      isClean = server.log.includes("bye bye");
    }
    return { kills, hits: lives.hits, acknowledged: lives.acknowledged };
  } finally {
    lives.remove();
  }
}

function begin(moment: Moment, { server, admin }: Life): void {
  if (moment === "rewrite") void admin.send([["BGREWRITEAOF"]]).catch(() => undefined);
  if (moment === "save") void admin.send([["BGSAVE"]]).catch(() => undefined);
  if (moment === "shutdown") server.signal("SIGTERM");
}

interface Evidence {
  readonly found: readonly number[];
  readonly written: ReadonlyMap<string, number>;
  /** The server had ended by itself. */
  readonly isClean: boolean;
  readonly policy: Policy;
  readonly when: string;
}

function verify(writers: readonly CountingWriter[], { found, written, isClean, policy, when }: Evidence): void {
  for (const [index, writer] of writers.entries()) {
    const last = found[index] ?? 0;
    const isAllPromised = isClean || policy === "always";
    const promised = isAllPromised ? writer.acknowledged : Math.max(writer.found, writer.acknowledgedBefore(LATE_MS));
    if (last < promised) throw new Error(`${when}: ${writer.list} has ${last} of ${promised} promised numbers`);
    const inFile = written.get(writer.list) ?? last;
    if (last !== inFile) throw new Error(`${when}: ${writer.list} has ${last} numbers, its file ${inFile}`);
    writer.adopt(last);
  }
}
