/** The longest wait while large values are deleted: 10 M-member set and sorted set, a string of 512 MB. */

import { ask, encode, info, sendAll } from "../load.ts";
import { type Stall, stallDuring, stallRows } from "../probing.ts";
import { type MeasuredServer, startMeteredKvServer, startRedis } from "../processes.ts";
import type { Workload } from "./workload.ts";

const MEMBERS = 10_000_000;
const MEMBERS_A_COMMAND = 10;
const STRING_BYTES = 512 * 1024 * 1024;
const SETTLE_MS = 20_000;

interface LargeValue {
  readonly name: string;
  readonly fill: (port: number) => Promise<void>;
}

function members(first: number, withScores: boolean): (string | number)[] {
  const args: (string | number)[] = [];
  for (let index = first; index < first + MEMBERS_A_COMMAND; index++) {
    if (withScores) args.push((index * 7919) % MEMBERS);
    args.push(`element:${index}`);
  }
  return args;
}

const VALUES: readonly LargeValue[] = [
  {
    name: "DEL of a set of 10 M",
    fill: (port) =>
      sendAll(port, MEMBERS / MEMBERS_A_COMMAND, (index) =>
        encode("SADD", "key", ...members(index * MEMBERS_A_COMMAND, false)),
      ),
  },
  {
    name: "DEL of a sorted set of 10 M",
    fill: (port) =>
      sendAll(port, MEMBERS / MEMBERS_A_COMMAND, (index) =>
        encode("ZADD", "key", ...members(index * MEMBERS_A_COMMAND, true)),
      ),
  },
  {
    name: "DEL of a string of 512 MB",
    fill: async (port) => {
      await ask(port, "SETRANGE", "key", STRING_BYTES - 1, "x");
    },
  },
];

export const deleteStall: Workload = {
  name: "delete",
  about: "DEL of values of 10 M members and of 512 MB: the longest stall",
  async run(report) {
    for (const value of VALUES) {
      const redis = await stallOf(await startRedis(), value);
      const ours = await stallOf(await startMeteredKvServer(), value);
      for (const row of stallRows(value.name, redis, ours)) report(row);
    }
  },
};

async function stallOf(server: MeasuredServer, { fill }: LargeValue): Promise<Stall> {
  try {
    await fill(server.port);
    return await stallDuring(server, async () => {
      await ask(server.port, "DEL", "key");
      await untilFreed(server.port);
    });
  } finally {
    server.stop();
  }
}

async function untilFreed(port: number): Promise<void> {
  const end = Date.now() + SETTLE_MS;
  do await new Promise((resolve) => setTimeout(resolve, 200));
  while (Date.now() < end && (await info(port, "lazyfree_pending_objects")) > 0);
}
