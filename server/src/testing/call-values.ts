/**
 * Values for the arguments of random calls, by the argument's name and type. Most are small and come again, so that calls
 * meet the same keys, members and numbers; some lie at the edges of what a command takes, and a few are none at all.
 */

import type { Argument } from "../commands/syntax.ts";
import { FLOATS, NUMBERS, type Script, VALUES, type Word } from "./script.ts";

/** Each group of commands has keys it mostly meets, so that values grow; the other groups' keys give wrong types. */
const KEYS_OF_GROUP: Readonly<Record<string, readonly Word[]>> = {
  string: ["s1", "s2", "s3", ""],
  bitmap: ["s1", "b1", "b2"],
  list: ["l1", "l2", "l3", Buffer.from([0, 1, 255, 13, 10])],
  set: ["e1", "e2", "e3", "i1"],
  hash: ["h1", "h2", "h3"],
  "sorted-set": ["z1", "z2", "z3", "g1"],
  geo: ["g1", "g2", "z1"],
  hyperloglog: ["p1", "p2", "p3"],
  stream: ["x1", "x2"],
};
const ALL_KEYS: readonly Word[] = [...new Set(Object.values(KEYS_OF_GROUP).flat()), "{tag}a", "none"];

const LONG: readonly Word[] = [Buffer.alloc(65, "m"), Buffer.alloc(200, "n"), Buffer.alloc(9000, "o")];
const FAR_SECONDS: readonly string[] = ["100000", "200000", "4000000", "-1", "0", "-100000", "9223372036854775807"];
const FAR_MILLISECONDS: readonly string[] = ["1000000", "200000000", "-1", "0", "-5", "9223372036854775807", "1e5"];
const UNIX_SECONDS: readonly string[] = [
  "4102444800",
  "4102444801",
  "1",
  "0",
  "-1",
  "9223372036854780",
  "99999999999999999",
];
const UNIX_MILLISECONDS: readonly string[] = ["4102444800000", "4102444800001", "1", "0", "-1", "9223372036854775807"];
const IDS: readonly string[] = [
  "1-1",
  "2-0",
  "2-5",
  "3",
  "5-*",
  "7-7",
  "100-1",
  "0",
  "0-0",
  "-",
  "+",
  "$",
  "(2-0",
  "abc",
  "1-2-3",
];
const LAST_ID = "18446744073709551615-18446744073709551615";
const SCORE_BOUNDS: readonly string[] = ["-inf", "+inf", "(0", "(5", "0", "3", "10", "-3.5", "(", "nan", "abc", "1e3"];
const LEX_BOUNDS: readonly string[] = ["-", "+", "[a", "(c", "[m", "(", "[", "", "a", "[zz"];
const PATTERNS: readonly string[] = [
  "*",
  "s*",
  "?1",
  "[a-m]*",
  "h[^1]",
  "\\*",
  "",
  "none*",
  "*1",
  "[",
  "[a",
  "x\\",
  "**a",
];
const OFFSETS: readonly string[] = [
  "0",
  "1",
  "5",
  "7",
  "8",
  "63",
  "100",
  "1000",
  "#1",
  "#3",
  "-1",
  "4294967296",
  "abc",
];
const ENCODINGS: readonly string[] = ["u8", "i8", "i16", "u32", "i64", "u63", "u64", "i65", "u1", "i1", "u0", "x8", ""];
const TIMEOUTS: readonly string[] = ["0.001", "0.002", "-1", "abc", "nan", "inf", "1e500", ""];
const LONGITUDES: readonly string[] = ["13.361389", "15.087269", "-122.4", "0", "180", "-180", "180.1", "nan", "abc"];
const LATITUDES: readonly string[] = ["38.115556", "37.502669", "0", "85.05112878", "-85.06", "1", "inf", "abc"];
const WORDS = "abcdefghijklmnopqrstuvwxyz";

type Values = (script: Script, command: string) => Word;

const from =
  (...items: readonly Word[]): Values =>
  (script) =>
    script.pick(items);

