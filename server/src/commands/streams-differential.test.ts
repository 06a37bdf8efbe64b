/** Streams and consumer groups against redis-server: random scripts of valid and invalid calls, in RESP2 and RESP3. */

import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Normaliser, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { NUMBERS, Script, type Word } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const RESP2 = 0;
const RESP3 = 1;
const STEPS = 8000;
const LARGEST = "18446744073709551615";
const CONSUMERS: readonly Word[] = ["alice", "bob", "carol", "", Buffer.from([255, 0, 13])];

/** Text as the two servers have in common: without times of the clock, and without what only 7.2 and later tell. */
function timeless(reply: Buffer): Buffer {
  const text = reply
    .toString("latin1")
    .replace(/:1[0-9]{12}\r\n/g, ":time\r\n")
    .replace(/\$(11|8)\r\n(active-time|inactive)\r\n:(-1|time|\d+)\r\n/g, "")
    .replace(/[*%]\d+\r\n(\$4\r\nname\r\n)/g, "$1")
    .replace(/(\$4\r\nidle\r\n):\d+/g, "$1:idle");
  return Buffer.from(text, "latin1");
}

const NORMALISERS: readonly Normaliser[] = [
  ...KNOWN_DIFFERENCES,
  { command: "xinfo", reason: "times, and the fields of 7.2", normalise: timeless },
  ...["xread", "xreadgroup"].map((command) => ({
    command,
    reason: "the id + is of 7.4",
    normalise: (reply: Buffer, args: readonly CommandArgument[]) => (args.includes("+") ? Buffer.alloc(0) : reply),
  })),
  {
    command: "xpending",
    reason: "idle times go by the clock",
    normalise: (reply) => Buffer.from(reply.toString("latin1").replace(/:\d+\r\n(:\d+\r\n)/g, ":idle\r\n$1"), "latin1"),
  },
  {
    command: "xadd",
    reason: "ids that the server makes go by the clock",
    normalise: (reply) => Buffer.from(reply.toString("latin1").replace(/\d{13}-\d+/, "id"), "latin1"),
  },
];

class StreamScript extends Script {
  #next = 1;

  override key(): Word {
    return this.once(25) ? this.pick(["string", "none", "list"]) : `s${this.random.below(3)}`;
  }

