/** What full syncs of a large data set cost in memory, however slowly they are taken. */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import { ServerProcess } from "../testing/server-process.ts";

const MIB = 1 << 20;
const VALUE_BYTES = 100_000;
const KEYS = 2000;
/** Of 200 MB of data: chunks on their way, what its client has not read, code that ran for the first time. */
const MOST_GROWTH_BYTES = 80 * MIB;
const WATCHED_MS = 1500;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kilobytes) * 1024;
}

/** How the server's memory grew at most since the call, looked at ten times a second. */
function watchGrowth(pid: number): () => number {
  const before = residentBytes(pid);
  let most = before;
  const look = (): void => {
    most = Math.max(most, residentBytes(pid));
  };
  const timer = setInterval(look, 100);
  stops.push(() => clearInterval(timer));
  return () => {
    look();
    return most - before;
  };
}

describe("a full sync by a file", { timeout: 120_000 }, () => {
  test("keeps next to nothing in memory for a replica that asks by SYNC and reads slowly", async () => {
    const server = await ServerProcess.start("ours", ["--rdbcompression", "no", "--repl-diskless-sync-delay", "0"]);
    stops.push(() => server.stop());
    const client = await ReferenceClient.connect(server.port);
    stops.push(() => client.close());
    const value = Buffer.alloc(VALUE_BYTES, "v");
    for (let k = 0; k < KEYS; k += 100) {
      await client.send(Array.from({ length: 100 }, (_, n) => ["SET", `key:${k + n}`, value]));
    }
    const pid = Number(/process_id:(\d+)/.exec(await server.command("INFO", "server"))?.[1]);
    const growth = watchGrowth(pid);
    const replica = connect(server.port, "127.0.0.1");
    stops.push(() => replica.destroy());
    replica.pause();
    replica.write("SYNC\r\n");
    await eventually("the snapshot is made", async () => {
      return (await server.command("INFO", "replication")).includes("state=send_bulk");
    });
    // It reads nothing all the while, and every value it is to get is overwritten by a smaller one.
    await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
    await client.send(Array.from({ length: KEYS }, (_, k) => ["SET", `key:${k}`, "small"]));
    const last = encodeCommand(["SET", `key:${KEYS - 1}`, "small"]);
    let read = 0;
    let head = "";
    let tail = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
      replica.on("close", () => reject(new Error(`Closed after ${read} bytes`)));
      replica.on("data", (chunk: Buffer) => {
        if (read < 100) head += chunk.toString("latin1", 0, 100);
        read += chunk.length;
        tail = Buffer.concat([tail, chunk]).subarray(-10 * last.length);
        if (tail.includes(last)) resolve();
      });
      replica.resume();
    });
    const [, breaks = "", length] = /^(\n*)\$(\d+)\r\nREDIS/.exec(head) ?? [];
    expect(Number(length)).toBeGreaterThan(KEYS * VALUE_BYTES);
    expect(read).toBeGreaterThan(Number(length) + breaks.length + KEYS * "SET".length);
    expect(read).toBeLessThan(Number(length) + breaks.length + KEYS * 100);
    expect(growth()).toBeLessThan(MOST_GROWTH_BYTES);
  });
});
