/** Keeps random calls within bounds: none waits for ever, expires while it is compared, or asks for gigabytes. */

import type { Word } from "./script.ts";

const EXPIRING = new Set([
  ...["expire", "pexpire", "expireat", "pexpireat", "set", "setex", "psetex", "getex", "restore", "restore-asking"],
]);
const DRAWING = new Set(["srandmember", "hrandfield", "zrandmember"]);
/** What came after 7.0 has no reference: such calls lose the newer word. */
const NEWER_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  hscan: new Set(["novalues"]),
  xread: new Set(["+"]),
};
const OF_THREE_WORDS = new Set(["zrank", "zrevrank"]);
/** An expiry between these would pass while a script runs. */
const SOON_FROM = 1;
const SOON_TO = 99_999;
const LEAST_INTEGER = "-9223372036854775808";
const MOST_DRAWN = 1000;
/** Offsets up to here make values of a size that one can have by the thousand. */
const LARGE_OFFSET = 100_000;
const LAST_OFFSET = 4_294_967_295;
const OFFSETTING = new Set(["setrange", "setbit", "bitfield", "bitop"]);

export function tamed(command: string, words: readonly Word[]): readonly Word[] {
  const newer = NEWER_WORDS[command];
  const call = newer === undefined ? words : words.filter((word) => !newer.has(word.toString().toLowerCase()));
  if (OF_THREE_WORDS.has(command) && call.length > 3) return call.slice(0, 3);
  if (EXPIRING.has(command))
    return (isComparedWithNow(command, call) ? call.slice(0, 3) : call).map((word, i) =>
      i > 0 && isBetween(word, SOON_FROM, SOON_TO) ? "100000" : word,
    );
  // Since 7.2 the name is set only after the password has been found right.
  if (command === "hello" && hasWord(call, "setname") && call.length !== 4) return call.slice(0, 2);
  // A listpack holds it as 0, a skiplist does not; which of both it is differs: see DIFFERENT_ENCODINGS.
  if (command === "zincrby" || command === "zadd") return call.map((word) => (word === "-0" ? "0" : word));
  if (command.startsWith("sort")) return sortable(call);
  // Refused since 7.2: its negative is no integer.
  if (command === "lrem" || command === "lpos") return call.map((word) => (word === LEAST_INTEGER ? "-1" : word));
  if (DRAWING.has(command)) return call.map((word) => (isBetween(word, -9.2e18, -MOST_DRAWN) ? "-7" : word));
  if (OFFSETTING.has(command)) {
    return call.map((word, i) => (i > 1 && isBetween(word, LARGE_OFFSET, LAST_OFFSET) ? "77777" : word));
  }
  if (command === "wait") return ["WAIT", ...call.slice(1).map((word) => (isBetween(word, 1, 9.3e18) ? "0" : word))];
  if (isLexical(command, call)) return call.map((word, i) => (i === sourceOf(command) ? evenlyScored(word) : word));
  // The next ID depends on the time.
  if (command === "xadd") return call.map((word) => (word === "*" ? "150-*" : word));
  return call;
}

/** GT and LT after two equal durations: which moment is later depends on the time between. */
function isComparedWithNow(command: string, call: readonly Word[]): boolean {
  return (command === "expire" || command === "pexpire") && (hasWord(call, "gt") || hasWord(call, "lt"));
}

/** Elements that weigh the same, or that are not sorted at all, come in the order of a hash table. */
function sortable(call: readonly Word[]): readonly Word[] {
  if (!hasWord(call, "by")) return call;
  return call.filter((word) => !UNSTABLE_WITH_BY.has(word.toString().toLowerCase()));
}

const UNSTABLE_WITH_BY = new Set(["alpha", "limit"]);

/** Where members have different scores, Redis leaves open what a lexicographic range gives. */
function isLexical(command: string, call: readonly Word[]): boolean {
  return command.includes("lex") || hasWord(call, "bylex");
}

function hasWord(call: readonly Word[], wanted: string): boolean {
  return call.some((word) => word.toString().toLowerCase() === wanted);
}

function sourceOf(command: string): number {
  return command === "zrangestore" ? 2 : 1;
}

function evenlyScored(key: Word): Word {
  return key.length % 2 === 1 ? "y1" : "y2";
}

function isBetween(word: Word, least: number, most: number): boolean {
  const text = (typeof word === "string" ? word : word.toString("latin1")).replace(/^#/, "");
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return number >= least && number <= most;
}
