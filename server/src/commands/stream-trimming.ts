/**
 * MAXLEN and MINID with their options, as XADD and XTRIM take them, and what replicas get in place of an approximate trim:
 * an exact one that leaves the same entries.
 */

import { StreamId } from "../memory/stream-id.ts";
import type { StreamValue, TrimRequest } from "../values/stream.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { CommandError, ERRORS } from "./errors.ts";
import type { StreamIdReader } from "./stream-ids.ts";

const DEFAULT_LIMIT = 10_000;
const LARGEST_DEFAULT_LIMIT = 1_000_000;
const NODES_AT_ONCE = 100;
const STAR = 42;

const INCOMPATIBLE = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
const NO_STRATEGY = "ERR syntax error, XTRIM must be called with a trimming strategy";
const LIMIT_WITHOUT_STRATEGY = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
const LIMIT_WITHOUT_APPROXIMATION = "ERR syntax error, LIMIT cannot be used without the special ~ option";

/** One object for all calls: `read` sets all of it. */
export class TrimArguments implements TrimRequest {
  strategy: "none" | "maxlen" | "minid" = "none";
  maxLength: number | undefined;
  readonly minId = new StreamId();
  isApproximate = false;
  limit = 0;
  /** XADD: an id was given, at the argument where the options end; else the server makes one. */
  isIdGiven = false;
  isSequenceOpen = false;
  readonly id = new StreamId();
  noMakeStream = false;
  readonly #reader: StreamIdReader;

  constructor(reader: StreamIdReader) {
    this.#reader = reader;
  }

  /** Reads options from argument 2 on; gives the argument where they end: for XADD the one with the id. */
  read(call: Call, isAdd: boolean): number {
    this.strategy = "none";
    this.maxLength = undefined;
    this.isApproximate = false;
    this.limit = 0;
    this.isIdGiven = false;
    this.isSequenceOpen = false;
    this.noMakeStream = false;
    if (isAdd && isStar(call, 2)) return 2;
    const end = this.#readOptions(call, isAdd);
    return end;
  }

  #readOptions(call: Call, isAdd: boolean): number {
    const { argc } = call;
    let isLimited = false;
    let at = 2;
    for (; at < argc; at++) {
      const hasMore = at + 1 < argc;
      if (isAdd && isStar(call, at)) break;
      if (hasMore && call.is(at, "maxlen")) at = this.#readMaxLength(call, at);
      else if (hasMore && call.is(at, "minid")) at = this.#readMinId(call, at);
      else if (hasMore && call.is(at, "limit")) {
        this.limit = integerArgument(call, ++at);
        if (this.limit < 0) throw new CommandError("ERR The LIMIT argument must be >= 0.");
        isLimited = true;
      } else if (isAdd && call.is(at, "nomkstream")) this.noMakeStream = true;
      else if (isAdd) {
        this.#reader.readStrict(call, at, this.id, true);
        this.isSequenceOpen = this.#reader.isSequenceOpen;
        this.isIdGiven = true;
        break;
      } else throw new CommandError(ERRORS.syntax);
    }
    this.#settleLimit(call, isAdd, isLimited);
    return at;
  }

  #settleLimit(call: Call, isAdd: boolean, isLimited: boolean): void {
    if (this.limit !== 0 && this.strategy === "none") throw new CommandError(LIMIT_WITHOUT_STRATEGY);
    if (!isAdd && this.strategy === "none") throw new CommandError(NO_STRATEGY);
    // What the primary sends was settled there.
    if (call.client.has(ClientFlag.primary)) this.limit = 0;
    else if (isLimited) {
      if (!this.isApproximate) throw new CommandError(LIMIT_WITHOUT_APPROXIMATION);
    } else if (this.isApproximate) {
      const entries = NODES_AT_ONCE * call.server.collections.limits.streamNodeMaxEntries;
      this.limit = entries <= 0 ? DEFAULT_LIMIT : Math.min(entries, LARGEST_DEFAULT_LIMIT);
    }
  }

  #readMaxLength(call: Call, at: number): number {
    at = this.#readApproximation(call, at);
    this.maxLength = integerArgument(call, at);
    if (this.maxLength < 0) throw new CommandError("ERR The MAXLEN argument must be >= 0.");
    this.strategy = "maxlen";
    return at;
  }

  #readMinId(call: Call, at: number): number {
    at = this.#readApproximation(call, at);
    this.#reader.readStrict(call, at, this.minId);
    this.strategy = "minid";
    return at;
  }

  /** Takes `~` or `=` behind the option; gives the argument with the threshold. */
  #readApproximation(call: Call, at: number): number {
    if (this.strategy !== "none") throw new CommandError(INCOMPATIBLE);
    const hasTwo = at + 2 < call.argc;
    this.isApproximate = hasTwo && call.is(at + 1, "~");
    return this.isApproximate || (hasTwo && call.is(at + 1, "=")) ? at + 2 : at + 1;
  }

  /** The words of an exact trim that leaves what this one left. */
  exactly(stream: StreamValue): string[] {
    if (this.strategy === "none") return [];
    if (this.strategy === "maxlen") {
      return ["MAXLEN", "=", String(this.isApproximate ? stream.count : this.maxLength)];
    }
    if (!this.isApproximate) return ["MINID", "=", String(this.minId)];
    const first = new StreamId();
    if (!stream.readFirstEntry(first)) first.setLargest();
    return ["MINID", "=", String(first)];
  }
}

function isStar(call: Call, index: number): boolean {
  return call.length[index] === 1 && call.buffer[call.offset[index] as number] === STAR;
}
