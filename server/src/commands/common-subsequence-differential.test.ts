/** LCS against redis-server: which of several longest subsequences, its ranges, and every error. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { NUMBERS, Script, VALUES, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const KEYS = ["a", "b", "c", "none", "list"];
const OPTIONS: readonly Word[][] = [
  ...[
    ["LEN"],
    ["IDX"],
    ["idx", "WITHMATCHLEN"],
    ["IDX", "MINMATCHLEN", "2"],
    ["MINMATCHLEN", "4", "IDX", "withmatchlen"],
  ],
  ...[["WITHMATCHLEN"], ["LEN", "WITHMATCHLEN"], [], ["LEN", "IDX"], ["BAD"], ["MINMATCHLEN"], [""]],
];

describe.runIf(hasReferenceServer)("LCS beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each([
    [71, "2"],
    [72, "3"],
  ])("random strings agree (seed %i, RESP%s)", async (fallback, protocol) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["HELLO", protocol] }, { args: ["RPUSH", "list", "x"] }];
    for (let i = 0; i < 1500; i++) {
      const value = script.once(6) ? script.pick(VALUES) : randomLetters(script);
      steps.push({ args: ["SET", script.pick(KEYS.slice(0, 3)), value] });
      const minimum = script.once(8) ? ["MINMATCHLEN", script.pick(NUMBERS)] : [];
      steps.push({ args: ["LCS", script.pick(KEYS), script.pick(KEYS), ...script.pick(OPTIONS), ...minimum] });
    }
    expect(await compareServers({ ports: pair.ports, steps, seed, normalisers: KNOWN_DIFFERENCES })).toBe(steps.length);
  });

  test("what would take too much memory is refused", async () => {
    const steps: Step[] = [{ args: ["CONFIG", "SET", "proto-max-bulk-len", "1048576"] }];
    for (const [left, right] of [
      [511, 511],
      [512, 511],
      [511, 512],
      [0, 262143],
      [0, 262144],
    ] as const) {
      steps.push({ args: ["SET", "a", "x".repeat(left)] }, { args: ["SET", "b", "x".repeat(right)] });
      for (const tail of [[], ["LEN"], ["IDX"]]) steps.push({ args: ["LCS", "a", "b", ...tail] });
    }
    steps.push({ args: ["CONFIG", "SET", "proto-max-bulk-len", "512mb"] });
    expect(await compareServers({ ports: pair.ports, steps })).toBe(steps.length);
  });
});

function randomLetters(script: Script): string {
  const letters = script.pick(["ab", "abcd", "abcdefghijklmnop"]);
  return Array.from({ length: script.random.below(80) }, () => letters[script.random.below(letters.length)]).join("");
}
