/**
 * Kills of a server with an append-only file. After each start the data must be what the writers had at some moment, no moment
 * before what was acknowledged, and exactly the one that the files hold: SIGKILL takes nothing back that was written to them,
 * and nothing is acknowledged that was not, whatever the policy.
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

const MOMENTS: readonly Moment[] = ["load", "write", "save", "rewrite", "block", "shutdown"];
/** What keeps the serving thread from everything else, for longer than it has left to live. */
const BLOCKS: readonly (readonly string[])[] = [
  ["DEBUG", "SLEEP", "10"],
  ["EVAL", "for i = 1, 1e9 do end", "0"],
  ["SAVE"],
];

/** Throws with what was lost. */
export async function killAgainAndAgain({ seed, kills, policy, size }: KillOptions): Promise<KillReport> {
  const saving = ["--save", "", "--shutdown-on-sigterm", "save"];
  const directives = ["--appendonly", "yes", "--appendfsync", policy, "--enable-debug-command", "yes", ...saving];
  const random = createSeededRandom(seed);
  const lives = new Lives({ size, random, moments: MOMENTS, directivesOf: () => directives });
  try {
    await lives.fill();
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
      verify(lives.writers, { found, written, when: `seed ${seed}, kill ${kill}` });
      const life = await lives.begin(server, port);
      await lives.live();
      if (moment === "block") lives.block(life, BLOCKS[random.below(BLOCKS.length)] as readonly string[]);
      else begin(moment, life);
      await lives.kill(life);
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
  readonly when: string;
}

function verify(writers: readonly CountingWriter[], { found, written, when }: Evidence): void {
  for (const [index, writer] of writers.entries()) {
    const last = found[index] ?? 0;
    const { acknowledged } = writer;
    if (last < acknowledged) throw new Error(`${when}: ${writer.list} has ${last} of ${acknowledged} promised numbers`);
    const inFile = written.get(writer.list) ?? last;
    if (last !== inFile) throw new Error(`${when}: ${writer.list} has ${last} numbers, its file ${inFile}`);
    writer.adopt(last);
  }
}
