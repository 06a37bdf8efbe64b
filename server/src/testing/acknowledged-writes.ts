/**
 * Load on a cluster whose nodes go away: writers append numbers to lists and record which of them a replica has acknowledged
 * (WAIT 1). An answer that does not come leaves open whether the write was done, so it is not done again: each number is sent
 * once. Afterwards each list must hold every acknowledged number, in order; others may be missing, or come late where the
 * network held them back, but none may be there twice or made up.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { slotOf } from "./cluster-client.ts";
import type { Address } from "./fleet.ts";
import { ReferenceClient } from "./reference-server.ts";

/** Of WAIT. A primary without replicas delays its writers by this. */
const COPY_TIMEOUT_MS = 100;
/** Nobody answers at an address that is cut off. */
const CONNECT_TIMEOUT_MS = 150;
const REPLY_TIMEOUT_MS = 600;
/** An address that did not answer is left alone for this long. */
const AVOIDED_MS = 1000;
const PACE_MS = 10;
const RETRY_MS = 20;
const SHOWN_FAULTS = 10;

export interface Appended {
  readonly key: string;
  /** Up to here numbers have been sent. */
  sent: number;
  readonly acknowledged: number[];
  /** Answered, but without a replica: may be lost. */
  accepted: number;
}

export class AcknowledgedWrites {
  readonly writers: readonly Writer[];
  readonly #addresses: () => readonly Address[];
  #running: Promise<unknown> = Promise.resolve();

  /** One writer a tag. */
  constructor(addresses: () => readonly Address[], tags: readonly string[]) {
    this.#addresses = addresses;
    this.writers = tags.map((tag) => new Writer(tag, addresses));
  }

  get acknowledged(): number {
    return this.#lists.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  }

  get accepted(): number {
    return this.#lists.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  start(): void {
    for (const writer of this.writers) writer.isStopping = false;
    this.#running = Promise.all(this.writers.map((writer) => writer.run()));
  }

  async stop(): Promise<void> {
    for (const writer of this.writers) writer.isStopping = true;
    await this.#running;
  }

  /** From now on all write to new lists. */
  beginRound(round: number): void {
    for (const writer of this.writers) writer.beginList(round);
  }

  /** Reads the lists of this round, or of all; throws with what was lost. */
  async verify(round?: number): Promise<void> {
    const client = new Writer("reader", this.#addresses);
    const lists = this.writers.flatMap((writer) => (round === undefined ? writer.lists : writer.lists.slice(-1)));
    try {
      for (const list of lists) await verifyList(client, list);
    } finally {
      client.close();
    }
  }

  get #lists(): Appended[] {
    return this.writers.flatMap(({ lists }) => lists);
  }
}

/** Throws if what the cluster has in the list is not what was promised. */
export async function verifyList(reader: Writer, list: Appended): Promise<void> {
  const promised = [...list.acknowledged];
  const { sent } = list;
  const numbers = ((await reader.read("LRANGE", list.key, 0, -1)) as RespValue[]).map((item) => Number(String(item)));
  const present = new Map(numbers.map((number, n) => [number, n]));
  const isSound = present.size === numbers.length && numbers.every((number) => number <= Math.max(sent, list.sent));
  if (!isSound) throw new Error(`${list.key} holds numbers twice, or that were never sent`);
  const places = promised.flatMap((number) => present.get(number) ?? []);
  if (places.some((place, n) => place < (places[n - 1] ?? 0))) throw new Error(`${list.key} is out of order`);
  const lost = promised.filter((number) => !present.has(number));
  if (lost.length === 0) return;
  const shown = lost.slice(0, SHOWN_FAULTS).join(", ");
  throw new Error(`${list.key} has lost ${lost.length} of ${promised.length} acknowledged writes: ${shown}`);
}

interface Connection {
  readonly address: Address;
  readonly client: ReferenceClient;
}

export class Writer {
  readonly tag: string;
  readonly slot: number;
  readonly lists: Appended[] = [];
  isStopping = false;
  readonly #addresses: () => readonly Address[];
  #target: Address;
  #connection: Connection | undefined;
  readonly #avoidedUntilMs = new Map<string, number>();
  #watch: { readonly sinceMs: number; readonly resolve: (atMs: number) => void } | undefined;