/** By the name of the argument. */
const VALUES_OF_NAME: Readonly<Record<string, Values>> = {
  seconds: from(...FAR_SECONDS),
  milliseconds: from(...FAR_MILLISECONDS),
  ttl: from(...FAR_MILLISECONDS),
  "unix-time-seconds": from(...UNIX_SECONDS),
  "unix-time-milliseconds": from(...UNIX_MILLISECONDS),
  "min-idle-time": from("0", "0", "1000000000", "-1", "abc"),
  ms: from("0", "1000000000", "-1", "abc"),
  timeout: from(...TIMEOUTS),
  score: score,
  weight: score,
  increment: (script) => (script.once(3) ? script.pick(FLOATS) : script.number()),
  min: bound,
  max: bound,
  start: (script, command) => (command.startsWith("x") ? id(script) : range(script, command)),
  stop: range,
  end: (script, command) => (command.startsWith("x") ? id(script) : range(script, command)),
  id,
  "last-id": id,
  lastid: id,
  threshold: (script) => (script.once(2) ? id(script) : script.number()),
  offset: (script, command) =>
    command.startsWith("bit") || command.endsWith("bit") ? script.pick(OFFSETS) : script.number(),
  encoding: from(...ENCODINGS),
  bit: from("0", "1", "1", "2", "-1", "abc"),
  group: from("g", "g2", "nogroup"),
  groupname: from("g", "g2", "nogroup"),
  consumer: from("c", "c2"),
  consumername: from("c", "c2"),
  longitude: from(...LONGITUDES),
  latitude: from(...LATITUDES),
  radius: from("1", "200", "100000", "-1", "0", "abc", "1e10"),
  width: from("1", "400", "100000", "-1", "abc"),
  height: from("1", "400", "100000", "-1", "abc"),
  type: from("string", "list", "set", "hash", "zset", "stream", "nosuch"),
  section: from("server", "nosuch"),
  cursor: from("0", "0", "0", "5", "abc", "-1", "99999999999999999999"),
  db: from("0", "1", "2", "15", "16", "-1", "abc"),
  "destination-db": from("0", "1", "2", "16", "abc"),
  index: (script, command) =>
    command === "select" ? script.pick(["0", "0", "1", "2", "16", "-1", "abc"]) : script.number(),
  index1: from("0", "1", "2", "16", "abc"),
  index2: from("0", "1", "2", "16", "abc"),
  protover: from("2", "3", "3", "4", "1", "abc"),
  username: from("default", "nobody"),
  password: from("", "secret"),
  numreplicas: from("0", "0", "-1", "abc"),
  channel: from("ch1", "ch2", "other"),
  shardchannel: from("ch1", "ch2"),
  "connection-name": from("name", "", "with space", "a\nb"),
  "client-id": from("99999999", "0", "-1", "abc"),
  "yes/no": from("yes", "no", "maybe"),
};

function score(script: Script): Word {
  return script.once(4) ? script.pick(FLOATS) : String(script.random.below(30) / (script.once(2) ? 1 : 4));
}

function bound(script: Script, command: string): Word {
  const isLexical = script.once(10) ? !command.includes("lex") : command.includes("lex");
  return script.pick(isLexical ? LEX_BOUNDS : SCORE_BOUNDS);
}

function range(script: Script, command: string): Word {
  if (command !== "zrange") return script.number();
  return script.once(2) ? script.number() : script.pick(script.once(2) ? LEX_BOUNDS : SCORE_BOUNDS);
}

function id(script: Script): Word {
  if (script.once(30)) return LAST_ID;
  return script.once(2) ? `${script.random.below(300)}-${script.random.below(4)}` : script.pick(IDS);
}

/** Members, fields, elements and values: mostly out of some forty, now and then long or strange. */
function element(script: Script): Word {
  if (script.once(3)) return String(script.random.below(300) - 20);
  if (script.once(25)) return script.pick(LONG);
  if (script.once(12)) return script.pick(VALUES);
  if (script.once(20)) return script.pick(NUMBERS);
  const letters = WORDS[script.random.below(WORDS.length)] as string;
  return script.once(2) ? letters : `${letters}${script.random.below(20)}`;
}

export function keyOf(script: Script, group: string): Word {
  const own = KEYS_OF_GROUP[group];
  return own === undefined || script.once(8) ? script.pick(ALL_KEYS) : script.pick(own);
}

/** A value for an argument that is neither token, choice nor block. */
export function valueFor(script: Script, argument: Argument, command: string, group: string): Word {
  if (argument.type === "key") return keyOf(script, group);
  const named = VALUES_OF_NAME[argument.name];
  if (named !== undefined) return named(script, command);
  if (argument.type === "pattern") return script.pick(PATTERNS);
  if (argument.type === "double") return score(script);
  if (argument.type === "integer") return script.number();
  return element(script);
}

/** Anything, for places where it may not belong. */
export function anyWord(script: Script): Word {
  const pools: readonly (readonly Word[])[] = [
    NUMBERS,
    FLOATS,
    VALUES,
    ALL_KEYS,
    LEX_BOUNDS,
    IDS,
    ["NX", "COUNT", "LIMIT", "GET"],
  ];
  return script.pick(script.pick(pools));
}
