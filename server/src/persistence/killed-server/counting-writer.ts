/**
 * A client of a server that will be killed. It counts 1, 2, 3, …; each number is one transaction that changes a list, a counter,
 * one of many small keys, a large value, and a counter that all writers share. So whatever the server has after its next start
 * must be the state after some number of each writer, and the shared counter says whether these belong to one moment.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { ReferenceClient } from "../../testing/reference-server.ts";
import { LARGE_VALUES, type LargeValue, latestAt } from "./large-values.ts";

export interface DataSize {
  /** Small keys of each writer. */
  readonly keys: number;
  /** Elements of each writer's large value. */
  readonly elements: number;
}

export const TOTAL = "total";
/** Keys of a writer beside the small ones: list, counter, large value. */
const OTHER_KEYS = 3;
const PADDING = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWX";
const AT_ONCE = 1000;
/** Places looked at in a check that is not thorough. */
const RECENT = 200;

export class CountingWriter {
  readonly #index: number;
  readonly #size: DataSize;
  readonly #large: LargeValue;
  /** What was there at the last check: nothing of it may go any more, if it is on the disk. */
  found = 0;
  sent = 0;
  acknowledged = 0;
  totalAcknowledged = 0;

  constructor(index: number, size: DataSize) {
    this.#index = index;
    this.#size = size;
    this.#large = LARGE_VALUES[index % LARGE_VALUES.length] as LargeValue;
  }

  static keysInAll(writers: number, { keys }: DataSize): number {
    return writers * (keys + OTHER_KEYS) + 1;
  }

  get list(): string {
    return `list:${this.#index}`;
  }

  get #counter(): string {
    return `counter:${this.#index}`;
  }

  get #largeKey(): string {
    return `large:${this.#index}`;
  }

  /** The state after number 0, but for the list and the counters, which are not there yet. */
  async fill(client: ReferenceClient): Promise<void> {
    const { keys, elements } = this.#size;
    for (let place = 0; place < keys; place += AT_ONCE) {
      const places = Array.from({ length: Math.min(AT_ONCE, keys - place) }, (_, offset) => place + offset);
      await client.send([["MSET", ...places.flatMap((at) => [this.#keyOf(at), contentOf(0)])]]);
    }
    await client.send(this.#large.fill(this.#largeKey, elements));
  }

  /** Until the server is killed. */
  async writeUntilCut(port: number): Promise<void> {
    try {
      const client = await ReferenceClient.connect(port);
      for (;;) {
        const number = ++this.sent;
        const replies = await client.send(this.#transaction(number));
        if (!Array.isArray(replies.at(-1))) break;
        this.acknowledged = number;
        this.totalAcknowledged++;
      }
    } catch {
      // The server was killed.
    }
  }

  /** Reads what is there, which must be the state after some number; gives that. Throws with what is wrong. */
  async read(client: ReferenceClient, isThorough: boolean): Promise<number> {
    const [items, counter] = await client.send([
      ["LRANGE", this.list, "0", "-1"],
      ["GET", this.#counter],
    ]);
    const numbers = (items as RespValue[]).map(Number);
    const last = numbers.length;
    const isWhole = numbers.every((number, index) => number === index + 1);
    if (!isWhole || Number(counter ?? 0) !== last) throw new Error(`${this.list} has gaps or halves`);
    if (last > this.sent) throw new Error(`${this.list} has ${last} numbers, of which ${this.sent} were sent`);
    await this.#readSmall(client, last, isThorough);
    if (isThorough) await this.#readLarge(client, last);
    return last;
  }

  /** Goes on from here. */
  adopt(last: number): void {
    this.found = last;
    this.sent = last;
    this.acknowledged = last;
  }

  async #readSmall(client: ReferenceClient, last: number, isThorough: boolean): Promise<void> {
    const { keys } = this.#size;
    const places = Array.from({ length: isThorough ? keys : Math.min(keys, RECENT) }, (_, back) => {
      return (((last - back) % keys) + keys) % keys;
    });
    for (let start = 0; start < places.length; start += AT_ONCE) {
      const some = places.slice(start, start + AT_ONCE);
      const [values] = await client.send([["MGET", ...some.map((place) => this.#keyOf(place))]]);
      for (const [index, place] of some.entries()) {
        const expected = contentOf(latestAt(place, keys, last));
        const found = String((values as RespValue[])[index]);
        if (found !== expected) throw new Error(`After ${last}, ${this.#keyOf(place)} is ${found}, not ${expected}`);
      }
    }
  }

  async #readLarge(client: ReferenceClient, last: number): Promise<void> {
    const { elements } = this.#size;
    const expected = this.#large.expected(elements, last);
    const [reply] = await client.send([this.#large.read(this.#largeKey, elements)]);
    const found = this.#large.found(reply);
    const different = expected.findIndex((text, index) => text !== found[index]);
    if (different < 0 && found.length === expected.length) return;
    const difference = `${found[different]?.slice(0, 100)} in place of ${expected[different]?.slice(0, 100)}`;
    throw new Error(`After ${last}, ${this.#largeKey} of ${found.length} elements has ${difference}`);
  }

  #transaction(number: number): readonly (readonly string[])[] {
    const { keys, elements } = this.#size;
    return [
      ["MULTI"],
      ["RPUSH", this.list, String(number)],
      ["INCR", this.#counter],
      ["INCR", TOTAL],
      ["SET", this.#keyOf(number % keys), contentOf(number)],
      ...this.#large.change(this.#largeKey, elements, number),
      ["EXEC"],
    ];
  }

  #keyOf(place: number): string {
    return `key:${this.#index}:${place}`;
  }
}

function contentOf(number: number): string {
  return `${number}:${PADDING}`;
}