  /** Mostly an id that may be there. */
  id(): string {
    if (this.once(20))
      return this.pick([...NUMBERS, "-", "+", "$", ">", "*", "1-", "-1", "1-*", " 1-1", "+1-+2", "1--1"]);
    if (this.once(20)) return this.pick([`${LARGEST}-${LARGEST}`, `${LARGEST}`, `0-${LARGEST}`, "9007199254740993-1"]);
    const ms = Math.max(0, this.#next - this.random.below(60));
    return this.once(3) ? String(ms) : `${ms}-${this.random.below(3)}`;
  }

  /** Behind all entries, or no id: ids below the largest deleted one are refused from 7.2 on only. */
  laterId(): string {
    if (this.once(6)) return this.pick(["-", "x", "1-x", "*", "", "1-*"]);
    return `${this.#next + 100}-${this.random.below(3)}`;
  }

  newId(): string {
    if (this.once(12)) return this.pick(["0-0", "0", "x", "5-*", "1-1", "-", "+", "1--1", "", " 7", "0-*"]);
    if (this.once(3)) this.#next += this.random.below(3);
    return this.once(3) ? `${this.#next}-*` : `${this.#next++}-${this.random.below(2)}`;
  }

  bound(): string {
    if (this.once(4)) return this.pick(["-", "+", "(-", "(+", "(", `(${LARGEST}-${LARGEST}`, "(0-0", "(0"]);
    return this.once(4) ? `(${this.id()}` : this.id();
  }

  group(): Word {
    return this.pick(["g", "g", "g", "g2", "other", Buffer.from([0, 255])]);
  }

  consumer(): Word {
    return this.pick(CONSUMERS);
  }

  fields(): Word[] {
    if (this.once(40)) return ["odd"];
    if (this.once(3)) return [this.pick(["a", "b", "1"]), this.value(), ...this.maybe(2, "c", this.value())];
    return ["name", this.value(), "age", String(this.random.below(1000))];
  }

  maybe(n: number, ...words: readonly Word[]): readonly Word[] {
    return this.once(n) ? words : [];
  }

  count(): string {
    return this.once(15) ? this.pick(NUMBERS) : String(this.random.below(12));
  }

  trim(): Word[] {
    const isLength = this.once(2);
    const threshold = isLength ? (this.once(10) ? this.pick(NUMBERS) : String(this.random.below(60))) : this.id();
    const kind = this.pick(["~", "=", "~", ""]);
    return [
      this.caseOf(isLength ? "MAXLEN" : "MINID"),
      ...(kind === "" ? [] : [kind]),
      threshold,
      ...this.maybe(4, "LIMIT", this.count()),
    ];
  }

  idle(): string {
    return this.once(15)
      ? this.pick(["x", "-1", "9223372036854775808"])
      : this.pick(["0", "0", "100000", "1000000000"]);
  }

  ids(most: number): string[] {
    return Array.from({ length: 1 + this.random.below(most) }, () => this.id());
  }
}

type Generator = (script: StreamScript) => readonly Word[];

const ADD: Generator = (s) => [
  ...["XADD", s.key()],
  ...s.maybe(12, "NOMKSTREAM"),
  ...(s.once(6) ? s.trim() : []),
  s.newId(),
  ...s.fields(),
];

const GENERATORS: readonly Generator[] = [
  ...[ADD, ADD, ADD, ADD, ADD, ADD, ADD, ADD],
  (s) => ["XLEN", s.key()],
  (s) => ["XRANGE", s.key(), s.bound(), s.bound(), ...s.maybe(2, s.caseOf("COUNT"), s.count()), ...s.maybe(40, "X")],
  (s) => ["XREVRANGE", s.key(), s.bound(), s.bound(), ...s.maybe(2, "COUNT", s.count())],
  (s) => ["XRANGE", s.key(), "-", "+"],
  (s) => ["XREVRANGE", s.key(), "+", "-", "COUNT", "5"],
  (s) => ["XDEL", s.key(), ...s.ids(4)],
  (s) => ["XDEL", s.key(), ...s.ids(4)],
  (s) => (s.once(3) ? ["XTRIM", s.key(), ...s.trim()] : ["XLEN", s.key()]),
  (s) => [
    "XTRIM",
    s.key(),
    ...s.pick([["MAXLEN"], ["LIMIT", "1"], ["MAXLEN", "1", "MINID", "1"], ["MAXLEN", "=", "5", "LIMIT", "3"]]),
  ],
  (s) => [
    ...["XSETID", s.key(), s.laterId()],
    ...s.maybe(3, "ENTRIESADDED", s.once(3) ? s.pick(NUMBERS) : String(100 + s.random.below(1000))),
    ...s.maybe(4, "MAXDELETEDID", s.pick(["5-1", "x", "-", LARGEST])),
    ...s.maybe(40, "X"),
  ],
  (s) => ["XREAD", ...s.maybe(2, "COUNT", s.count()), "STREAMS", s.key(), s.id()],
  (s) => [
    "XREAD",
    "COUNT",
    "2",
    s.caseOf("STREAMS"),
    s.key(),
    s.key(),
    s.id(),
    s.pick(["0", "$", ">", s.id()]),
    ...s.maybe(40, "x"),
  ],
  (s) =>
    s.pick([
      ["XREAD", "STREAMS", "s0"],
      ["XREAD", "GROUP", "g", "c", "STREAMS", "s0", "0"],
      ["XREAD", "NOACK", "STREAMS", "s0", "0"],
      ["XREAD", "COUNT", "1", "X", "s0", "0"],
      ["XREADGROUP", "COUNT", "1", "NOACK", "STREAMS", "s0", ">"],
    ]),
  (s) => [
    "XGROUP",
    s.caseOf("CREATE"),
    s.key(),
    s.group(),
    s.pick(["$", "0", s.id()]),
    ...s.maybe(2, "MKSTREAM"),
    ...s.maybe(4, "ENTRIESREAD", s.count()),
  ],
  (s) => [
    "XGROUP",
    "SETID",
    s.key(),
    s.group(),
    s.pick(["$", "0", "-", "+", s.id()]),
    ...s.maybe(3, "ENTRIESREAD", s.count()),
    ...s.maybe(30, "MKSTREAM"),
  ],
  (s) =>
    s.once(6)
      ? ["XGROUP", "DESTROY", s.key(), s.group()]
      : ["XGROUP", "CREATECONSUMER", s.key(), s.group(), s.consumer()],
  (s) => (s.once(3) ? ["XGROUP", "DELCONSUMER", s.key(), s.group(), s.consumer()] : ["XINFO", "GROUPS", s.key()]),
  (s) => [
    "XREADGROUP",
    "GROUP",
    s.group(),
    s.consumer(),
    "COUNT",
    s.count(),
    ...s.maybe(5, "NOACK"),
    "STREAMS",
    s.key(),
    ">",
  ],
  (s) => ["XREADGROUP", "GROUP", "g", s.consumer(), "COUNT", "3", "STREAMS", "s0", "s1", ">", ">"],
  (s) => [
    "XREADGROUP",
    "GROUP",
    "g",
    s.consumer(),
    ...s.maybe(2, "COUNT", s.count()),
    "STREAMS",
    s.key(),
    s.pick(["0", s.id()]),
  ],
  (s) => ["XACK", s.key(), s.group(), ...s.ids(5)],
  (s) => ["XPENDING", s.key(), s.group()],
  (s) => [
    "XPENDING",
    s.key(),
    s.group(),
    ...s.maybe(3, "IDLE", s.idle()),
    s.bound(),
    s.bound(),
    s.count(),
    ...s.maybe(2, s.consumer()),
    ...s.maybe(50, "x"),
  ],
  (s) => [
    ...["XCLAIM", s.key(), s.group(), s.consumer(), s.idle(), ...s.ids(4)],
    ...s.maybe(3, "IDLE", s.pick(["0", "200000", "-5", "x"])),
    ...s.maybe(5, "TIME", s.pick(["0", "1000", "99999999999999", "-1", "-2"])),
    ...s.maybe(3, "RETRYCOUNT", s.count()),
    ...s.maybe(2, "FORCE"),
    ...s.maybe(3, "JUSTID"),
    ...s.maybe(5, "LASTID", s.id()),
    ...s.maybe(40, "WHAT"),
  ],
  (s) => [
    ...["XAUTOCLAIM", s.key(), s.group(), s.consumer(), s.idle(), s.bound()],
    ...s.maybe(2, "COUNT", s.pick(["0", "1", "3", "10", "x", "-1"])),
    ...s.maybe(3, "JUSTID"),
  ],
  (s) => ["XINFO", "STREAM", s.key(), ...(s.once(3) ? ["FULL", ...s.maybe(2, "COUNT", s.count())] : s.maybe(20, "x"))],
  (s) => ["XINFO", "CONSUMERS", s.key(), s.group()],
  (s) =>
    s.pick([
      ["TYPE", "s0"],
      ["OBJECT", "ENCODING", "s1"],
      ["COPY", "s0", "s2", "REPLACE"],
      ["DEL", "s2"],
      ["RENAME", "s1", "s2"],
    ]),
  (s) =>
    s.pick([
      ["XGROUP", "CREATE", "s0"],
      ["XGROUP", "WHAT"],
      ["XINFO"],
      ["XINFO", "STREAM", "s0", "FULL", "COUNT"],
      ["XADD", "s0", "*"],
      ["XADD", "s0", "MAXLEN", "1", "*", "a"],
    ]),
];

/** Steps for `count` commands in one or the other protocol. */
function randomScript(seed: number, count: number): Step[] {
  const script = new StreamScript(seed);
  const steps: Step[] = [
    { client: RESP3, args: ["HELLO", "3"] },
    { args: ["SET", "string", "x"] },
    { args: ["RPUSH", "list", "x"] },
  ];
  let client = RESP2;
  for (let k = 0; k < count; k++) {
    if (script.once(200)) client = client === RESP2 ? RESP3 : RESP2;
    const args = script.pick(GENERATORS)(script);
    steps.push({ client, args });
    // From 7.2 on commands make consumers also where they have nothing for them; here all of them are there from the start.
    const subcommand = String(args[1]).toLowerCase();
    if (args[0] !== "XGROUP" || args.length < 4 || (subcommand !== "create" && subcommand !== "delconsumer")) continue;
    for (const consumer of CONSUMERS) {
      steps.push({ client, args: ["XGROUP", "CREATECONSUMER", args[2] as Word, args[3] as Word, consumer] });
    }
  }
  return steps;
}

describe.skipIf(!hasReferenceServer)("Streams beside redis-server", () => {
  let pair: ServerPair;

  beforeAll(async () => {
    pair = await startServerPair("--stream-node-max-entries", "8");
  });

  afterAll(() => pair.stop());

  test("random scripts give the same replies", async () => {
    const seed = seedOf(1);
    for (let k = 0; k < 3; k++) {
      const steps = randomScript(seed + k, STEPS);
      const compared = await compareServers({ ports: pair.ports, steps, normalisers: NORMALISERS, seed: seed + k });
      expect(compared).toBe(steps.length);
    }
  });

  test("blocks are cut at the same entries, whatever their size, and trimmed alike", async () => {
    const steps: Step[] = [{ args: ["CONFIG", "SET", "stream-node-max-entries", "100"] }];
    const script = new StreamScript(seedOf(5));
    for (let k = 1; k < 3000; k++) {
      const size = script.pick([1, 10, 100, 100, 1000, 5000]);
      const odd = script.maybe(3, `f${k}`, "v");
      steps.push({ args: ["XADD", "big", `${k}-${k}`, "field", "x".repeat(script.random.below(size)), ...odd] });
      if (k % 50 === 0) steps.push({ args: ["XINFO", "STREAM", "big"] });
      if (k % 400 === 0) steps.push({ args: ["XTRIM", "big", "MAXLEN", "~", "300"] });
      if (k % 400 === 200) steps.push({ args: ["XTRIM", "big", "MINID", "~", String(k - 150)] });
    }
    steps.push({ args: ["XRANGE", "big", "-", "+"] }, { args: ["CONFIG", "SET", "stream-node-max-bytes", "0"] });
    steps.push({ args: ["CONFIG", "SET", "stream-node-max-entries", "500"] });
    for (let k = 1; k < 1500; k++) steps.push({ args: ["XADD", "wide", `${k}`, "field", `v${k}`] });
    for (let k = 1; k < 1500; k += 3) steps.push({ args: ["XDEL", "wide", `${k}`] });
    steps.push({ args: ["XINFO", "STREAM", "wide"] }, { args: ["XREVRANGE", "wide", "+", "-"] });
    await compareServers({ ports: pair.ports, steps, normalisers: NORMALISERS });
  });
});
