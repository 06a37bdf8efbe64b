/** WATCH beside redis-server: which commands on whole keys break a transaction, and which leave it alone. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import type { Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

/** The payload of the string 10. */
const TEN = Buffer.from("00c00a0a006e9f57450eae63bb", "hex");
const SETUP: readonly Word[][] = [
  ...[["FLUSHALL"], ["SET", "s", "v"], ["SET", "t", "v", "EX", "1000"], ["RPUSH", "l", "3", "1", "2"]],
  ...[
    ["HSET", "h", "f", "v"],
    ["ZADD", "z", "1", "m"],
    ["GEOADD", "g", "1", "1", "m"],
  ],
  ...[
    ["SELECT", "1"],
    ["SET", "other", "v"],
    ["SELECT", "0"],
  ],
];
const KEYS: readonly string[] = ["s", "t", "l", "h", "z", "g", "none", "other"];
const COMMANDS: readonly Word[][] = [
  ...[
    ["COPY", "s", "none"],
    ["COPY", "s", "t"],
    ["COPY", "s", "t", "REPLACE"],
    ["COPY", "s", "none", "DB", "1"],
  ],
  ...[
    ["COPY", "none", "s", "REPLACE"],
    ["MOVE", "s", "1"],
    ["MOVE", "none", "1"],
    ["MOVE", "other", "1"],
  ],
  ...[
    ["RENAME", "s", "t"],
    ["RENAME", "s", "none"],
    ["RENAMENX", "s", "t"],
    ["RENAME", "s", "s"],
    ["RENAMENX", "s", "none"],
  ],
  ...[["SWAPDB", "0", "1"], ["SWAPDB", "1", "2"], ["SWAPDB", "0", "0"], ["FLUSHDB"], ["FLUSHALL"]],
  ...[
    ["RESTORE", "s", "0", TEN],
    ["RESTORE", "s", "0", TEN, "REPLACE"],
    ["RESTORE", "none", "0", TEN],
  ],
  ...[
    ["RESTORE", "s", "1", TEN, "REPLACE", "ABSTTL"],
    ["RESTORE", "none", "1", TEN, "ABSTTL"],
  ],
  ...[
    ["SORT", "l"],
    ["SORT", "l", "STORE", "none"],
    ["SORT", "none", "STORE", "s"],
    ["SORT", "none", "STORE", "none"],
  ],
  ...[
    ["GEOADD", "g", "1", "1", "m"],
    ["GEOADD", "g", "2", "2", "m"],
    ["GEOADD", "none", "XX", "2", "2", "m"],
  ],
  ...[
    ["GEOSEARCHSTORE", "none", "g", "FROMMEMBER", "m", "BYRADIUS", "1", "km"],
    ["GEORADIUS", "g", "9", "9", "1", "m", "STORE", "s"],
  ],
  ...[
    ["EXPIRE", "s", "100"],
    ["EXPIRE", "none", "100"],
    ["EXPIRE", "s", "-1"],
    ["PERSIST", "t"],
    ["PERSIST", "s"],
  ],
  ...[
    ["TOUCH", "s"],
    ["OBJECT", "ENCODING", "s"],
    ["DUMP", "s"],
    ["DEL", "none"],
    ["UNLINK", "s"],
    ["EXPIRE", "s", "100", "XX"],
  ],
];

describe.runIf(hasReferenceServer)("WATCH beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair("--rdbcompression", "no");
  });
  afterAll(() => pair.stop());

  test.each(KEYS)("the same commands break a transaction that watches %s", async (key) => {
    const steps: Step[] = [];
    for (const args of COMMANDS) {
      for (const setup of SETUP) steps.push({ client: 1, args: setup });
      steps.push(
        { args: ["WATCH", key] },
        { client: 1, args },
        { args: ["MULTI"] },
        { args: ["PING"] },
        { args: ["EXEC"] },
      );
    }
    expect(await compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES })).toBe(steps.length);
  });
});
