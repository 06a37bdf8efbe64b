/** What INFO tells of replication, by a replica while it takes its snapshot and by both sides after, beside redis-server. */

import { createServer, type Socket } from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerKind, ServerProcess } from "../testing/server-process.ts";

const KINDS: readonly ServerKind[] = ["redis-server", "ours"];
const ID = "a".repeat(40);
const TOTAL_BYTES = 10_000;
const FIRST_BYTES = 2500;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(kind: ServerKind, ...directives: string[]): Promise<ServerProcess> {
  const server = await ServerProcess.start(kind, directives);
  closing.push(() => server.stop());
  return server;
}

async function infoOf(server: ServerProcess, section: string): Promise<Map<string, string>> {
  const lines = (await server.command("INFO", section)).split("\r\n").filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** A primary that answers the handshake and sends as much of a snapshot as it is told to. */
async function startPrimary(head: string): Promise<{ port: number; send(bytes: number): void }> {
  let socket: Socket | undefined;
  const server = createServer((opened) => {
    socket = opened;
    opened.on("error", () => undefined);
    const decoder = new RespDecoder();
    opened.on("data", (chunk: Buffer) => {
      decoder.push(chunk);
      for (let command = decoder.next(); command !== undefined; command = decoder.next()) {
        const isSync = String((command as Buffer[])[0]).toUpperCase() === "PSYNC";
        opened.write(isSync ? `+FULLRESYNC ${ID} 1\r\n${head}\r\n${"x".repeat(FIRST_BYTES)}` : "+OK\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    socket?.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port was bound");
  return { port: address.port, send: (bytes) => void socket?.write("x".repeat(bytes)) };
}

/** Names in their order, and the values of those that tell of the transfer, but for one that counts seconds. */
async function transferOf(replica: ServerProcess): Promise<{ names: string[]; values: Record<string, string> }> {
  const info = await infoOf(replica, "replication");
  const names = [...info.keys()].slice(0, [...info.keys()].indexOf("connected_slaves"));
  const told = [...info].filter(([name]) => /^master_(sync|link)_/.test(name) && !name.endsWith("_seconds_ago"));
  return { names, values: Object.fromEntries(told) };
}

describe.runIf(hasReferenceServer)("INFO of a replica that takes a snapshot", { timeout: 60_000 }, () => {
  test.each([
    { kind: "with a length", head: `$${TOTAL_BYTES}`, total: TOTAL_BYTES },
    { kind: "with an end mark", head: `$EOF:${"e".repeat(40)}`, total: 0 },
  ])("$kind says how far it is, as redis-server does", async ({ head, total }) => {
    const seen = [];
    for (const kind of KINDS) {
      const primary = await startPrimary(head);
      const replica = await start(kind, "--replicaof", "127.0.0.1", String(primary.port));
      await eventually("it takes a snapshot", async () => {
        const read = (await infoOf(replica, "replication")).get("master_sync_read_bytes");
        // What may be the beginning of an end mark is counted when it turns out not to be.
        return Number(read) > FIRST_BYTES - 40;
      });
      seen.push(await transferOf(replica));
    }
    const [theirs, ours] = seen;
    expect(ours?.names).toEqual(theirs?.names);
    expect(theirs?.values).toMatchObject({ master_sync_in_progress: "1", master_sync_total_bytes: String(total) });
    if (total > 0) {
      expect(ours?.values).toEqual(theirs?.values);
      expect(ours?.values.master_sync_perc).toBe("25.00");
    } else {
      const { master_sync_read_bytes: read, master_sync_left_bytes: left, ...others } = ours?.values ?? {};
      expect(theirs?.values).toMatchObject(others);
      expect(Number(left)).toBe(-Number(read));
    }
  });

  test("counts on, and tells for how long nothing has come", async () => {
    const primary = await startPrimary(`$${TOTAL_BYTES}`);
    const replica = await start("ours", "--replicaof", "127.0.0.1", String(primary.port));
    const numberOf = async (name: string): Promise<number> => Number((await infoOf(replica, "replication")).get(name));
    await eventually("it stands still", async () => (await numberOf("master_sync_last_io_seconds_ago")) >= 1);
    expect(await numberOf("master_sync_read_bytes")).toBe(FIRST_BYTES);
    primary.send(FIRST_BYTES);
    await eventually("it goes on", async () => (await numberOf("master_sync_perc")) === 50);
    expect(await numberOf("master_sync_last_io_seconds_ago")).toBeLessThanOrEqual(1);
  });

  test("that never reached its primary says so, and counts the seconds once it has lost it", async () => {
    for (const kind of KINDS) {
      const primary = await start(kind);
      const replica = await start(kind, "--replicaof", "127.0.0.1", "1");
      const down = async (): Promise<string | undefined> =>
        (await infoOf(replica, "replication")).get("master_link_down_since_seconds");
      expect(await down(), kind).toBe("-1");
      await replica.command("REPLICAOF", "127.0.0.1", String(primary.port));
      await eventually("it is up", async () => (await down()) === undefined);
      await primary.stop();
      await eventually("it counts", async () => Number(await down()) >= 1);
    }
  });
});

describe.runIf(hasReferenceServer)("INFO stats", { timeout: 60_000 }, () => {
  const BYTES = 3_000_000;

  test.each(KINDS)("with %s at the other side, both directions count snapshot and stream", async (other) => {
    for (const [primaryKind, replicaKind] of [
      ["ours", other],
      [other, "ours"],
    ] as const) {
      const primary = await start(primaryKind, "--repl-diskless-sync-delay", "0", "--rdbcompression", "no");
      const replica = await start(replicaKind);
      await primary.command("SETRANGE", "before", String(BYTES), "x");
      await replica.command("REPLICAOF", "127.0.0.1", String(primary.port));
      await eventually("it follows", async () => {
        return (await infoOf(replica, "replication")).get("master_link_status") === "up";
      });
      await primary.command("SET", "after", "y".repeat(100_000));
      for (const [server, direction] of [
        [primary, "output"],
        [replica, "input"],
      ] as const) {
        const bytes = async (): Promise<number> =>
          Number((await infoOf(server, "stats")).get(`total_net_repl_${direction}_bytes`));
        await eventually(`${server.kind} has counted all`, async () => (await bytes()) > BYTES + 100_000);
        expect(await bytes()).toBeLessThan(BYTES + 110_000);
        const stats = await infoOf(server, "stats");
        expect(Number(stats.get(`total_net_${direction}_bytes`))).toBeGreaterThan(BYTES + 100_000);
        // An average of the last 1.6 s, in which that came.
        await eventually("it is in the rate", async () => {
          return Number((await infoOf(server, "stats")).get(`instantaneous_${direction}_repl_kbps`)) > 10;
        });
      }
    }
  });
});
