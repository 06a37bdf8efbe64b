/**
 * Values for the arguments of random calls, by the argument's name and type. Most are few and come again, so that calls meet
 * the keys, members and numbers of others; some lie at the edges of what a command takes, and a few are none at all.
 */

import type { Argument } from "../commands/syntax.ts";
import { mutate } from "./mutated-input.ts";
import { FLOATS, NUMBERS, type Script, VALUES, type Word } from "./script.ts";

/** What the words of one call have in common. */
export interface Flavour {
  readonly command: string;
  readonly group: string;
  /** All members and values are integers. */
  readonly isNumeric: boolean;
  /** What RESTORE can load. */
  readonly payloads: readonly Word[];
  /** Members out of many, and many of them, so that collections grow. */
  readonly isWide: boolean;
}

type Values = (script: Script, flavour: Flavour) => Word;

const ODD_ONCE_IN = 12;

function words(text: string): readonly string[] {
  return text.split(" ");
}

/** Each group of commands has keys it mostly meets, so that values grow; the other groups' keys give wrong types. */
const KEYS_OF_GROUP: Readonly<Record<string, readonly Word[]>> = {
  string: ["s1", "s2", "s3", ""],
  bitmap: ["s1", "b1", "b2"],
  list: ["l1", "l2", "l3", Buffer.from([0, 1, 255, 13, 10])],
  set: ["e1", "e2", "e3"],
  "set of integers": ["i1", "i2"],
  hash: ["h1", "h2", "h3"],
  "sorted-set": ["z1", "z2", "z3", "g1"],
  geo: ["g1", "g2"],
  hyperloglog: ["p1", "p2", "p3"],
  stream: ["x1", "x2"],
};
const ALL_KEYS: readonly Word[] = [...new Set(Object.values(KEYS_OF_GROUP).flat()), "{tag}a", "none"];
const WORDS = "abcdefghijklmnopqrstuvwxyz";
const COMMON_LETTERS = 8;
const LONG: readonly Word[] = [Buffer.alloc(65, "m"), Buffer.alloc(200, "n"), Buffer.alloc(9000, "o")];
const SCORE_BOUNDS = words("-inf +inf (0 (5 0 3 10 25 (20 -3.5 1e1");
const BAD_BOUNDS = ["", ...words("( nan abc (nan [a 1,5")];
const LEX_BOUNDS = words("- + [a (c [m ( [ [1 (5 [zz");
const BAD_LEX_BOUNDS = ["", ...words("a 0 *")];
const OFFSETS = words("0 1 5 7 8 63 100 1000 #1 #3");
const BAD_OFFSETS = ["", ...words("-1 4294967296 abc #-1 #")];
const IDS = words("1-1 2-0 2-5 3 5-* 7-7 100-1 0 0-0 - + $ > (2-0 abc 1-2-3");
const LAST_ID = "18446744073709551615-18446744073709551615";
const DATABASES = words("0 0 0 0 1 2 16 -1 abc");
const BAD_COORDINATES = ["", ...words("180.1 nan abc -85.06 inf")];

const from =
  (text: string): Values =>
  (script) =>
    script.pick(words(text));

/** Mostly of the first, now and then of the second. */
const mostly =
  (usual: readonly Word[], odd: readonly Word[]): Values =>
  (script) =>
    script.pick(script.once(ODD_ONCE_IN) ? odd : usual);

const position: Values = (script, flavour) => (flavour.command.startsWith("x") ? id(script) : place(script, flavour));
const groupName = from("g g g g2 nogroup");
const consumer = from("c c c2");
const size = mostly(words("1 400 100000 0.5 1e4"), words("-1 abc"));
const database: Values = (script) => script.pick(DATABASES);

const bit = mostly(["0", "1"], words("2 -1 abc"));

