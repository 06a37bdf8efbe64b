/** Latency under a steady load: 5 M keys, 20 thousand commands a second, four reads to a write. */

import { connect, encode, sendAll } from "../load.ts";
import { probeDuring } from "../probing.ts";
import { type MeasuredServer, startKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const KEYS = 5_000_000;
const COMMANDS_A_SECOND = 20_000;
const SECONDS = 20;
const TICK_MS = 2;
const VALUE = "x".repeat(32);
const STEP = 7_368_787;

export const mixedLatency: Workload = {
  name: "mixed",
  about: "20 k commands/s over 5 M keys: p99.9",
  async run(report) {
    const redis = await p999Ms(await startRedis());
    const ours = await p999Ms(await startKvServer());
    report({
      ...{ workload: "mixed load of 20 k/s, 5 M keys", measure: "p99.9", unit: "ms", isRatio: true },
      ...{ must: 1.2, aim: 1, redis, ours },
    });
  },
};

const key = (index: number): string => `key:${String(index % KEYS).padStart(12, "0")}`;

async function p999Ms(server: MeasuredServer): Promise<number> {
  try {
    await sendAll(server.port, KEYS, (index) => encode("SET", key(index), VALUE));
    const { p999Ms: found } = await probeDuring(server.port, () => steadyLoad(server.port));
    return found;
  } finally {
    server.stop();
  }
}

/** Sends by the clock, whether or not the server keeps up. */
async function steadyLoad(port: number): Promise<void> {
  const socket = await connect(port);
  socket.resume();
  const begin = performance.now();
  let sent = 0;
  let at = 0;
  while (performance.now() - begin < SECONDS * 1000) {
    const due = ((performance.now() - begin) * COMMANDS_A_SECOND) / 1000;
    let text = "";
    for (; sent < due; sent++) {
      at = (at + STEP) % KEYS;
      text += sent % 5 === 0 ? encode("SET", key(at), VALUE) : encode("GET", key(at));
    }
    socket.write(text, "latin1");
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  socket.destroy();
}
