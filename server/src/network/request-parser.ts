/**
 * Parses requests in place: a whole request becomes offsets and lengths in the Call, without a copy and without an object.
 * A frame that is not there whole is parsed again from its start once enough more has come; `needed` says how much is
 * certain to be missing, so that a large argument is not looked at again with every packet.
 * Texts of protocol errors are Redis'.
 */

import type { Call } from "../commands/call.ts";
import { splitInlineRequest } from "./inline-request.ts";

/** Redis' bounds: arguments a request, bytes of a line, and what a client may send before it has authenticated. */
const MAX_ARGUMENTS = 2 ** 31 - 1;
const MAX_INLINE_BYTES = 64 << 10;
const UNAUTHENTICATED_ARGUMENTS = 10;
const UNAUTHENTICATED_BULK_BYTES = 16384;

export const INCOMPLETE = -1;
export const MALFORMED = -2;

const CR = 13;
const LF = 10;
const ASTERISK = 42;
const DOLLAR = 36;
const INVALID = -3;

export class RequestParser {
  /** Why the last parse gave MALFORMED: the text after `ERR Protocol error: `. */
  error = "";
  /** After INCOMPLETE: absolute position up to which bytes are surely needed, 0 if not known. */
  needed = 0;
  maxBulkBytes = 512 << 20;
  #after = 0;

  /**
   * Parses the request at `position`. Gives the position after it, INCOMPLETE or MALFORMED.
   * An empty request (blank line, `*0`) leaves `call.argc` 0.
   */
  parse(buffer: Buffer, position: number, end: number, call: Call, authenticated: boolean): number {
    this.needed = 0;
    if (buffer[position] !== ASTERISK) return this.#inline(buffer, position, end, call);
    const argc = this.#number(buffer, position + 1, end);
    if (argc < 0 && this.#after <= 0)
      return this.#badLine(argc, end - position, "invalid multibulk length", "too big mbulk count string");
    if (argc > MAX_ARGUMENTS) return this.#malformed("invalid multibulk length");
    if (!authenticated && argc > UNAUTHENTICATED_ARGUMENTS) return this.#malformed("unauthenticated multibulk length");
    call.buffer = buffer;
    call.argc = 0;
    if (argc <= 0) return this.#after;
    return this.#arguments(buffer, end, argc, call, authenticated ? this.maxBulkBytes : UNAUTHENTICATED_BULK_BYTES);
  }

  #arguments(buffer: Buffer, end: number, argc: number, call: Call, maxBulkBytes: number): number {
    let p = this.#after;
    let capacity = call.offset.length;
    for (let i = 0; i < argc; i++) {
      if (p >= end) {
        this.needed = p;
        return INCOMPLETE;
      }
      if (buffer[p] !== DOLLAR)
        return this.#malformed(`expected '$', got '${String.fromCharCode(buffer[p] as number)}'`);
      const size = this.#number(buffer, p + 1, end);
      if (size < 0) {
        if (this.#after > 0) return this.#malformed("invalid bulk length");
        return this.#badLine(size, end - p, "invalid bulk length", "too big bulk count string");
      }
      if (size > maxBulkBytes) return this.#tooLarge(maxBulkBytes);
      p = this.#after;
      if (i >= capacity) {
        call.reserve(i + 1);
        capacity = call.offset.length;
      }
      call.offset[i] = p;
      call.length[i] = size;
      p += size + 2;
    }
    if (p > end) {
      this.needed = p;
      return INCOMPLETE;
    }
    call.argc = argc;
    return p;
  }

  #tooLarge(maxBulkBytes: number): number {
    if (maxBulkBytes === UNAUTHENTICATED_BULK_BYTES) return this.#malformed("unauthenticated bulk length");
    return this.#malformed("invalid bulk length");
  }

  /**
   * The decimal number up to the next line break, `#after` the position behind it. INVALID with `#after` 0 if it is none,
   * INCOMPLETE with `#after` 0 if the line has not ended. A negative number is given as −1 with `#after` set.
   */
  #number(buffer: Buffer, position: number, end: number): number {
    let value = 0;
    let p = position;
    let negative = false;
    this.#after = 0;
    if (p < end && buffer[p] === 45) {
      negative = true;
      p++;
    }
    const first = p;
    for (; p < end; p++) {
      const byte = buffer[p] as number;
      if (byte === CR) {
        if (p + 1 >= end) return INCOMPLETE;
        if (p === first) return INVALID;
        this.#after = p + 2;
        return negative ? (value === 0 ? 0 : -1) : value;
      }
      if (byte < 48 || byte > 57 || p - first > 18) return this.#lineEnds(buffer, p, end) ? INVALID : INCOMPLETE;
      value = value * 10 + byte - 48;
    }
    return INCOMPLETE;
  }

  #lineEnds(buffer: Buffer, position: number, end: number): boolean {
    const at = buffer.indexOf(CR, position);
    return at >= 0 && at + 1 < end;
  }

  #badLine(kind: number, available: number, invalid: string, tooLong: string): number {
    if (kind === INVALID) return this.#malformed(invalid);
    return available > MAX_INLINE_BYTES ? this.#malformed(tooLong) : INCOMPLETE;
  }

  #inline(buffer: Buffer, position: number, end: number, call: Call): number {
    const lineFeed = buffer.indexOf(LF, position);
    if (lineFeed < 0 || lineFeed >= end) {
      return end - position > MAX_INLINE_BYTES ? this.#malformed("too big inline request") : INCOMPLETE;
    }
    const lineEnd = lineFeed > position && buffer[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    const words = splitInlineRequest(buffer.toString("latin1", position, lineEnd));
    if (words === undefined) return this.#malformed("unbalanced quotes in request");
    call.buffer = Buffer.from(words.join(""), "latin1");
    call.argc = words.length;
    call.reserve(words.length);
    let offset = 0;
    for (const [i, word] of words.entries()) {
      call.offset[i] = offset;
      call.length[i] = word.length;
      offset += word.length;
    }
    return lineFeed + 1;
  }

  #malformed(error: string): number {
    this.error = error;
    return MALFORMED;
  }
}