/** By the name of the argument. */
const VALUES_OF_NAME: Readonly<Record<string, Values>> = {
  seconds: from("100000 200000 300000 4000000 5000000 -1 0 9223372036854775807"),
  milliseconds: from("1000000 200000000 300000000 4000000000 -1 0 1e5"),
  ttl: from("0 0 0 1000000 200000000 -1 abc"),
  "unix-time-seconds": from("4102444800 4102444801 4202444800 5102444801 1 -1 9223372036854780"),
  "unix-time-milliseconds": from("4102444800000 4102444800001 4202444800000 5102444800001 1 -1 9223372036854775807"),
  "min-idle-time": from("0 0 0 1000000000 -1 abc"),
  ms: from("0 1000000000 -1 abc"),
  timeout: from("0.001 0.002 -1 abc nan inf 1e500"),
  score,
  weight: score,
  increment: (script) => (script.once(6) ? script.pick(FLOATS) : whole(script)),
  min: bound,
  max: bound,
  start: position,
  stop: place,
  end: position,
  id,
  "last-id": id,
  lastid: id,
  "max-deleted-id": id,
  threshold: (script) => (script.once(2) ? id(script) : whole(script)),
  offset: (script, { command }) => (/^bit|bit$/.test(command) ? mostly(OFFSETS, BAD_OFFSETS) : whole)(script, FREE),
  encoding: mostly(words("u8 i8 i16 u32 i64 u63 u1 i1 i5"), ["", ...words("u64 i65 u0 i0 x8 u")]),
  value: (script, flavour) => (flavour.command === "setbit" ? bit : element)(script, flavour),
  "serialized-value": payload,
  bit,
  group: groupName,
  groupname: groupName,
  consumer,
  consumername: consumer,
  longitude: mostly(words("13.361389 15.087269 14.5 13.5 -122.4 0 180 -180"), BAD_COORDINATES),
  latitude: mostly(words("38.115556 37.502669 38 37.9 37.7 0 85.05112878 1"), BAD_COORDINATES),
  radius: mostly(words("1 200 100000 0 500.5 1e10"), ["", ...words("-1 abc nan")]),
  width: size,
  height: size,
  type: from("string list set hash zset stream nosuch"),
  section: from("server nosuch"),
  cursor: from("0 0 0 0 5 abc -1 99999999999999999999"),
  db: database,
  "destination-db": database,
  index: (script, flavour) => (flavour.command === "select" ? database : whole)(script, flavour),
  index1: database,
  index2: database,
  protover: from("2 3 3 4 1 abc"),
  username: from("default nobody"),
  password: from("wrong secret"),
  numreplicas: from("0 0 -1 abc"),
  channel: from("ch1 ch2 other"),
  shardchannel: from("ch1 ch2"),
  "connection-name": (script) => script.pick(["name", "", "with space", "a\nb"]),
  "client-id": from("99999999 0 -1 abc"),
  "yes/no": from("yes no maybe"),
  operation: from("AND OR XOR NOT and nand"),
};

const FREE: Flavour = { command: "", group: "", isNumeric: false, isWide: false, payloads: [] };

/** What DUMP gave, now and then with something changed that the checksum tells. */
function payload(script: Script, { payloads }: Flavour): Word {
  if (payloads.length === 0) return "";
  const bytes = Buffer.from(script.pick(payloads));
  return script.once(5) ? mutate(script, bytes) : bytes;
}

/** A small integer, now and then one at an edge, or none. */
function whole(script: Script): Word {
  if (script.once(ODD_ONCE_IN)) return script.pick(NUMBERS);
  return String(script.random.below(24) - (script.once(3) ? 12 : 0));
}

function score(script: Script): Word {
  if (script.once(15)) return script.pick(FLOATS);
  return String(script.random.below(30) / (script.once(3) ? 4 : 1));
}

function bound(script: Script, { command }: Flavour): Word {
  const isLexical = script.once(20) ? !command.includes("lex") : command.includes("lex");
  if (script.once(ODD_ONCE_IN)) return script.pick(isLexical ? BAD_LEX_BOUNDS : BAD_BOUNDS);
  return script.pick(isLexical ? LEX_BOUNDS : SCORE_BOUNDS);
}

/** ZRANGE takes places, scores or strings. */
function place(script: Script, { command }: Flavour): Word {
  if (command !== "zrange" || script.once(2)) return whole(script);
  return script.pick(script.once(2) ? LEX_BOUNDS : SCORE_BOUNDS);
}

function id(script: Script): Word {
  if (script.once(100)) return LAST_ID;
  return script.once(2) ? `${script.random.below(300)}-${script.random.below(4)}` : script.pick(IDS);
}

/** Members, fields, elements and values: mostly out of a few, so that calls meet what others stored. */
function element(script: Script, { isNumeric, isWide }: Flavour): Word {
  if (isNumeric && !script.once(30)) {
    return script.once(30) ? script.pick(NUMBERS) : String(script.random.below(isWide ? 900 : 20));
  }
  if (isWide) return `m${script.random.below(600)}`;
  if (script.once(40)) return script.pick(LONG);
  if (script.once(15)) return script.pick(VALUES);
  if (script.once(30)) return script.pick(NUMBERS);
  if (script.once(4)) return String(script.random.below(12));
  return WORDS[script.random.below(script.once(4) ? WORDS.length : COMMON_LETTERS)] as string;
}

export function keyOf(script: Script, group: string, isNumeric = false): Word {
  const own = KEYS_OF_GROUP[group === "set" && isNumeric ? "set of integers" : group];
  return own === undefined || script.once(10) ? script.pick(ALL_KEYS) : script.pick(own);
}

/** A value for an argument that is neither token, choice nor block. */
export function valueFor(script: Script, argument: Argument, flavour: Flavour): Word {
  if (argument.type === "key") return keyOf(script, flavour.group, flavour.isNumeric);
  const named = VALUES_OF_NAME[argument.name];
  if (named !== undefined) return named(script, flavour);
  if (argument.type === "pattern") return script.pick(PATTERNS);
  if (argument.type === "double") return score(script);
  if (argument.type === "integer") return whole(script);
  return element(script, flavour);
}

const PATTERNS = ["", ...words("* * s* ?1 [a-m]* h[^1] \\* none* *1 [ [a x\\ **a")];

/** Anything, for places where it may not belong. */
export function anyWord(script: Script): Word {
  const pools: readonly (readonly Word[])[] = [NUMBERS, FLOATS, VALUES, ALL_KEYS, LEX_BOUNDS, IDS, TOKENS];
  return script.pick(script.pick(pools));
}

const TOKENS = words("NX COUNT LIMIT GET WITHSCORES");
