/** MULTI, EXEC, DISCARD and WATCH against redis-server, with one, two and three clients. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { ORDER_NORMALISERS } from "../testing/reply-order.ts";
import { Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const CLIENTS = 3;

describe.runIf(hasReferenceServer)("transactions beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({
      ports: pair.ports,
      steps: [{ args: ["DEBUG", "SET-ACTIVE-EXPIRE", "0"] }, ...steps],
      normalisers: [...KNOWN_DIFFERENCES, ...ORDER_NORMALISERS],
      seed,
    });

  /** Lines of words; a leading digit is the client. */
  const steps = (...lines: string[]): Step[] =>
    lines.map((line) => ({ client: Number(line[0]), args: line.slice(2).split(" ") }));

  test("queueing: replies, nesting, errors that abort and errors that do not", async () => {
    const script = steps(
      ...["0 EXEC", "0 DISCARD", "0 MULTI x", "0 MULTI", "0 MULTI", "0 SET a 1", "0 INCR a", "0 EXEC", "0 GET a"],
      ...["0 MULTI", "0 SET a x", "0 INCR a", "0 LPUSH a y", "0 GET a", "0 EXEC", "0 EXEC"],
      ...["0 MULTI", "0 GET", "0 EXEC", "0 MULTI", "0 NOSUCH a b", "0 SET a 2", "0 EXEC", "0 GET a"],
      ...["0 MULTI", "0 WATCH a", "0 EXEC", "0 MULTI", "0 UNWATCH", "0 EXEC", "0 MULTI", "0 DISCARD", "0 DISCARD"],
      ...[
        "0 MULTI",
        "0 DISCARD x",
        "0 EXEC",
        "0 MULTI",
        "0 EXEC x",
        "0 EXEC",
        "0 MULTI",
        "0 PING",
        "0 ECHO hi",
        "0 EXEC",
      ],
      ...["0 MULTI", "0 SELECT 1", "0 SET b 1", "0 DBSIZE", "0 EXEC", "0 DBSIZE", "0 GET b", "0 SELECT 0", "0 GET b"],
      ...[
        "0 MULTI",
        "0 CONFIG NOSUCH",
        "0 EXEC",
        "0 MULTI",
        "0 CONFIG",
        "0 EXEC",
        "0 MULTI",
        "0 OBJECT ENCODING a",
        "0 EXEC",
      ],
      ...[
        "0 MULTI",
        "0 KEYS *",
        "0 FLUSHALL",
        "0 KEYS *",
        "0 EXEC",
        "0 MULTI",
        "0 EXEC",
        "0 MULTI",
        "0 RESET",
        "0 EXEC",
      ],
      ...["0 MULTI", "0 MSET a 1 b", "0 EXEC", "0 MULTI", "0 SUBSCRIBE ch", "0 EXEC", "0 UNSUBSCRIBE", "0 PING"],
      ...["1 MULTI", "1 SET a 1", "0 GET a", "1 QUIT", "0 GET a"],
    );
    expect(await compare(script)).toBe(script.length + 1);
  });

  test("a watched key that changes in any way makes EXEC give nil, in RESP2 and RESP3", async () => {
    const changes = [
      ...[
        "SET a 2",
        "SET b 1",
        "DEL a",
        "UNLINK a",
        "APPEND a x",
        "EXPIRE a 100",
        "PERSIST a",
        "RENAME a c",
        "RENAME c a",
      ],
      ...["COPY c a REPLACE", "MOVE a 1", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "INCR a", "GETDEL a", "GETEX a EX 100"],
      ...[
        "GETEX a",
        "SETRANGE a 0 z",
        "SETRANGE a 0",
        "TOUCH a",
        "GET a",
        "OBJECT ENCODING a",
        "MSET a 1 b 2",
        "SETNX a 1",
      ],
      ...[
        "MSETNX a 1 b 1",
        "RPUSH a x",
        "SADD a x",
        "SET a 1 NX",
        "SET a 1 XX",
        "PEXPIREAT a 1",
        "EXPIRE a -1",
        "DEL none",
      ],
    ];
    const script: Step[] = [];
    for (const hello of ["HELLO 2", "HELLO 3"]) {
      for (const change of changes) {
        for (const by of [0, 1]) {
          for (const before of ["SET a 1", "SET a 1 EX 1000", "DEL a"]) {
            script.push(
              ...steps("2 FLUSHALL", "2 SET c c", `2 ${before}`, `0 ${hello}`, "0 WATCH a", `${by} ${change}`),
            );
            script.push(...steps("0 MULTI", "0 PING", "0 EXEC", "0 MULTI", "0 PING", "0 EXEC"));
          }
        }
      }
    }
    expect(await compare(script)).toBe(script.length + 1);
  });

  test("watching a key that has expired, or that expires meanwhile", async () => {
    const script = steps(
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "0 GET a", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "1 GET a", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "1 SET a 2", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "1 DEL a", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1 PXAT 1000", "0 WATCH a", "1 FLUSHALL", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1", "0 WATCH a", "1 SET a 1 PXAT 1000", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1", "0 WATCH a", "1 PEXPIREAT a 1000", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1", "0 WATCH a a a b", "0 UNWATCH", "1 SET a 2", "0 MULTI", "0 PING", "0 EXEC"],
      ...["0 SET a 1", "0 WATCH a", "0 MULTI", "0 DISCARD", "1 SET a 2", "0 MULTI", "0 PING", "0 EXEC"],
      ...[
        "0 WATCH a",
        "1 SELECT 1",
        "1 SET a 2",
        "0 MULTI",
        "0 PING",
        "0 EXEC",
        "1 WATCH a",
        "0 SET a 2",
        "1 MULTI",
        "1 EXEC",
      ],
      ...["1 WATCH a", "0 SELECT 1", "0 SET a 2", "1 MULTI", "1 PING", "1 EXEC"],
    );
    expect(await compare(script)).toBe(script.length + 1);
  });

  test.each([31, 32, 33])("random interleavings of three clients agree (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const random = Array.from({ length: 3000 }, () => ({
      client: script.random.below(CLIENTS),
      args: randomStep(script),
    }));
    expect(await compare(random, seed)).toBe(random.length + 1);
  });
});

