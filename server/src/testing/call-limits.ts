/**
 * Keeps random calls within bounds: none waits for ever, expires while it is compared, asks for gigabytes, or has an answer
 * that Redis leaves open.
 */

import type { Word } from "./script.ts";

type Call = readonly Word[];

interface Rule {
  readonly reason: string;
  readonly commands: RegExp;
  readonly change: (call: Call, command: string) => Call;
}

/** An expiry between these would pass while a script runs. */
const SOON_FROM = 1;
const SOON_TO = 99_999;
const MOST_DRAWN = 1000;
const LARGE_OFFSET = 100_000;
const LAST_OFFSET = 4_294_967_295;

export const RULES: readonly Rule[] = [
  {
    reason: "an expiry must not pass while it is compared",
    commands: /^p?expire(at)?$|^set$|^p?setex$|^getex$|^restore(-asking)?$/,
    change: (call) => call.map((word, i) => (i > 0 && isBetween(word, SOON_FROM, SOON_TO) ? "100000" : word)),
  },
  {
    reason: "which of two equal durations ends later depends on the time between the calls",
    commands: /^p?expire$/,
    change: (call) => (hasWord(call, "gt") || hasWord(call, "lt") ? call.slice(0, 3) : call),
  },
  {
    reason: "since 7.2 the name is set only after the rest has been found right",
    commands: /^hello$/,
    change: (call) => (hasWord(call, "setname") && call.length !== 4 ? call.slice(0, 2) : call),
  },
  { reason: "WITHSCORE came with 7.2", commands: /^zrank$|^zrevrank$/, change: (call) => call.slice(0, 3) },
  { reason: "NOVALUES came with 7.4", commands: /^hscan$/, change: (call) => without(call, "novalues") },
  {
    reason: "the last entry as a start came with 7.4",
    commands: /^xread(group)?$/,
    change: (call) => without(call, "+"),
  },
  {
    reason: "refused since 7.2: the negative is no integer",
    commands: /^lrem$|^lpos$/,
    change: (call) => replaced(call, "-9223372036854775808", "-1"),
  },
  {
    reason: "-0 is 0 in a listpack but not in a skiplist, and which of both it is may differ: see DIFFERENT_ENCODINGS",
    commands: /^b?z/,
    change: (call) => replaced(call, "-0", "0"),
  },
  {
    reason: "SORT of redis-server takes the smallest numbers for an error",
    commands: /^b?z/,
    change: (call) => replaced(call, "5.0e-324", "1e-5"),
  },
  {
    reason: "what a lexicographic range gives is left open where members have different scores",
    commands: /^z/,
    change: evenlyScored,
  },
  {
    reason: "elements that weigh the same, or are not sorted at all, come in the order of a hash table",
    commands: /^sort/,
    change: (call) => (hasWord(call, "by") ? without(without(call, "alpha"), "limit") : call),
  },
  {
    reason: "drawing with repetition answers as many elements as one asks for",
    commands: /^(srandmember|hrandfield|zrandmember)$/,
    change: (call) => call.map((word) => (isBetween(word, -9.2e18, -MOST_DRAWN) ? "-7" : word)),
  },
  {
    reason: "a string is as long as the offset at which one writes",
    commands: /^(setrange|setbit|bitfield)$/,
    change: (call) => call.map((word, i) => (i > 1 && isBetween(word, LARGE_OFFSET, LAST_OFFSET) ? "77777" : word)),
  },
  {
    reason: "there are no replicas to wait for",
    commands: /^wait$/,
    change: (call) => call.map((word, i) => (i > 0 && isBetween(word, 1, 9.3e18) ? "0" : word)),
  },
  {
    reason: "none waits for long, not even where the transaction around it was refused",
    commands: /^xread(group)?$/,
    change: (call) => call.map((word, i) => (isWord(call[i - 1], "block") && isBetween(word, 0, 9.3e18) ? "10" : word)),
  },
  {
    reason: "the next ID depends on the time",
    commands: /^xadd$/,
    change: (call) => replaced(call, "*", "150-*"),
  },
];

export function tamed(command: string, words: Call): Call {
  let call = words;
  for (const { commands, change } of RULES) if (commands.test(command)) call = change(call, command);
  return call;
}

/** Ranges by lexicographic order read one of two sets whose members all have the same score. */
function evenlyScored(call: Call, command: string): Call {
  if (!command.includes("lex") && !hasWord(call, "bylex")) return call;
  const source = command === "zrangestore" ? 2 : 1;
  return call.map((word, i) => (i !== source ? word : word.length % 2 === 1 ? "y1" : "y2"));
}

function hasWord(call: Call, wanted: string): boolean {
  return call.some((word) => isWord(word, wanted));
}

function isWord(word: Word | undefined, wanted: string): boolean {
  return word?.toString().toLowerCase() === wanted;
}

function without(call: Call, unwanted: string): Call {
  return call.filter((word) => word.toString().toLowerCase() !== unwanted);
}

function replaced(call: Call, old: string, value: string): Call {
  return call.map((word) => (word === old ? value : word));
}

function isBetween(word: Word, least: number, most: number): boolean {
  const text = word.toString().replace(/^#/, "");
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return number >= least && number <= most;
}
