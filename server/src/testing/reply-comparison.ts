/**
 * Whether two replies to the same random call say the same. Most must be the same bytes; where chance, time or the order of
 * a hash table has a part in it, the rest must be. Replies inside that of EXEC are compared as those of their commands.
 */

import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import { frameEnd } from "./reply-frame.ts";
import { sorted } from "./reply-order.ts";
import type { Word } from "./script.ts";
import { isKnownEncodingDifference } from "./state-comparison.ts";

const CR = 13;
const MINUS = "-";
const PLUS = 43;
const STARTS_ANEW = new Set(["multi", "discard", "reset"]);
const QUEUED = Buffer.from("+QUEUED\r\n");
const TIME_TOLERANCE_SECONDS = 3;
const TIME_TOLERANCE_MS = 3000;

type Compare = (ours: Buffer, reference: Buffer, call: readonly Word[]) => boolean;

const sameWhenSorted =
  (group: number): Compare =>
  (ours, reference) =>
    sorted(ours, group).equals(sorted(reference, group));

/** The kind of reply and how many elements it has. */
const sameHeader: Compare = (ours, reference) => headerOf(ours) === headerOf(reference);

/** Only whether there is an answer, nothing or an error, and then which. */
const sameKind: Compare = (ours, reference) => ours[0] === reference[0] && isNil(ours) === isNil(reference);

const sameEncoding: Compare = (ours, reference) => isKnownEncodingDifference(bulkOf(ours), bulkOf(reference));

/** Any answer that is no error. */
const sameAnswer: Compare = (ours, reference) =>
  (ours[0] === MINUS.charCodeAt(0)) === (reference[0] === MINUS.charCodeAt(0));

const nearNumber =
  (tolerance: number): Compare =>
  (ours, reference) => {
    const left = Number(ours.toString("latin1", 1));
    const right = Number(reference.toString("latin1", 1));
    return ours[0] === reference[0] && left > 0 && right > 0 && Math.abs(left - right) <= tolerance;
  };

const DISTANCES = ["geodist", "georadius", "georadius_ro", "georadiusbymember", "georadiusbymember_ro", "geosearch"];

