/**
 * Load on a cluster that knows what must be there afterwards: writers that each own some keys and keep count of the writes
 * acknowledged for each. What a key holds, and what the next write to it must answer, follows from its count alone; so a
 * write that was lost, or done twice, shows at once by the next answer, and at the end by what is read.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { ClusterClient, type Command, type Detour } from "./cluster-client.ts";

/** What is done to a key; `count` writes to it have been acknowledged before. */
interface Kind {
  write(key: string, count: number): Command;
  answer(count: number): string;
  read(key: string): Command;
  content(count: number): string;
  /** Keys that there are after so many writes. */
  keys(count: number): number;
}

const one = (count: number): number => Math.min(count, 1);

const KINDS: Readonly<Record<string, Kind>> = {
  counter: {
    write: (key) => ["INCR", key],
    answer: (count) => `${count + 1}`,
    read: (key) => ["GET", key],
    content: (count) => (count === 0 ? "nil" : `${count}`),
    keys: one,
  },
  text: {
    write: (key, count) => ["SET", key, `text ${count + 1}`, "PX", 3_600_000],
    answer: () => "OK",
    read: (key) => ["GET", key],
    content: (count) => (count === 0 ? "nil" : `text ${count}`),
    keys: one,
  },
  comesAndGoes: {
    write: (key, count) => (count % 2 === 0 ? ["SET", key, count, "NX"] : ["DEL", key]),
    answer: (count) => (count % 2 === 0 ? "OK" : "1"),
    read: (key) => ["EXISTS", key],
    content: (count) => `${count % 2}`,
    keys: (count) => count % 2,
  },
  pair: {
    write: (key, count) => ["MSET", `${key}:a`, count + 1, `${key}:b`, count + 1],
    answer: () => "OK",
    read: (key) => ["MGET", `${key}:a`, `${key}:b`],
    content: (count) => (count === 0 ? "nil nil" : `${count} ${count}`),
    keys: (count) => 2 * one(count),
  },
  list: {
    write: (key, count) => ["RPUSH", key, count],
    answer: (count) => `${count + 1}`,
    read: (key) => ["LRANGE", key, 0, -1],
    content: (count) => Array.from({ length: count }, (_, n) => n).join(" "),
    keys: one,
  },
  hash: {
    write: (key) => ["HINCRBY", key, "field", 1],
    answer: (count) => `${count + 1}`,
    read: (key) => ["HGETALL", key],
    content: (count) => (count === 0 ? "" : `field ${count}`),
    keys: one,
  },
  sortedSet: {
    write: (key, count) => ["ZADD", key, count, `member ${count}`],
    answer: () => "1",
    read: (key) => ["ZCARD", key],
    content: (count) => `${count}`,
    keys: one,
  },
  stream: {
    write: (key, count) => ["XADD", key, `${count + 1}-0`, "field", count],
    answer: (count) => `${count + 1}-0`,
    read: (key) => ["XLEN", key],
    content: (count) => `${count}`,
    keys: one,
  },
};

interface RecordedKey {
  readonly name: string;
  readonly kind: Kind;
  acknowledged: number;
}

const MOST_FAULTS = 20;

export interface LoadOptions {
  readonly seedPort: number;
  readonly writers: number;
  /** Hash tags; each writer has a key of each kind with each of them. */
  readonly tags: readonly string[];
  readonly seed: number;
  readonly password?: string | undefined;
}

export class RecordedWrites {
  /** Answers that were not what the record says; empty if all is well. */
  readonly faults: string[] = [];
  /** The longest that one has waited for its answer, all detours taken. */
  longestWaitMs = 0;
  readonly #options: LoadOptions;
  readonly #keys: RecordedKey[][];
  readonly #clients: ClusterClient[];
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
    const { writers, seedPort, password } = options;
    this.#clients = Array.from({ length: writers }, () => new ClusterClient(seedPort, password));
    this.#keys = this.#clients.map((_, writer) => keysOf(writer, options.tags));
  }

  get acknowledged(): number {
    return this.#keys.flat().reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** Keys that there must be in the whole cluster; only sure while nothing is being written. */
  get keyCount(): number {
    return this.#keys.flat().reduce((sum, { kind, acknowledged }) => sum + kind.keys(acknowledged), 0);
  }

  detours(word: Detour): number {
    return this.#clients.reduce((sum, client) => sum + client.detours[word], 0);
  }

  /** Writes each key once, then goes on at random until stopped. */
  async start(): Promise<void> {
    this.#isStopping = false;
    await Promise.all(
      this.#keys.map(async (keys, writer) => {
        for (const key of keys) await this.#write(writer, key);
      }),
    );
    this.#running = Promise.all(
      this.#keys.map((keys, writer) => this.#writeOn(writer, keys, createSeededRandom(this.#options.seed + writer))),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Reads every key; what differs from the record goes to `faults`. */
  async verify(): Promise<void> {
    for (const [writer, keys] of this.#keys.entries()) {
      for (const { name, kind, acknowledged } of keys) {
        const command = kind.read(name);
        this.#compare(command, await this.#send(writer, command), kind.content(acknowledged));
      }
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async #writeOn(writer: number, keys: readonly RecordedKey[], random: Random): Promise<void> {
    while (!this.#isStopping && this.faults.length < MOST_FAULTS) {
      await this.#write(writer, keys[random.below(keys.length)] as RecordedKey);
    }
  }

  async #write(writer: number, key: RecordedKey): Promise<void> {
    const command = key.kind.write(key.name, key.acknowledged);
    const expected = key.kind.answer(key.acknowledged);
    this.#compare(command, await this.#send(writer, command), expected);
    key.acknowledged++;
  }

  async #send(writer: number, command: Command): Promise<string> {
    const sentAt = performance.now();
    try {
      return plain(await (this.#clients[writer] as ClusterClient).send(...command));
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.longestWaitMs = Math.max(this.longestWaitMs, performance.now() - sentAt);
    }
  }

  #compare(command: Command, answer: string, expected: string): void {
    if (answer !== expected) this.faults.push(`${command.join(" ")}: "${answer}" instead of "${expected}"`);
  }
}

function keysOf(writer: number, tags: readonly string[]): RecordedKey[] {
  return tags.flatMap((tag) =>
    Object.entries(KINDS).map(([name, kind]) => ({ name: `${name}:{${tag}}:${writer}`, kind, acknowledged: 0 })),
  );
}

function plain(reply: RespValue): string {
  if (reply instanceof RespError) return reply.message;
  if (Array.isArray(reply)) return reply.map(plain).join(" ");
  return reply === null ? "nil" : String(reply);
}
