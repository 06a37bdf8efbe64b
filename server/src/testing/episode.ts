/**
 * An episode: both servers emptied, two connections to each, a list of calls sent to both in large pipelines, every reply
 * compared, and from time to time everything that the servers hold. The first difference ends it. As an episode starts from
 * nothing, its calls are all there is to repeat it: a difference is shrunk by leaving out calls as long as it stays.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { EventListener } from "./event-listener.ts";
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

/** In a list of calls: what follows is sent on the other of two connections. */
export const OTHER_CONNECTION: EpisodeCall = ["(other connection)"];

export interface EpisodeOptions {
  /** The states are compared after so many calls, and at the end. */
  readonly stateEvery?: number;
  readonly withEvents?: boolean;
}

/** Undefined if the servers agree on everything. */
export async function runEpisode(
  ports: Ports,
  calls: readonly EpisodeCall[],
  options: EpisodeOptions = {},
): Promise<Difference | undefined> {
  const episode = await Episode.start(ports, options);
  try {
    let [sinceState, connection] = [0, 0];
    for (let start = 0; start < calls.length; ) {
      const end = batchEnd(calls, start);
      const difference = await episode.compare(calls.slice(start, end), connection);
      if (difference !== undefined) return { ...difference, at: start + difference.at };
      sinceState += end - start;
      if (end === calls.length || sinceState >= (options.stateEvery ?? Number.POSITIVE_INFINITY)) {
        sinceState = 0;
        const state = await compareStates(ports);
        if (state !== undefined) return { ...state, at: end - 1 };
      }
      const isSwitch = calls[end] === OTHER_CONNECTION;
      if (isSwitch) connection = 1 - connection;
      start = isSwitch ? end + 1 : end;
    }
    return undefined;
  } finally {
    await episode.stop();
  }
}

function batchEnd(calls: readonly EpisodeCall[], start: number): number {
  const next = calls.indexOf(OTHER_CONNECTION, start);
  return Math.min(start + BATCH_CALLS, next < 0 ? calls.length : next);
}

/** One connection to each server. */
interface Pair {
  readonly ours: RawClient;
  readonly reference: RawClient;
  readonly comparison: ReplyComparison;
}

class Episode {
  readonly #pairs: readonly Pair[];
  readonly #listeners: readonly EventListener[];

  constructor(pairs: readonly Pair[], listeners: readonly EventListener[]) {
    this.#pairs = pairs;
    this.#listeners = listeners;
  }

  static async start(ports: Ports, { withEvents }: EpisodeOptions): Promise<Episode> {
    const pairs = await Promise.all([connectPair(ports), connectPair(ports)]);
    const [first] = pairs;
    for (const call of START) await Promise.all([first.ours.command(...call), first.reference.command(...call)]);
    const both = withEvents === true ? [ports.ours, ports.reference] : [];
    return new Episode(pairs, await Promise.all(both.map((port) => EventListener.start(port))));
  }

  async compare(batch: readonly EpisodeCall[], connection: number): Promise<Difference | undefined> {
    const difference = await compareBatch(this.#pairs[connection] as Pair, batch);
    if (difference !== undefined || this.#listeners.length === 0) return difference;
    const event = await compareEvents(this.#listeners);
    return event && { ...event, at: batch.length - 1 };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.stop()));
    for (const { ours, reference } of this.#pairs) {
      ours.close();
      reference.close();
    }
  }
}

async function connectPair(ports: Ports): Promise<Pair> {
  const [ours, reference] = await Promise.all([RawClient.connect(ports.ours), RawClient.connect(ports.reference)]);
  return { ours, reference, comparison: new ReplyComparison() };
}

async function compareBatch(pair: Pair, batch: readonly EpisodeCall[]): Promise<Difference | undefined> {
  const { ours, reference, comparison } = pair;
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

async function compareEvents(listeners: readonly EventListener[]): Promise<Omit<Difference, "at"> | undefined> {
  const [own = [], expected = []] = await Promise.all(listeners.map((listener) => listener.takeEvents()));
  for (let i = 0; i < Math.max(own.length, expected.length); i++) {
    if (own[i] !== undefined && expected[i]?.equals(own[i] as Buffer)) continue;
    const what = `keyspace event ${i}\n  ours:      ${show(own[i])}\n  reference: ${show(expected[i])}`;
    return { isState: true, what, kind: `event ${expected[i] ?? own[i]}` };
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