const COMPARISONS: readonly (readonly [reason: string, compare: Compare, commands: readonly string[]])[] = [
  [
    "the order is that of a hash table",
    sameWhenSorted(1),
    ["smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "keys"],
  ],
  [
    "the order is that of a hash table",
    sameWhenSorted(1),
    ["pubsub channels", "pubsub shardchannels", "command getkeysandflags"],
  ],
  ["the order is that of a hash table", sameWhenSorted(2), ["hgetall"]],
  [
    "elements are drawn at random",
    sameHeader,
    ["acl genpass", "srandmember", "hrandfield", "zrandmember", "spop", "randomkey"],
  ],
  ["where an iteration stops depends on the hash table", sameScan(1), ["scan", "sscan"]],
  ["where an iteration stops depends on the hash table", sameScan(2), ["hscan", "zscan"]],
  ["time passes between the servers", nearNumber(TIME_TOLERANCE_SECONDS), ["ttl", "expiretime"]],
  ["time passes between the servers", nearNumber(TIME_TOLERANCE_MS), ["pttl", "pexpiretime"]],
  ["names the version, the time or the connection", sameKind, ["hello", "time", "lastsave", "client id", "role"]],
  ["depends on how values lie in memory", sameKind, ["object refcount", "dump"]],
  ["depends on how values lie in memory, and on whether an expired one is still there", sameAnswer, ["memory usage"]],
  ["small integers are shared there, and as old as the server", sameKind, ["object idletime"]],
  ["an iteration deletes the expired keys it meets, and meets them in the order of a hash table", sameKind, ["dbsize"]],
  ["the last digit of a distance is that of the mathematical library", nearDistances, DISTANCES],
  ["encodings are those of 7.4: see state-comparison.ts", sameEncoding, ["object encoding"]],
  ["equal elements have no order of their own", sameWhenSorted(1), ["sort", "sort_ro"]],
  ["idle times", sameHeader, ["xinfo consumers", "xinfo stream", "xpending"]],
];

const COMPARISON_OF: ReadonlyMap<string, Compare> = new Map(
  COMPARISONS.flatMap(([, compare, commands]) => commands.map((command) => [command, compare] as const)),
);

/** Follows one connection: knows what was queued, so that the replies of EXEC can be told apart. */
export class ReplyComparison {
  #queued: (readonly Word[])[] = [];

  isSame(ours: Buffer, reference: Buffer, call: readonly Word[]): boolean {
    const name = wordOf(call, 0);
    if (reference.equals(QUEUED)) this.#queued.push(call);
    // MULTI inside of MULTI is an error and changes nothing.
    if (STARTS_ANEW.has(name) && reference[0] === PLUS) this.#queued = [];
    const queued = this.#queued;
    if (name === "exec") this.#queued = [];
    if (ours.equals(reference)) return true;
    if (name === "exec") return isSameExec(ours, reference, queued);
    return isSameReply(ours, reference, call);
  }
}

function isSameExec(ours: Buffer, reference: Buffer, queued: readonly (readonly Word[])[]): boolean {
  if (headerOf(ours) !== headerOf(reference) || ours[0] !== 42) return false;
  let left = ours.indexOf(CR) + 2;
  let right = reference.indexOf(CR) + 2;
  for (const call of queued) {
    const leftEnd = frameEnd(ours, left);
    const rightEnd = frameEnd(reference, right);
    if (!isSameReply(ours.subarray(left, leftEnd), reference.subarray(right, rightEnd), call)) return false;
    left = leftEnd;
    right = rightEnd;
  }
  return true;
}

function isSameReply(ours: Buffer, reference: Buffer, call: readonly Word[]): boolean {
  if (ours.equals(reference)) return true;
  const first = wordOf(call, 0);
  const both = `${first} ${wordOf(call, 1)}`;
  for (const { command, normalise } of KNOWN_DIFFERENCES) {
    const isMeant = command === first || command === both;
    const args = call.map((word) => word);
    if (isMeant && normalise(ours, args).equals(normalise(reference, args))) return true;
  }
  if (ours[0] === MINUS.charCodeAt(0)) return false;
  const compare = COMPARISON_OF.get(both) ?? COMPARISON_OF.get(first);
  return compare?.(ours, reference, call) ?? false;
}

/** A whole iteration in one reply must be the same elements; of a part, only that it is one. */
function sameScan(group: number): Compare {
  const whole = /^\*2\r\n\$1\r\n0\r\n/;
  return (ours, reference, call) => {
    if (headerOf(ours) !== headerOf(reference)) return false;
    const cursorAt = wordOf(call, 0) === "scan" ? 1 : 2;
    const isComplete = [ours, reference].every((reply) => whole.test(reply.toString("latin1", 0, 20)));
    if (wordOf(call, cursorAt) !== "0" || !isComplete) return true;
    const header = "*2\r\n$1\r\n0\r\n".length;
    return sorted(ours.subarray(header), group).equals(sorted(reference.subarray(header), group));
  };
}

/** Distances have four decimals, of which the last may differ; all else must be the same. */
function nearDistances(ours: Buffer, reference: Buffer): boolean {
  const left = ours.toString("latin1").split("\r\n");
  const right = reference.toString("latin1").split("\r\n");
  const isDistance = /^\d+\.\d{4}$/;
  return (
    left.length === right.length &&
    left.every((line, i) => {
      const other = right[i] ?? "";
      if (line === other) return true;
      return isDistance.test(line) && isDistance.test(other) && Math.abs(Number(line) - Number(other)) < 0.00015;
    })
  );
}

function headerOf(reply: Buffer): string {
  const isString = reply[0] === 36 && !isNil(reply);
  return isString ? "$" : reply.toString("latin1", 0, reply.indexOf(CR));
}

function bulkOf(reply: Buffer): string {
  return reply.toString("latin1", reply.indexOf(CR) + 2, reply.length - 2);
}

function isNil(reply: Buffer): boolean {
  const start = reply.toString("latin1", 0, 2);
  return start === "$-" || start === "*-" || start === "_\r";
}

function wordOf(call: readonly Word[], at: number): string {
  return call[at]?.toString().toLowerCase() ?? "";
}