  constructor(tag: string, addresses: () => readonly Address[]) {
    this.tag = tag;
    this.slot = slotOf(tag);
    this.#addresses = addresses;
    this.#target = addresses()[0] as Address;
  }

  beginList(round: number): void {
    this.lists.push({ key: `round:${round}:{${this.tag}}`, sent: 0, acknowledged: [], accepted: 0 });
  }

  /** When a write was first answered that was sent after this moment. */
  acceptedSince(sinceMs: number): Promise<number> {
    return new Promise((resolve) => {
      this.#watch = { sinceMs, resolve };
    });
  }

  async run(): Promise<void> {
    while (!this.isStopping) {
      await this.#append(this.lists.at(-1) as Appended);
      await pause(PACE_MS);
    }
    this.close();
  }

  /** The reply of whoever serves the key. */
  async read(...command: readonly [name: string, key: string, ...rest: (string | number)[]]): Promise<RespValue> {
    for (;;) {
      const [reply] = (await this.#send([command])) ?? [];
      if (reply !== undefined && !(reply instanceof RespError)) return reply;
      await this.#redirect(reply);
    }
  }

  close(): void {
    this.#connection?.client.close();
    this.#connection = undefined;
  }

  async #append(list: Appended): Promise<void> {
    const number = ++list.sent;
    const sentMs = Date.now();
    const replies = await this.#send([
      ["RPUSH", list.key, number],
      ["WAIT", 1, COPY_TIMEOUT_MS],
    ]);
    const [length, copies] = replies ?? [];
    if (typeof length !== "number") {
      await this.#redirect(length);
      return;
    }
    if (typeof copies === "number" && copies >= 1) list.acknowledged.push(number);
    else list.accepted++;
    if (this.#watch === undefined || this.#watch.sinceMs > sentMs) return;
    this.#watch.resolve(Date.now());
    this.#watch = undefined;
  }

  /** Undefined if no answer came. */
  async #send(commands: readonly (readonly (string | number)[])[]): Promise<RespValue[] | undefined> {
    const target = this.#target;
    try {
      if (this.#connection?.address !== target) {
        this.close();
        const client = await ReferenceClient.connect(target.port, {
          ...{ host: target.host, connectTimeoutMs: CONNECT_TIMEOUT_MS, timeoutMs: REPLY_TIMEOUT_MS },
        });
        this.#connection = { address: target, client };
      }
      return await this.#connection.client.send(commands);
    } catch {
      this.close();
      this.#avoidedUntilMs.set(nameOf(target), Date.now() + AVOIDED_MS);
      return undefined;
    }
  }

  /** Goes to where MOVED says, else to the next address. */
  async #redirect(reply: RespValue | undefined): Promise<void> {
    const [word, , where] = reply instanceof RespError ? reply.message.split(" ") : [];
    const [host = "", port = ""] = (where ?? "").split(/:(?=\d+$)/);
    const addresses = this.#addresses();
    const told = addresses.find((address) => address.host === host && address.port === Number(port));
    if (word === "MOVED" && told !== undefined && !this.#isAvoided(told)) {
      this.#target = told;
      return;
    }
    await pause(RETRY_MS);
    const start = addresses.indexOf(this.#target);
    const others = addresses.map((_, n) => addresses[(start + 1 + n) % addresses.length] as Address);
    this.#target = others.find((address) => !this.#isAvoided(address)) ?? (others[0] as Address);
  }

  #isAvoided(address: Address): boolean {
    return (this.#avoidedUntilMs.get(nameOf(address)) ?? 0) > Date.now();
  }
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
