/** HyperLogLogs against redis-server: counts, bytes, runs, and what becomes of values that were tampered with. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { Script, VALUES, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const KEYS = ["h1", "h2", "h3", "h4", "none", "str", "list"];
const HEADER = [0x48, 0x59, 0x4c, 0x4c];
const HEADER_BYTES = 16;
const DENSE_BYTES = 12304;

describe.runIf(hasReferenceServer)("HyperLogLogs beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({ ports: pair.ports, steps, normalisers: KNOWN_DIFFERENCES, seed });

  test.each([
    [61, "2", "3000"],
    [62, "3", "200"],
    [63, "2", "16000"],
    [64, "3", "0"],
  ])("random scripts agree (seed %i, RESP%s, hll-sparse-max-bytes %s)", async (fallback, protocol, longest) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["CONFIG", "SET", "hll-sparse-max-bytes", longest] }, { args: ["HELLO", protocol] }];
    steps.push({ args: ["SET", "str", "no"] }, { args: ["RPUSH", "list", "x"] });
    for (let i = 0; i < 1500; i++) steps.push({ args: randomStep(script) });
    steps.push({ args: ["CONFIG", "SET", "hll-sparse-max-bytes", "3000"] });
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("a growing one has the same bytes and the same count at every size", async () => {
    const script = new Script(seedOf(65));
    const steps: Step[] = [];
    for (let i = 0; i < 400; i++) {
      const size = 1 + script.random.below(i < 300 ? 20 : 2000);
      steps.push({ args: ["PFADD", "g", ...Array.from({ length: size }, () => randomElement(script))] });
      steps.push({ args: ["PFCOUNT", "g"] }, { args: ["GET", "g"] });
    }
    expect(await compare(steps)).toBe(steps.length);
  });

  test("tampered values are refused in the same words", async () => {
    const seed = seedOf(66);
    const script = new Script(seed);
    const steps: Step[] = [{ args: ["PFADD", "good", "a", "b"] }];
    for (let i = 0; i < 600; i++) {
      steps.push({ args: ["SET", "bad", tampered(script)] }, { args: ["PFCOUNT", "bad"] });
      steps.push({ args: ["PFADD", "bad", "x"] }, { args: ["PFDEBUG", "ENCODING", "bad"] });
      steps.push({ args: ["PFCOUNT", "good", "bad"] }, { args: ["PFDEBUG", "TODENSE", "bad"] });
      steps.push(
        { args: ["PFMERGE", "target", "bad", "good"] },
        { args: ["GET", "target"] },
        { args: ["DEL", "target"] },
      );
    }
    expect(await compare(steps, seed)).toBe(steps.length);
  });

  test("wrong types, keys that are not there, and PFDEBUG answer alike", async () => {
    const steps: Step[] = [
      { args: ["SET", "str", "no"] },
      { args: ["RPUSH", "list", "x"] },
      { args: ["SET", "n", "12345678901234567"] },
    ];
    steps.push({ args: ["PFSELFTEST"] }, { args: ["PFADD", "e"] }, { args: ["GET", "e"] }, { args: ["PFADD", "e"] });
    for (const key of ["str", "list", "n", "none", "e"]) {
      for (const name of ["GETREG", "decode", "Encoding", "todense", "ENCODING", "decode", "bad", ""]) {
        steps.push({ args: ["PFDEBUG", name, key] });
      }
      steps.push({ args: ["PFADD", key, "x"] }, { args: ["PFCOUNT", key] }, { args: ["PFCOUNT", "none", key] });
      steps.push({ args: ["PFMERGE", key] }, { args: ["PFMERGE", "made", key] }, { args: ["OBJECT", "ENCODING", key] });
      steps.push({ args: ["GET", "made"] }, { args: ["DEL", "made", "none"] });
    }
    expect(await compare(steps)).toBe(steps.length);
  });
});

function randomStep(script: Script): Word[] {
  const key = script.pick(KEYS);
  switch (script.random.below(10)) {
    case 0:
      return ["PFCOUNT", key, ...script.some(KEYS.slice(0, 5), 3)];
    case 1:
      return ["PFMERGE", key, ...script.some(KEYS.slice(0, 5), 3)];
    case 2:
      return script.once(2) ? ["GET", script.pick(KEYS.slice(0, 6))] : ["PFCOUNT", key];
    case 3:
      return ["PFDEBUG", script.pick(["DECODE", "ENCODING", "decode"]), key];
    case 4:
      return script.once(9) ? ["PFDEBUG", script.pick(["GETREG", "TODENSE"]), key] : ["OBJECT", "ENCODING", key];
    case 5:
      return script.once(8) ? ["DEL", key] : ["STRLEN", key];
    default: {
      const count = script.once(9) ? 300 : script.random.below(12);
      return ["PFADD", key, ...Array.from({ length: count }, () => randomElement(script))];
    }
  }
}

function randomElement(script: Script): Word {
  if (script.once(20)) return script.pick(VALUES);
  if (script.once(3)) return String(script.random.below(1_000_000));
  const bytes = Buffer.alloc(script.random.below(24));
  for (let i = 0; i < bytes.length; i++) bytes[i] = script.random.below(256);
  return bytes;
}

/** A header that is right or nearly so, and bytes behind it that are runs, or registers, or neither. */
function tampered(script: Script): Buffer {
  const length = script.once(4) ? DENSE_BYTES - HEADER_BYTES : 1 + script.random.below(40);
  const bytes = Buffer.alloc(HEADER_BYTES + length);
  bytes.set(HEADER);
  bytes[4] = length > 100 ? 0 : 1;
  if (script.once(5)) bytes[script.random.below(16)] = script.random.below(256);
  if (script.once(2)) bytes[15] = 0x80;
  const kind = script.random.below(4);
  for (let i = 16; i < bytes.length; i++)
    bytes[i] = kind === 0 ? script.random.below(256) : kind === 1 ? 0x7f : kind === 2 ? 0xff : 0;
  if (kind === 3 && length > 2) bytes.set([0x7f, 0xff - script.random.below(3)], 16);
  const cut = script.once(6) ? bytes.subarray(0, script.random.below(bytes.length)) : bytes;
  // In a run of zeros that is cut in half, PFADD of redis-server writes beyond the end of the value.
  if (cut.length > HEADER_BYTES && ((cut.at(-1) ?? 0) & 0xc0) === 0x40) cut[cut.length - 1] = 0;
  return cut;
}
