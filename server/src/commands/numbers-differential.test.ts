/** Floating-point numbers of random bits against redis-server: what is read, what comes of sums, and every digit that is written. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const NUMBERS_EACH = 1500;

describe.runIf(hasReferenceServer)("floating-point numbers beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each([
    [81, "2"],
    [82, "3"],
  ])("random numbers agree in every digit (seed %i, RESP%s)", async (fallback, protocol) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["HELLO", protocol] }];
    for (let i = 0; i < NUMBERS_EACH; i++) {
      const first = randomNumber(script);
      const second = script.once(3) ? negated(first, script) : randomNumber(script);
      steps.push({ args: ["SET", "s", first] }, { args: ["INCRBYFLOAT", "s", second] }, { args: ["GET", "s"] });
      steps.push({ args: ["HSET", "h", "f", first] }, { args: ["HINCRBYFLOAT", "h", "f", second] });
      steps.push({ args: ["HGET", "h", "f"] }, { args: ["ZADD", "z", first, "m"] }, { args: ["ZSCORE", "z", "m"] });
      steps.push({ args: ["ZINCRBY", "z", second, "m"] }, { args: ["ZADD", "z", "INCR", first, "m"] });
      steps.push({ args: ["ZRANGE", "z", "0", "-1", "WITHSCORES"] }, { args: ["ZCOUNT", "z", first, `(${second}`] });
      if (script.once(3)) steps.push({ args: ["DEL", "s", "h", "z"] });
    }
    const done = await compareServers({ ports: pair.ports, steps, seed, normalisers: KNOWN_DIFFERENCES });
    expect(done).toBe(steps.length);
  });
});

/** Any double, or the text of one with more or fewer digits than it needs. */
function randomNumber(script: Script): string {
  const bits = Buffer.alloc(8);
  for (let i = 0; i < 8; i++) bits[i] = script.random.below(256);
  const whole = script.random.below(1_000_000) - 500_000;
  const any = bits.readDoubleLE();
  switch (script.random.below(9)) {
    case 0:
      return String(whole);
    case 1:
      return (whole / 10 ** script.random.below(12)).toString();
    case 2:
      return (whole * 10 ** script.random.below(16)).toString();
    case 3:
      return `${whole}.${Array.from({ length: 1 + script.random.below(25) }, () => script.random.below(10)).join("")}`;
    case 4:
      return `${script.random.below(10)}e${script.random.below(44) - 22}`;
    case 5: {
      const magnitude = 2 ** (script.random.below(140) - 70);
      return String(magnitude * (1 + script.random.below(1000) / 1024));
    }
    case 6:
      return bits.readBigInt64LE().toString();
    case 7:
      return Number.isFinite(any) ? any.toPrecision(1 + script.random.below(21)) : "inf";
    default:
      return String(any);
  }
}

/** The same number with the other sign, so that almost everything cancels out. */
function negated(text: string, script: Script): string {
  const other = text.startsWith("-") ? text.slice(1) : `-${text}`;
  return script.once(2)
    ? other
    : `${other}${other.includes(".") && !other.includes("e") ? script.random.below(1000) : ""}`;
}
