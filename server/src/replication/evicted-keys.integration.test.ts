/** Keys that a primary evicts go from its replicas by a command in the stream, never by a decision of their own. */

import { connect } from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { type ServerKind, ServerProcess } from "../testing/server-process.ts";
import { PayloadReader } from "./payload-reader.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const KINDS: readonly ServerKind[] = ["ours", "redis-server"];
const LIMIT_BYTES = 16 << 20;
/** Three times what fits. */
const WRITTEN_BYTES = 3 * LIMIT_BYTES;
const VALUE_BYTES = 2000;
const BATCH = 200;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(kind: ServerKind, ...directives: string[]): Promise<ServerProcess> {
  const own = ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"];
  const server = await ServerProcess.start(kind, [...own, ...directives]);
  closing.push(() => server.stop());
  return server;
}

/** Values of several types, some of which expire; keys come again. */
function write(random: Random): (string | number)[] {
  const key = `${random.below(3) === 0 ? "v" : "k"}:${random.below((2 * WRITTEN_BYTES) / VALUE_BYTES)}`;
  const value = "x".repeat(random.below(2 * VALUE_BYTES));
  const kind = random.below(4);
  if (kind === 0) return ["HSET", `h${key}`, "field", value];
  if (kind === 1) return ["RPUSH", `l${key}`, value];
  return key.startsWith("v") ? ["SET", key, value, "PX", 600_000 + random.below(1000)] : ["SET", key, value];
}

async function statistic(server: ServerProcess, name: string): Promise<number> {
  return Number(new RegExp(`${name}:(\\d+)`).exec(await server.command("INFO", "stats"))?.[1]);
}

/** How often each command came in the stream to a replica that wants the length of its snapshot first. */
function countInStream(port: number): Map<string, number> {
  const counts = new Map<string, number>();
  const snapshot = new PayloadReader(() => undefined);
  const decoder = new RespDecoder();
  const replica = connect(port, "127.0.0.1");
  closing.push(() => replica.destroy());
  replica.write(encodeCommand(["SYNC"]));
  replica.on("data", (chunk: Buffer) => {
    decoder.push(snapshot.isDone ? chunk : snapshot.push(chunk));
    for (let command = decoder.next(); command !== undefined; command = decoder.next()) {
      const name = String((command as Buffer[])[0]);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  return counts;
}

const CELLS = KINDS.flatMap((primary) =>
  (["allkeys-lru", "volatile-lru", "allkeys-random"] as const).map((policy) => ({ primary, policy })),
);

describe.runIf(hasReferenceServer)(`Eviction, seed ${SEED}`, { timeout: 60_000 }, () => {
  test.each(CELLS)("by $primary with $policy: replicas of both kinds have equal digests", async (cell) => {
    const limits = ["--maxmemory", String(LIMIT_BYTES), "--maxmemory-policy", cell.policy];
    const primary = await start(cell.primary, ...limits);
    // With a limit of their own, which is not theirs to keep.
    const replicas = await Promise.all(KINDS.map((kind) => start(kind, ...limits)));
    for (const replica of replicas) {
      await replica.command("REPLICAOF", "127.0.0.1", String(primary.port));
      await eventually("it follows", async () => {
        return (await replica.command("INFO", "replication")).includes("master_link_status:up");
      });
    }
    const client = await ReferenceClient.connect(primary.port);
    closing.push(() => client.close());
    const random = createSeededRandom(SEED);
    for (let written = 0; written < WRITTEN_BYTES; written += BATCH * VALUE_BYTES) {
      // Where only some may go, others are refused.
      await client.send(Array.from({ length: BATCH }, () => write(random)));
      await client.send([["WAIT", replicas.length, 1000]]);
    }
    expect(await statistic(primary, "evicted_keys")).toBeGreaterThan(1000);
    for (const replica of replicas) {
      // A primary goes on evicting for a moment: what is compared is to be of one.
      await eventually(`${replica.kind} has what ${primary.kind} has`, async () => {
        const isSame = (await replica.command("DEBUG", "DIGEST")) === (await primary.command("DEBUG", "DIGEST"));
        return isSame && (await replica.command("DBSIZE")) === (await primary.command("DBSIZE"));
      });
      expect(await statistic(replica, "evicted_keys")).toBe(0);
    }
  });

  test.each([
    { lazy: "no", expected: "DEL" },
    { lazy: "yes", expected: "UNLINK" },
  ])("is told as $expected with lazyfree-lazy-eviction $lazy, by both kinds", async ({ lazy, expected }) => {
    for (const kind of KINDS) {
      const limits = ["--maxmemory", String(LIMIT_BYTES), "--maxmemory-policy", "allkeys-lru"];
      const primary = await start(kind, ...limits, "--lazyfree-lazy-eviction", lazy);
      const counts = countInStream(primary.port);
      await eventually("somebody follows", async () => {
        return (await primary.command("INFO", "replication")).includes("state=online");
      });
      const client = await ReferenceClient.connect(primary.port);
      closing.push(() => client.close());
      const value = "x".repeat(100_000);
      for (let k = 0; k < 300; k += 20) {
        await client.send(Array.from({ length: 20 }, (_, n) => ["SET", `key:${k + n}`, value]));
      }
      const other = expected === "DEL" ? "UNLINK" : "DEL";
      // What waits for its turn may go a moment later.
      await eventually(`${kind} has told of all`, async () => {
        const evicted = await statistic(primary, "evicted_keys");
        return evicted > 100 && counts.get(expected) === evicted;
      });
      expect(counts.get(other)).toBeUndefined();
    }
  });
});
