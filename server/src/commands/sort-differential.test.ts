/** SORT and SORT_RO against redis-server: orders, ties, patterns, what is stored, every error. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer, startReferenceServer } from "../testing/reference-server.ts";
import { FLOATS, NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const PATTERNS: readonly Word[] = [
  ...["w_*", "h_*->f", "h_*->missing", "*", "#", "nosort", "h_*->", "h_*->f->g", "->*", "w_*x", "w_**", "", "n_*"],
  ...["h_*-f", "str*", Buffer.from("w_*\0x"), Buffer.from("\0*")],
];
const TEXTS: readonly Word[] = [
  ...["a", "b", "B", "abc", "", "10", "9", "-1", "z", "ä", "x".repeat(80)],
  ...[Buffer.from("a\0b"), Buffer.from("a\0a"), Buffer.from([255, 1]), Buffer.from([0])],
];
/** After one of these every later number that is no integer is refused there too, because errno is not reset. */
const OUT_OF_RANGE = ["1e5000", "5.0e-324"];
const ODD_NUMBERS: readonly Word[] = [
  ...FLOATS.filter((n) => !OUT_OF_RANGE.includes(n)),
  ...NUMBERS,
  " 5",
  "\t-3",
  "  ",
  Buffer.from("4\0x"),
  Buffer.from("\0"),
];

describe.runIf(hasReferenceServer)("SORT beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES, seed });

  test.each([
    [61, "2"],
    [62, "3"],
    [63, "2"],
  ])("random scripts agree (seed %i, RESP%s)", async (fallback, protocol) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["HELLO", protocol] }, ...populate(script)];
    for (let i = 0; i < 4000; i++) steps.push({ args: randomStep(script) });
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("numbers are read as C reads them, and every fault has the same words", async () => {
    const steps: Step[] = [{ args: ["RPUSH", "l", "3", "1", "2"] }, { args: ["SET", "s", "x"] }];
    for (const number of ODD_NUMBERS) {
      steps.push({ args: ["DEL", "n"] }, { args: ["RPUSH", "n", "1", number, "0", number] }, { args: ["SORT", "n"] });
      steps.push({ args: ["SET", "w_1", number] }, { args: ["SORT", "l", "BY", "w_*", "GET", "w_*", "GET", "#"] });
      steps.push({ args: ["SORT", "n", "STORE", "d"] }, { args: ["LRANGE", "d", "0", "-1"] });
      steps.push({ args: ["SORT", "l", "LIMIT", number, "2"] }, { args: ["SORT", "l", "LIMIT", "1", number] });
    }
    const faults: Word[][] = [
      ...[["LIMIT"], ["LIMIT", "1"], ["BY"], ["GET"], ["STORE"], ["BAD"], ["ASC", "BAD"], ["LIMIT", "a", "b", "BAD"]],
      ...[
        ["STORE", "d", "BAD"],
        ["BY", "w_*", "GET", "LIMIT"],
        ["limit", "0", "1", "Desc", "alpha"],
      ],
    ];
    for (const key of ["l", "s", "none"]) {
      for (const words of faults) steps.push({ args: ["SORT", key, ...words] }, { args: ["SORT_RO", key, ...words] });
    }
    steps.push({ args: ["SET", "d", "x"] }, { args: ["SORT", "none", "STORE", "d"] }, { args: ["EXISTS", "d"] });
    for (const number of OUT_OF_RANGE) {
      steps.push({ args: ["DEL", "n"] }, { args: ["RPUSH", "n", number, "0"] }, { args: ["SORT", "n"] });
    }
    steps.push({ args: ["COMMAND", "GETKEYS", "SORT", "l", "BY", "store", "STORE", "x"] });
    expect(await compare(steps)).toBe(steps.length);
  });
});

