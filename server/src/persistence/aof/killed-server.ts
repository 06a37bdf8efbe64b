/**
 * A server that is killed again and again while clients write to it: in the middle of writes, of a rewrite, a snapshot, a load,
 * a shutdown. After each start the data must be what some moment of the past was for each client, and no moment before what
 * it had its answers for.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSeededRandom, type Random } from "../../platform/random.ts";
import { ChildServer } from "../../testing/child-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";

export interface KillReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly rewrites: number;
}

export interface KillOptions {
  readonly seed: number;
  readonly kills: number;
  readonly policy: "always" | "everysec" | "no";
}

const WRITERS = 8;
const LONGEST_LIFE_MS = 400;
/** A write as old as this survives under `everysec`. */
const EVERYSEC_MS = 2000;

/** Throws with what was lost. */
export async function killAgainAndAgain({ seed, kills, policy }: KillOptions): Promise<KillReport> {
  const random = createSeededRandom(seed);
  const directory = mkdtempSync(path.join(tmpdir(), "kv-killed-"));
  const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(index));
  const directives = ["--appendonly", "yes", "--appendfsync", policy, "--save", ""];
  let rewrites = 0;
  try {
    for (let kill = 0; kill < kills; kill++) {
      const server = new ChildServer(directory, directives);
      if (random.below(8) === 0) {
        // In the middle of the load, or of the start.
        await new Promise((resolve) => setTimeout(resolve, random.below(200)));
        await server.kill();
        continue;
      }
      const port = await server.ready();
      await checkAll(writers, port, policy, `seed ${seed}, kill ${kill}`);
      rewrites += await live(server, port, writers, random);
    }
    const server = new ChildServer(directory, directives);
    await checkAll(writers, await server.ready(), policy, `seed ${seed}, at the end`);
    await server.kill();
    return { kills, rewrites, acknowledged: writers.reduce((sum, writer) => sum + writer.totalAcknowledged, 0) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writers write until the server is killed. Gives the number of rewrites that were begun. */
async function live(server: ChildServer, port: number, writers: readonly Writer[], random: Random): Promise<number> {
  const writing = writers.map((writer) => writer.writeUntilCut(port));
  const admin = await ReferenceClient.connect(port);
  const lifeMs = random.below(LONGEST_LIFE_MS);
  const choice = random.below(5);
  await pause(random.below(lifeMs + 1));
  if (choice === 0) void admin.send([["BGREWRITEAOF"]]).catch(() => undefined);
  if (choice === 1) void admin.send([["BGSAVE"]]).catch(() => undefined);
  await pause(random.below(60));
  if (choice === 2) {
    server.signal("SIGTERM");
    await pause(random.below(20));
  }
  await server.kill();
  admin.close();
  await Promise.all(writing);
  return choice === 0 ? 1 : 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function checkAll(writers: readonly Writer[], port: number, policy: KillOptions["policy"], when: string) {
  const client = await ReferenceClient.connect(port);
  for (const writer of writers) await writer.check(client, policy, when);
  client.close();
}

/** Appends 1, 2, 3, … to a list of its own, and counts in a key beside it in the same transaction. */
class Writer {
  readonly #list: string;
  readonly #counter: string;
  #sent = 0;
  #acknowledged = 0;
  /** When each number was acknowledged, those of the last life only. */
  #times: { readonly number: number; readonly atMs: number }[] = [];
  #cutAtMs = 0;
  totalAcknowledged = 0;

  constructor(index: number) {
    this.#list = `list:${index}`;
    this.#counter = `counter:${index}`;
  }

  async writeUntilCut(port: number): Promise<void> {
    this.#times = [];
    try {
      const client = await ReferenceClient.connect(port);
      for (;;) {
        const number = ++this.#sent;
        const replies = await client.send([
          ["MULTI"],
          ["RPUSH", this.#list, String(number)],
          ["INCR", this.#counter],
          ["EXEC"],
        ]);
        if (!Array.isArray(replies[3])) break;
        this.#acknowledged = number;
        this.totalAcknowledged++;
        this.#times.push({ number, atMs: Date.now() });
      }
    } catch {
      // The server was killed.
    }
    this.#cutAtMs = Date.now();
  }

  async check(client: ReferenceClient, policy: KillOptions["policy"], when: string): Promise<void> {
    const [items, counter] = await client.send([
      ["LRANGE", this.#list, "0", "-1"],
      ["GET", this.#counter],
    ]);
    const numbers = (items as unknown[]).map((item) => Number(String(item)));
    const last = numbers.length;
    const isWhole = numbers.every((number, index) => number === index + 1);
    if (!isWhole || Number(String(counter ?? 0)) !== last) throw new Error(`${when}: ${this.#list} has gaps or halves`);
    const promised = this.#promised(policy);
    if (last < promised) throw new Error(`${when}: ${this.#list} has ${last} of ${promised} promised numbers`);
    this.#sent = last;
    this.#acknowledged = last;
  }

  #promised(policy: KillOptions["policy"]): number {
    // The system lives on: what was written is there even if it was not synced, but what waited in memory is not.
    if (policy === "always") return this.#acknowledged;
    const old = this.#times.filter(({ atMs }) => atMs < this.#cutAtMs - EVERYSEC_MS);
    return old.at(-1)?.number ?? 0;
  }
}