function randomStep(script: Script): Word[] {
  const key = script.pick(["a", "b", "c"]);
  const other = script.pick(["a", "b", "c"]);
  const commands: (() => Word[])[] = [
    () => ["MULTI"],
    () => ["EXEC"],
    () => ["EXEC"],
    () => (script.once(3) ? ["DISCARD"] : ["WATCH", key, other]),
    () => ["WATCH", key],
    () => (script.once(4) ? ["UNWATCH"] : ["GET", other]),
    () => ["SET", key, script.pick(["1", "x"])],
    () => ["SET", key, "v", "PXAT", script.pick(["1000", "4000000000000"])],
    () => ["INCR", key],
    () => ["DEL", key],
    () => ["LPUSH", key, "x"],
    () => ["LRANGE", key, "0", "-1"],
    () => ["RENAME", key, other],
    () => ["GET", key],
    () => (script.once(8) ? ["NOSUCH"] : ["MGET", key, other]),
    () => (script.once(8) ? ["GET"] : ["EXISTS", key]),
    () => (script.once(8) ? ["FLUSHALL"] : ["DBSIZE"]),
    () => (script.once(4) ? ["SELECT", script.pick(["0", "1"])] : ["TYPE", key]),
    () => (script.once(8) ? ["SWAPDB", "0", "1"] : ["PEXPIREAT", key, script.pick(["1000", "4000000000000"])]),
    () => (script.once(8) ? ["RESET"] : ["PING"]),
  ];
  return script.pick(commands)();
}
