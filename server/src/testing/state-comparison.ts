/** Everything in all databases of a server as text, key by key, so that two servers can be compared. */

import type { RawClient } from "./raw-client.ts";
import { frameEnd } from "./reply-frame.ts";
import { sorted } from "./reply-order.ts";
import type { Word } from "./script.ts";

const DATABASES = 16;
const CR = 13;
const TTL_TOLERANCE_MS = 5_000;

/** How the content of a type is read, and whether its order has a meaning. */
const CONTENT: Readonly<Record<string, { readonly call: (key: Word) => Word[]; readonly group: number }>> = {
  string: { call: (key) => ["GET", key], group: 0 },
  list: { call: (key) => ["LRANGE", key, "0", "-1"], group: 0 },
  set: { call: (key) => ["SMEMBERS", key], group: 1 },
  hash: { call: (key) => ["HGETALL", key], group: 2 },
  zset: { call: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"], group: 0 },
  stream: { call: (key) => ["XRANGE", key, "-", "+"], group: 0 },
};

export interface KeyState {
  readonly type: string;
  readonly encoding: string;
  /** As PTTL gives it. */
  readonly ttlMs: number;
  /** The reply with the content, sorted where the order has no meaning. */
  readonly content: string;
}

/** By database and key. */
export type State = ReadonlyMap<string, KeyState>;

export function isSameState(ours: KeyState | undefined, reference: KeyState | undefined): boolean {
  if (ours === undefined || reference === undefined) return ours === reference;
  const isSameExpiry = Math.sign(ours.ttlMs) === Math.sign(reference.ttlMs) && isNear(ours.ttlMs, reference.ttlMs);
  const isSameValue = ours.type === reference.type && ours.content === reference.content;
  return isSameValue && isSameExpiry && isSameEncoding(ours, reference);
}

function isNear(left: number, right: number): boolean {
  return Math.abs(left - right) <= TTL_TOLERANCE_MS;
}

/** Whether OBJECT ENCODING may answer so, of a value whose type is not known. */
export function isKnownEncodingDifference(ours: string, reference: string): boolean {
  return DIFFERENT_ENCODINGS.some(({ own, others }) => own.includes(ours) && others.includes(reference));
}

function isSameEncoding(ours: KeyState, reference: KeyState): boolean {
  if (ours.encoding === reference.encoding) return true;
  return DIFFERENT_ENCODINGS.some(
    ({ type, own, others }) => type === ours.type && own.includes(ours.encoding) && others.includes(reference.encoding),
  );
}

/** Where our encodings are those of 7.4 and not those of 7.0.15. */
export const DIFFERENT_ENCODINGS: readonly {
  readonly type: string;
  readonly own: readonly string[];
  readonly others: readonly string[];
  readonly reason: string;
}[] = [
  { type: "list", own: ["listpack"], others: ["quicklist"], reason: "small lists are listpacks since 7.2" },
  { type: "set", own: ["listpack"], others: ["hashtable"], reason: "small sets are listpacks since 7.2" },
  {
    type: "set",
    own: ["hashtable"],
    others: ["intset"],
    reason: "since 7.2 the number of arguments decides before any is added, even if they are the same",
  },
  {
    type: "zset",
    own: ["skiplist"],
    others: ["listpack"],
    reason: "since 7.2 number and length of arguments decide before any is added, even if none is in the end",
  },
  {
    type: "hash",
    own: ["hashtable"],
    others: ["listpack"],
    reason: "since 7.2 the number of arguments decides before any is added, even if they are the same",
  },
  {
    type: "string",
    own: ["int"],
    others: ["embstr"],
    reason: "a whole number that INCRBYFLOAT wrote is an int at once",
  },
];

/** Leaves the connection in database 0. */
export async function stateOf(client: RawClient): Promise<State> {
  const state = new Map<string, KeyState>();
  for (let database = 0; database < DATABASES; database++) {
    await client.command("SELECT", String(database));
    const keys = elementsOf(await client.command("KEYS", "*")).sort(Buffer.compare);
    for (const key of keys) state.set(`${database}:${key.toString("latin1")}`, await stateOfKey(client, key));
  }
  await client.command("SELECT", "0");
  return state;
}

async function stateOfKey(client: RawClient, key: Buffer): Promise<KeyState> {
  const type = lineOf(await client.command("TYPE", key));
  const encoding = bulkOf(await client.command("OBJECT", "ENCODING", key));
  const ttlMs = Number(lineOf(await client.command("PTTL", key)));
  const content = CONTENT[type];
  const reply = content === undefined ? Buffer.alloc(0) : await client.command(...content.call(key));
  const ordered = content === undefined || content.group === 0 ? reply : sorted(reply, content.group);
  return { type, encoding, ttlMs, content: ordered.toString("latin1") };
}

function elementsOf(reply: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (let position = reply.indexOf(CR) + 2; position < reply.length; ) {
    const end = frameEnd(reply, position);
    elements.push(reply.subarray(reply.indexOf(CR, position) + 2, end - 2));
    position = end;
  }
  return elements;
}

function lineOf(reply: Buffer): string {
  return reply.toString("latin1", 1, reply.length - 2);
}

function bulkOf(reply: Buffer): string {
  return reply.toString("latin1", reply.indexOf(CR) + 2, reply.length - 2);
}
