/**
 * Decodes RESP2 and RESP3 replies from a stream of chunks: for those who talk to servers (operator, replication handshake,
 * backup, tests). Incremental: a value is returned once it is there whole, however the bytes were cut.
 * Bounded: nesting, element counts and the size of a bulk string have limits; beyond them `next` throws a RespProtocolError
 * and the connection should be closed. Not for the request path of the server, which parses in place.
 */

/** An error reply: a value, not an exception. */
export class RespError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** An out-of-band message of RESP3. */
export class RespPush {
  readonly items: readonly RespValue[];
  constructor(items: readonly RespValue[]) {
    this.items = items;
  }
}

/** Simple strings are strings, bulk strings are Buffers, integers beyond 2^53 are bigints, every kind of nil is null. */
export type RespValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Buffer
  | RespError
  | RespPush
  | RespValue[]
  | Map<RespValue, RespValue>;

export class RespProtocolError extends Error {}

export interface RespDecoderLimits {
  readonly maxBulkBytes: number;
  readonly maxDepth: number;
  readonly maxElements: number;
}

/** 512 MiB is proto-max-bulk-len's default; the others are far above what servers send. */
export const DEFAULT_LIMITS: RespDecoderLimits = { maxBulkBytes: 512 << 20, maxDepth: 64, maxElements: 1 << 24 };

const CR = 13;
const MAX_LINE_BYTES = 64 << 10;
const INCOMPLETE = Symbol("incomplete");
type Parsed = RespValue | typeof INCOMPLETE;

export class RespDecoder {
  readonly #limits: RespDecoderLimits;
  #buffer: Buffer = Buffer.alloc(0);
  #position = 0;
  /** Bytes that must be there before another attempt is worth its while. */
  #needed = 0;

  constructor(limits: RespDecoderLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  push(chunk: Uint8Array): void {
    const rest = this.#buffer.length - this.#position;
    if (rest === 0) {
      this.#buffer = Buffer.from(chunk);
      this.#position = 0;
      return;
    }
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#position), chunk], rest + chunk.length);
    this.#position = 0;
  }

  /** The next whole value, or undefined until more has been pushed. */
  next(): RespValue | undefined {
    if (this.#buffer.length - this.#position < this.#needed) return undefined;
    const start = this.#position;
    this.#needed = 0;
    const value = this.#value(0);
    if (value !== INCOMPLETE) return value;
    this.#needed = Math.max(0, this.#needed - start);
    this.#position = start;
    return undefined;
  }

  /** Takes what has been pushed but not decoded, for a stream that stops being RESP (an RDB file after PSYNC). */
  takeRest(): Buffer {
    const rest = this.#buffer.subarray(this.#position);
    this.#buffer = Buffer.alloc(0);
    this.#position = 0;
    this.#needed = 0;
    return rest;
  }

  #value(depth: number): Parsed {
    if (depth > this.#limits.maxDepth) throw new RespProtocolError(`Reply nested deeper than ${this.#limits.maxDepth}`);
    const line = this.#line();
    if (line === undefined) return INCOMPLETE;
    const body = line.slice(1);
    switch (line[0]) {
      case "+":
        return body;
      case "-":
        return new RespError(body);
      case "!": {
        const error = this.#bulk(body);
        return Buffer.isBuffer(error) ? new RespError(error.toString()) : error;
      }
      case ":":
        return parseInteger(body);
      case "(":
        return BigInt(body);
      case ",":
        return parseDouble(body);
      case "#":
        return body === "t";
      case "_":
        return null;
      case "$":
        return this.#bulk(body);
      case "=": {
        const text = this.#bulk(body);
        return Buffer.isBuffer(text) ? text.subarray(4) : text;
      }
      case "*":
      case "~":
        return this.#list(body, depth);
      case ">": {
        const items = this.#list(body, depth);
        return Array.isArray(items) ? new RespPush(items) : items;
      }
      case "%":
        return this.#map(body, depth);
      default:
        throw new RespProtocolError(`Unexpected reply type "${line[0] ?? ""}"`);
    }
  }

  #line(): string | undefined {
    const end = this.#buffer.indexOf(CR, this.#position);
    if (end < 0 || end + 1 >= this.#buffer.length) {
      if (this.#buffer.length - this.#position > MAX_LINE_BYTES) throw new RespProtocolError("Reply line too long");
      return undefined;
    }
    const line = this.#buffer.toString("latin1", this.#position, end);
    this.#position = end + 2;
    return line;
  }

  #bulk(sizeText: string): Parsed {
    const size = this.#size(sizeText, this.#limits.maxBulkBytes);
    if (size < 0) return null;
    const end = this.#position + size;
    if (end + 2 > this.#buffer.length) {
      this.#needed = end + 2;
      return INCOMPLETE;
    }
    const bytes = Buffer.from(this.#buffer.subarray(this.#position, end));
    this.#position = end + 2;
    return bytes;
  }

  #list(sizeText: string, depth: number): RespValue[] | null | typeof INCOMPLETE {
    const count = this.#size(sizeText, this.#limits.maxElements);
    if (count < 0) return null;
    const items: RespValue[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.#value(depth + 1);
      if (item === INCOMPLETE) return INCOMPLETE;
      items.push(item);
    }
    return items;
  }

  #map(sizeText: string, depth: number): Parsed {
    const count = this.#size(sizeText, this.#limits.maxElements);
    const entries = new Map<RespValue, RespValue>();
    for (let i = 0; i < count; i++) {
      const key = this.#value(depth + 1);
      if (key === INCOMPLETE) return INCOMPLETE;
      const value = this.#value(depth + 1);
      if (value === INCOMPLETE) return INCOMPLETE;
      entries.set(Buffer.isBuffer(key) ? key.toString() : key, value);
    }
    return entries;
  }

  #size(text: string, max: number): number {
    const size = Number(text);
    if (!Number.isInteger(size) || size < -1 || size > max) throw new RespProtocolError(`Invalid length "${text}"`);
    return size;
  }
}

function parseInteger(text: string): number | bigint {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  if (!/^[+-]?\d+$/.test(text)) throw new RespProtocolError(`Invalid integer "${text}"`);
  return BigInt(text);
}

function parseDouble(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}
