/**
 * Large values, one a writer, that a writer changes by number: what each holds after number `last` is known, so a value that
 * was saved in halves, or at another moment than the counter beside it, shows.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";

type Command = readonly string[];

export interface LargeValue {
  readonly fill: (key: string, size: number) => Command[];
  readonly change: (key: string, size: number, number: number) => Command[];
  readonly read: (key: string, size: number) => Command;
  /** The reply to `read` after `last`, as texts. */
  readonly expected: (size: number, last: number) => readonly string[];
  /** The same from a reply. */
  readonly found: (reply: RespValue | undefined) => readonly string[];
}

/** Commands of a fill take so many elements each. */
const AT_ONCE = 1000;
const SLOT_BYTES = 48;

/** The largest number up to `last` that is written to this place; 0: none was. */
export function latestAt(place: number, size: number, last: number): number {
  const latest = last - ((((last - place) % size) + size) % size);
  return Math.max(0, latest);
}

const textOf = (number: number): string => `value:${number}`;
const slotOf = (number: number): string => `${number}`.padEnd(SLOT_BYTES, ".");
const memberOf = (number: number): string => `member:${number}`;
const sorted = (texts: readonly string[]): readonly string[] => [...texts].sort();

function texts(reply: RespValue | undefined): string[] {
  if (!Array.isArray(reply)) throw new Error(`Not a list: ${String(reply)}`);
  return reply.map((item) => (Array.isArray(item) ? texts(item).join(" ") : String(item)));
}

function pairs(reply: RespValue | undefined): readonly string[] {
  const flat = texts(reply);
  return sorted(flat.flatMap((name, index) => (index % 2 === 0 ? [`${name}=${flat[index + 1]}`] : [])));
}

const places = (size: number): number[] => Array.from({ length: size }, (_, place) => place);

function inPieces(size: number, commandOf: (some: readonly number[]) => Command): Command[] {
  const all = places(size);
  const count = Math.ceil(size / AT_ONCE);
  return Array.from({ length: count }, (_, piece) => commandOf(all.slice(piece * AT_ONCE, (piece + 1) * AT_ONCE)));
}

/** The last `size` numbers: those of the fill are below 1. */
const lastNumbers = (size: number, last: number): number[] => places(size).map((place) => last - size + 1 + place);

const HASH: LargeValue = {
  fill: (key, size) => inPieces(size, (some) => ["HSET", key, ...some.flatMap((place) => [`f${place}`, textOf(0)])]),
  change: (key, size, number) => [["HSET", key, `f${number % size}`, textOf(number)]],
  read: (key) => ["HGETALL", key],
  expected: (size, last) => sorted(places(size).map((place) => `f${place}=${textOf(latestAt(place, size, last))}`)),
  found: pairs,
};

const LIST: LargeValue = {
  fill: (key, size) => inPieces(size, (some) => ["RPUSH", key, ...some.map(() => textOf(0))]),
  change: (key, size, number) => [["LSET", key, String(number % size), textOf(number)]],
  read: (key) => ["LRANGE", key, "0", "-1"],
  expected: (size, last) => places(size).map((place) => textOf(latestAt(place, size, last))),
  found: texts,
};

const SORTED_SET: LargeValue = {
  fill: (key, size) => inPieces(size, (some) => ["ZADD", key, ...some.flatMap((place) => ["0", `m${place}`])]),
  change: (key, size, number) => [["ZADD", key, String(number), `m${number % size}`]],
  read: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  expected: (size, last) => sorted(places(size).map((place) => `m${place}=${latestAt(place, size, last)}`)),
  found: pairs,
};

const STRING: LargeValue = {
  fill: (key, size) => [["SET", key, slotOf(0).repeat(size)]],
  change: (key, size, number) => [["SETRANGE", key, String((number % size) * SLOT_BYTES), slotOf(number)]],
  read: (key) => ["GET", key],
  expected: (size, last) => [
    places(size)
      .map((place) => slotOf(latestAt(place, size, last)))
      .join(""),
  ],
  found: (reply) => [String(reply)],
};

const SET: LargeValue = {
  fill: (key, size) => inPieces(size, (some) => ["SADD", key, ...some.map((place) => memberOf(-place))]),
  change: (key, size, number) => [
    ["SADD", key, memberOf(number)],
    ["SREM", key, memberOf(number - size)],
  ],
  read: (key) => ["SMEMBERS", key],
  expected: (size, last) => sorted(lastNumbers(size, last).map(memberOf)),
  found: (reply) => sorted(texts(reply)),
};

const STREAM: LargeValue = {
  fill: (key, size) => places(size).map((place) => ["XADD", key, `0-${place + 1}`, "n", String(place - size + 1)]),
  change: (key, size, number) => [
    ["XADD", key, `${number}-0`, "n", String(number)],
    ["XTRIM", key, "MAXLEN", String(size)],
  ],
  read: (key) => ["XRANGE", key, "-", "+"],
  expected: (size, last) =>
    lastNumbers(size, last).map((number) => `${number > 0 ? `${number}-0` : `0-${number + size}`} n ${number}`),
  found: texts,
};

export const LARGE_VALUES: readonly LargeValue[] = [HASH, LIST, SORTED_SET, STRING, SET, STREAM];
