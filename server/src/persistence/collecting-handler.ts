/** An RdbHandler that keeps everything as plain JavaScript values, for tests and for looking into small files. */

import type { ByteSpan } from "../memory/byte-span.ts";
import { typeName, type ValueType } from "../values/value-type.ts";
import type { RdbHandler, RdbKey } from "./rdb-reader.ts";
import type { StreamHandler } from "./stream-reader.ts";

export interface CollectedKey {
  readonly type: string;
  readonly value: string | string[] | Record<string, string | number>;
  readonly expireAtMs: number;
  /** Only where the file tells. */
  readonly idleSeconds?: number;
  readonly frequency?: number;
}

export class CollectingHandler implements RdbHandler {
  readonly auxFields: Record<string, string> = {};
  /** `database:key` to value; bytes as latin1. */
  readonly keys: Record<string, CollectedKey> = {};
  readonly order: string[] = [];
  readonly libraries: string[] = [];
  /** A stream is told as lines of text. */
  readonly streams: StreamHandler = {
    block: (id, block, entries) =>
      void this.#elements.push(`block ${id} ${entries} ${block.toBuffer().toString("latin1")}`),
    facts: ({ lastId, firstId, maxDeletedId, added }) =>
      void this.#elements.push(`facts ${lastId} ${firstId} ${maxDeletedId} ${added.toBigInt()}`),
    group: (name, lastId, read) => this.#line(`group ${text(name)} ${lastId} ${read?.toBigInt()}`),
    pending: (id, deliveryMs, deliveries) => this.#line(`pending ${id} ${deliveryMs} ${deliveries.toBigInt()}`),
    consumer: (name, seenMs, activeMs) =>
      this.#line(`consumer ${text(name)} ${seenMs}${activeMs < 0 ? "" : ` ${activeMs}`}`),
    own: (id) => this.#line(`own ${id}`),
  };
  #database = 0;
  #elements: string[] = [];
  #pairs: [string, string | number][] = [];
  #type = 0;

  aux(name: string, value: string): void {
    this.auxFields[name] = value;
  }

  library(source: ByteSpan): void {
    this.libraries.push(text(source));
  }

  selectDatabase(index: number): void {
    this.#database = index;
  }

  resize(): void {
    // Nothing to make room for.
  }

  string(key: RdbKey, value: ByteSpan): void {
    this.#keep(key, "string", text(value));
  }

  packed(): boolean {
    return false;
  }

  begin(_key: RdbKey, type: ValueType): void {
    this.#type = type;
    this.#elements = [];
    this.#pairs = [];
  }

  element(value: ByteSpan): void {
    this.#elements.push(text(value));
  }

  member(value: ByteSpan, score: number): void {
    this.#pairs.push([text(value), score]);
  }

  field(name: ByteSpan, value: ByteSpan, expireAtMs: number): void {
    this.#pairs.push([text(name), expireAtMs === 0 ? text(value) : `${text(value)} until ${expireAtMs}`]);
  }

  end(key: RdbKey): void {
    const type = typeName(this.#type);
    if (type === "set") this.#elements.sort();
    const isPairs = type === "zset" || type === "hash";
    this.#keep(key, type, isPairs ? Object.fromEntries(this.#pairs) : this.#elements);
  }

  #line(line: string): undefined {
    this.#elements.push(line);
  }

  #keep(key: RdbKey, type: string, value: CollectedKey["value"]): void {
    const name = `${this.#database}:${text(key.name)}`;
    this.order.push(name);
    const { expireAtMs, idleSeconds, frequency } = key;
    const access = { ...(idleSeconds >= 0 && { idleSeconds }), ...(frequency >= 0 && { frequency }) };
    this.keys[name] = { type, value, expireAtMs, ...access };
  }
}

function text(span: ByteSpan): string {
  return span.buffer.toString("latin1", span.offset, span.offset + span.length);
}