test.runIf(hasReferenceServer)(
  "SORT with patterns is refused in cluster mode in the same words",
  async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "kv-sort-"));
    const [ours, reference] = await Promise.all([
      startOwnServer("--cluster-enabled", "yes", "--cluster-node-timeout", "500"),
      startReferenceServer("--cluster-enabled", "yes", "--cluster-node-timeout", "500", "--dir", directory),
    ]);
    const ports = { ours: ours.port, reference: reference.port };
    const steps = [
      ["SORT", "l", "BY", "w_*"],
      ["SORT", "l", "GET", "#"],
      ["SORT_RO", "l", "BY", "nosort", "GET", "x"],
      ["SORT", "l", "BY", "nosort", "GET"],
    ].map((args) => ({ args }));
    try {
      // Without slots, only what is refused before keys are routed could be compared: so each serves all of them.
      await compareServers({ ports, steps: [{ args: ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"] }] });
      await expect.poll(() => isServing(ports), { timeout: 10_000 }).toBe(true);
      expect(await compareServers({ ports, steps })).toBe(steps.length);
    } finally {
      await Promise.all([ours.stop(), reference.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  },
  20_000,
);

async function isServing(ports: ServerPair["ports"]): Promise<boolean> {
  const replies = await Promise.all(
    [ports.ours, ports.reference].map(async (port) => {
      const client = await RawClient.connect(port);
      const reply = await client.text("CLUSTER", "INFO");
      client.close();
      return reply;
    }),
  );
  return replies.every((reply) => reply.includes("cluster_state:ok"));
}

/** Lists with many ties, sets of numbers (in order in both servers), sorted sets, and the keys of the patterns. */
function populate(script: Script): Step[] {
  const steps: Word[][] = [["SET", "str", "x"]];
  for (let k = 0; k < 120; k++) {
    steps.push(["RPUSH", "long", String(script.random.below(30))], ["RPUSH", "texts", script.pick(TEXTS)]);
    steps.push(["SADD", "numbers", String(script.random.below(1000))]);
    steps.push(["ZADD", "scored", String(script.random.below(20)), String(script.random.below(300))]);
  }
  for (let k = 0; k < 30; k++) {
    if (script.once(6)) continue;
    steps.push(["SET", `w_${k}`, String(script.random.below(6))], ["SET", `n_${k}`, script.pick(TEXTS)]);
    steps.push(["HSET", `h_${k}`, "f", String(script.random.below(100) / 4), "f->g", "x"]);
  }
  for (const text of ["a", "b", "abc", "z"]) steps.push(["SET", `w_${text}`, String(script.random.below(5))]);
  return steps.map((args) => ({ args }));
}

function randomStep(script: Script): Word[] {
  const key = script.pick(["long", "long", "texts", "numbers", "scored", "short", "d", "none", "str"]);
  const isSet = key === "numbers" || key === "scored";
  const options: (() => Word[])[] = [
    () => [script.pick(["ASC", "DESC", "desc"])],
    () => ["LIMIT", String(script.random.below(40) - 4), String(script.random.below(60) - 4)],
    () => ["GET", script.pick(PATTERNS)],
    () => ["GET", "#"],
    () => (script.once(2) ? ["ALPHA"] : []),
    // Equal texts of sets stay in the order of the table, which is each server's own.
    () => (isSet ? ["BY", "nosort"] : ["BY", script.pick(PATTERNS)]),
  ];
  const chosen = script.some(options, 5).flatMap((option) => option());
  const commands: (() => Word[])[] = [
    () => ["SORT", key, ...chosen],
    () => ["SORT", key, "ALPHA", ...chosen],
    () => ["SORT_RO", key, ...chosen],
    () => ["SORT", key, ...chosen, "STORE", "d"],
    () => ["LRANGE", "d", "0", "-1"],
    () => ["TYPE", "d"],
    () => ["RPUSH", "short", script.pick(TEXTS)],
    () => ["LPOP", "short"],
    () => ["RPUSH", "long", String(script.random.below(50))],
    () => ["LPOP", "long"],
  ];
  return script.pick(commands)();
}
