/**
 * Every pair of redis-server and ours as primary and replica, by full and by partial sync, while clients write: at the end
 * both have the same DEBUG DIGEST.
 */

import { connect } from "node:net";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { sampleCommands } from "../persistence/sample-data.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { type ServerKind, ServerProcess } from "../testing/server-process.ts";
import { volatileChanges, writeAtRandom } from "./random-writes.ts";

const SAMPLE_KEYS = 2000;
const WRITERS = 2;
const BREAKS = 5;
const ROUND = 1000;
const LEAST_ROUNDS = 10;
const LONGEST_LAG_MS = 200;
const KINDS: readonly ServerKind[] = ["redis-server", "ours"];

interface Sync {
  readonly name: string;
  readonly directives: readonly string[];
  readonly breaks: number;
  /** What stands before the snapshot for a replica that could take either. */
  readonly head: RegExp;
}

const BY_SOCKET = /^\$EOF:[0-9a-f]{40}$/;
const BY_FILE = /^\$\d+$/;

const SYNCS: readonly Sync[] = [
  { name: "full sync by the socket", directives: ["--repl-diskless-sync", "yes"], breaks: 0, head: BY_SOCKET },
  { name: "full sync by a file", directives: ["--repl-diskless-sync", "no"], breaks: 0, head: BY_FILE },
  { name: "partial syncs", directives: ["--repl-backlog-size", "64mb"], breaks: BREAKS, head: BY_SOCKET },
];

const CELLS = KINDS.flatMap((primary) =>
  KINDS.flatMap((replica) => SYNCS.map((sync) => ({ primary, replica, sync, name: sync.name }))),
);

describe.runIf(hasReferenceServer)("Replication under load", { timeout: 60_000 }, () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(kind: ServerKind, directives: readonly string[]): Promise<ServerProcess> {
    const own = ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"];
    const server = await ServerProcess.start(kind, [...own, ...directives]);
    closing.push(() => server.stop());
    return server;
  }

  async function write(server: ServerProcess, seed: number, isDone: () => boolean): Promise<number> {
    const client = await ReferenceClient.connect(server.port);
    closing.push(() => client.close());
    let written = 0;
    for (let round = 0; round < LEAST_ROUNDS || !isDone(); round++) {
      written += await writeAtRandom(client, ROUND, seed + round * WRITERS, volatileChanges);
      // The replica shares the processors with who writes; it may fall behind by so much, not by all there is.
      await client.send([["WAIT", 1, LONGEST_LAG_MS]]);
    }
    return written;
  }

  test.each(CELLS)("$primary with $replica as replica, $name: equal digests", async (cell) => {
    const { sync } = cell;
    const primary = await start(cell.primary, sync.directives);
    const replica = await start(cell.replica, sync.directives);
    await primary.script(sampleCommands(SAMPLE_KEYS, 11));
    let isDone = false;
    const load = Array.from({ length: WRITERS }, (_, seed) => write(primary, seed, () => isDone));
    await replica.command("REPLICAOF", "127.0.0.1", String(primary.port));
    await eventually("the link is up", () => isUp(replica));
    for (let round = 1; round <= sync.breaks; round++) {
      await primary.command("CLIENT", "KILL", "TYPE", "replica");
      await eventually("it goes on", async () => (await partialSyncs(primary)) === round && (await isUp(replica)));
    }
    isDone = true;
    const written = (await Promise.all(load)).reduce((sum, count) => sum + count, 0);
    expect(written).toBeGreaterThanOrEqual(WRITERS * LEAST_ROUNDS * ROUND);
    await eventually("the digests are equal", async () => {
      const [here, there] = [await digest(primary), await digest(replica)];
      return here === there;
    });
    expect(Number(await primary.command("DBSIZE"))).toBeGreaterThan(100);
    const stats = await primary.command("INFO", "stats");
    expect(stats).toContain(`sync_full:1\r\nsync_partial_ok:${sync.breaks}\r\n`);
    expect(await snapshotHead(primary)).toMatch(sync.head);
  });
});

/** The line before the snapshot that another replica is sent. */
async function snapshotHead(primary: ServerProcess): Promise<string> {
  const replica = connect(primary.port, primary.host);
  replica.write(encodeCommand(["REPLCONF", "capa", "eof", "capa", "psync2"]));
  let text = "";
  for await (const chunk of replica) {
    // Redis refuses a sync to who has replies on their way.
    if (text === "") replica.write(encodeCommand(["PSYNC", "?", "-1"]));
    text += (chunk as Buffer).toString("latin1");
    const head = /\+FULLRESYNC [^\n]+\n\n*(\$[^\r]+)\r\n/.exec(text)?.[1];
    if (head !== undefined) return head;
  }
  throw new Error(`No snapshot came: ${text}`);
}

async function isUp(replica: ServerProcess): Promise<boolean> {
  return (await replica.command("INFO", "replication")).includes("master_link_status:up");
}

async function partialSyncs(primary: ServerProcess): Promise<number> {
  return Number(/sync_partial_ok:(\d+)/.exec(await primary.command("INFO", "stats"))?.[1]);
}

async function digest(server: ServerProcess): Promise<string> {
  return server.command("DEBUG", "DIGEST");
}
