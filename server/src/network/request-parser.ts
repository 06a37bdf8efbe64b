/**
 * Parses requests in place: a whole request becomes offsets and lengths in the Call, without a copy and without an object.
 * A frame that is not there whole is parsed again from its start once enough more has come; `needed` says how much is
 * certain to be missing, so that a large argument is not looked at again with every packet.
 * Texts of protocol errors are Redis'.
 */

import { parseInt64 } from "../commands/arguments.ts";
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
/** `$0` and two line breaks. */
const SMALLEST_ARGUMENT_BYTES = 6;
/** Requests smaller than this are parsed again with each packet. */
const PATIENT_BYTES = 64 << 10;
/** Numbers of so many characters are read digit by digit as safe integers; longer ones, signs and faults in the slow way. */
const SHORT_DIGITS = 15;

export class RequestParser {
  /** Why the last parse gave MALFORMED: the text after `ERR Protocol error: `. */
  error = "";
  /** After INCOMPLETE: absolute position up to which bytes are surely needed, 0 if not known. */
  needed = 0;
  maxBulkBytes = 512 << 20;
  #after = 0;
  #start = 0;

  /**
   * Parses the request at `position`. Gives the position after it, INCOMPLETE or MALFORMED.
   * An empty request (blank line, `*0`) leaves `call.argc` 0.
   */
  parse(buffer: Buffer, position: number, end: number, call: Call, authenticated: boolean): number {
    this.needed = 0;
    this.#start = position;
    if (buffer[position] !== ASTERISK) return this.#inline(buffer, position, end, call);
    const argc = this.#number(buffer, position + 1, end);
    if (this.#after === 0) {
      return this.#badLine(argc, end - position, "invalid multibulk length", "too big mbulk count string");
    }
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
      if (p >= end) return this.#incomplete(p, argc - i, end);
      const size = this.#number(buffer, p + 1, end);
      if (buffer[p] !== DOLLAR || size < 0) {
        return this.#badArgument(buffer, p, end, size) === MALFORMED ? MALFORMED : this.#incomplete(p, argc - i, end);
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
    if (p > end) return this.#incomplete(p, 0, end);
    call.argc = argc;
    return p;
  }

  /**
   * The request goes on beyond `end`: `missing` arguments start at `position`. A request of a great many arguments is parsed
   * again each time it has doubled, not with each packet, but no later than what it must at least have.
   */
  #incomplete(position: number, missing: number, end: number): number {
    this.needed = position;
    const received = end - this.#start;
    if (received > PATIENT_BYTES) {
      this.needed = Math.max(position, Math.min(position + missing * SMALLEST_ARGUMENT_BYTES, end + received));
    }
    return INCOMPLETE;
  }

  #badArgument(buffer: Buffer, position: number, end: number, size: number): number {
    if (buffer[position] !== DOLLAR) {
      if (lineEnd(buffer, position, end) < 0) size = INCOMPLETE;
      else return this.#malformed(`expected '$', got '${String.fromCharCode(buffer[position] as number)}'`);
    } else if (this.#after > 0) return this.#malformed("invalid bulk length");
    return this.#badLine(size, end - position, "invalid bulk length", "too big bulk count string");
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
    const last = Math.min(end - 1, position + SHORT_DIGITS);
    for (let p = position; p < last; p++) {
      const byte = buffer[p] as number;
      if (byte === CR && p > position) {
        this.#after = p + 2;
        return value;
      }
      if (byte < 48 || byte > 57 || (value === 0 && p > position)) break;
      value = value * 10 + byte - 48;
    }
    return this.#unusualNumber(buffer, position, end);
  }

  #unusualNumber(buffer: Buffer, position: number, end: number): number {
    this.#after = 0;
    const at = lineEnd(buffer, position, end);
    if (at < 0) return INCOMPLETE;
    const value = parseInt64(buffer, position, at - position);
    if (value === undefined) return INVALID;
    this.#after = at + 2;
    return value < 0n ? -1 : Number(value);
  }

  #badLine(kind: number, available: number, invalid: string, tooLong: string): number {
    if (kind === INVALID) return this.#malformed(invalid);
    return available > MAX_INLINE_BYTES ? this.#malformed(tooLong) : INCOMPLETE;
  }

  #inline(buffer: Buffer, position: number, end: number, call: Call): number {
    const lineFeed = indexBeforeNul(buffer, position, end, LF);
    if (lineFeed < 0) {
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

/** Where the line that starts at `position` ends: its CR, if another byte is there too, or −1. */
function lineEnd(buffer: Buffer, position: number, end: number): number {
  const at = indexBeforeNul(buffer, position, end, CR);
  return at + 1 < end ? at : -1;
}

/** As a search in a C string: nothing is found behind a NUL, so a line with one never ends. */
function indexBeforeNul(buffer: Buffer, position: number, end: number, byte: number): number {
  const rest = buffer.subarray(position, end);
  const at = rest.indexOf(byte);
  return at < 0 || rest.subarray(0, at).includes(0) ? -1 : position + at;
}
