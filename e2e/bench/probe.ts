/**
 * Asks a server PING after PING on a connection of its own and keeps the times: the longest is how long the server was busy
 * with one command. A process of its own, so that the load in front does not delay it. Started with a port; at any line on
 * its standard input it prints what it has measured since the last, as JSON, and begins anew.
 */

import { performance } from "node:perf_hooks";
import { connect } from "./load.ts";

export interface ProbeResult {
  readonly count: number;
  readonly longestMs: number;
  readonly p999Ms: number;
}

const PING = "*1\r\n$4\r\nPING\r\n";
const PAUSE_MS = 0.2;
const INTERVALS_KEPT = 4_000_000;

async function main(): Promise<void> {
  const socket = await connect(Number(process.argv[2]));
  const times = new Float64Array(INTERVALS_KEPT);
  let count = 0;
  let sentAt = 0;
  const send = (): void => {
    sentAt = performance.now();
    socket.write(PING);
  };
  socket.on("data", () => {
    times[count++ % INTERVALS_KEPT] = performance.now() - sentAt;
    const again = (): void => {
      if (performance.now() - sentAt < PAUSE_MS) setImmediate(again);
      else send();
    };
    again();
  });
  process.stdin.on("data", () => {
    const sorted = times.slice(0, Math.min(count, INTERVALS_KEPT)).sort();
    const result: ProbeResult = {
      count: sorted.length,
      longestMs: sorted.at(-1) ?? 0,
      p999Ms: sorted[Math.floor(sorted.length * 0.999)] ?? 0,
    };
    count = 0;
    process.stdout.write(`${JSON.stringify(result)}\n`);
  });
  process.stdin.on("end", () => process.exit(0));
  send();
}

await main();
