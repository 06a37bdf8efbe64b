/**
 * An episode: both servers emptied, one connection to each, a list of calls sent to both in large pipelines, every reply
 * compared, and from time to time everything that the servers hold. The first difference ends it. As an episode starts from
 * nothing, its calls are all there is to repeat it: a difference is shrunk by leaving out calls as long as it stays.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { RawClient } from "./raw-client.ts";
import { ReplyComparison } from "./reply-comparison.ts";
import type { Word } from "./script.ts";
import { isSameState, type KeyState, type State, stateOf } from "./state-comparison.ts";

export type EpisodeCall = readonly Word[];

export interface Ports {
  readonly ours: number;
  readonly reference: number;
}

export interface Difference {
  /** Of the call whose replies differ, or after which the states do. */
  readonly at: number;
  readonly isState: boolean;
  /** For people. */
  readonly what: string;
  /** The same for the same fault, so that shrinking does not wander off. */
  readonly kind: string;
}

const BATCH_CALLS = 1000;
const SHOWN_BYTES = 300;

/** What every episode starts with, on its connections. */
const START: readonly EpisodeCall[] = [
  ["FLUSHALL"],
  ["DEBUG", "SET-ACTIVE-EXPIRE", "0"],
  ["CONFIG", "SET", "hash-max-listpack-entries", "128", "hash-max-listpack-value", "64"],
  ["CONFIG", "SET", "zset-max-listpack-entries", "128", "zset-max-listpack-value", "64"],
  ["CONFIG", "SET", "set-max-intset-entries", "512", "list-max-listpack-size", "-2"],
];

/** Undefined if the servers agree on everything. The states are compared every `stateEvery` calls and at the end. */
export async function runEpisode(
  ports: Ports,
  calls: readonly EpisodeCall[],
  stateEvery = Number.POSITIVE_INFINITY,
): Promise<Difference | undefined> {
  const [ours, reference] = await Promise.all([RawClient.connect(ports.ours), RawClient.connect(ports.reference)]);
  try {
    for (const call of START) await Promise.all([ours.command(...call), reference.command(...call)]);
    const comparison = new ReplyComparison();
    let sinceState = 0;
    for (let start = 0; start < calls.length; start += BATCH_CALLS) {
      const batch = calls.slice(start, start + BATCH_CALLS);
      const difference = await compareBatch(ours, reference, batch, comparison);
      if (difference !== undefined) return { ...difference, at: start + difference.at };
      sinceState += batch.length;
      const isLast = start + BATCH_CALLS >= calls.length;
      if (!isLast && sinceState < stateEvery) continue;
      sinceState = 0;
      const state = await compareStates(ports);
      if (state !== undefined) return { ...state, at: start + batch.length - 1 };
    }
    return undefined;
  } finally {
    ours.close();
    reference.close();
  }
}

async function compareBatch(
  ours: RawClient,
  reference: RawClient,
  batch: readonly EpisodeCall[],
  comparison: ReplyComparison,
): Promise<Difference | undefined> {
  const bytes = Buffer.concat(batch.map((call) => encodeCommand(call)));
  ours.write(bytes);
  reference.write(bytes);
  const [left, right] = await Promise.all([repliesOf(ours, batch.length), repliesOf(reference, batch.length)]);
  for (let i = 0; i < batch.length; i++) {
    const call = batch[i] as EpisodeCall;
    const own = left[i];
    const expected = right[i];
    if (own !== undefined && expected !== undefined && comparison.isSame(own, expected, call)) continue;
    const what = `${showCall(call)}\n  ours:      ${show(own)}\n  reference: ${show(expected)}`;
    return { at: i, isState: false, what, kind: `reply ${commandOf(call)}` };
  }
  return undefined;
}

/** As many as came before the connection ended or fell silent. */
async function repliesOf(client: RawClient, count: number): Promise<(Buffer | undefined)[]> {
  const replies: Buffer[] = [];
  while (replies.length < count) {
    const next = await client.replies(1).catch(() => undefined);
    if (next === undefined) break;
    replies.push(...next);
  }
  return replies;
}

async function compareStates(ports: Ports): Promise<Omit<Difference, "at"> | undefined> {
  const clients = await Promise.all([RawClient.connect(ports.ours), RawClient.connect(ports.reference)]);
  try {
    const [own, expected] = (await Promise.all(clients.map(stateOf))) as [State, State];
    for (const key of new Set([...own.keys(), ...expected.keys()])) {
      const left = own.get(key);
      const right = expected.get(key);
      if (isSameState(left, right)) continue;
      const what = `state of ${JSON.stringify(key)}\n  ours:      ${showState(left)}\n  reference: ${showState(right)}`;
      return { isState: true, what, kind: `state ${key}` };
    }
    return undefined;
  } finally {
    for (const client of clients) client.close();
  }
}

export function showCall(call: EpisodeCall): string {
  return call.map((word) => shorten(word.toString("latin1" as BufferEncoding))).join(" ");
}

function commandOf(call: EpisodeCall): string {
  return call[0]?.toString().toLowerCase() ?? "";
}

function show(reply: Buffer | undefined): string {
  return reply === undefined ? "none" : shorten(reply.toString("latin1"));
}

function showState(state: KeyState | undefined): string {
  if (state === undefined) return "none";
  return `${state.type} ${state.encoding} ${state.ttlMs} ${shorten(state.content)}`;
}

function shorten(text: string): string {
  return JSON.stringify(text.length > SHOWN_BYTES ? `${text.slice(0, SHOWN_BYTES)}… (${text.length} bytes)` : text);
}
