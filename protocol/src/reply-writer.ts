/**
 * Appends replies to one growing buffer. The connection that owns the current request flushes it once a turn.
 * Nothing is allocated for a reply but when the buffer grows. `resp3` chooses the form of the types that differ.
 * Invariant: buffer[0..position) holds whole replies, or, between `array(n)` and its last element, the part written so far.
 */

import { decimalLength, writeDecimal } from "./decimal.ts";

const INITIAL_BYTES = 64 << 10;
/** A buffer grown beyond this by one large reply is not kept for the next. */
const KEEP_BYTES = 1 << 20;
const COPY_LOOP_BYTES = 48;
const HEADER_ROOM = 32;
const CR = 13;
const LF = 10;

export class ReplyWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** The same memory, for writers that move eight bytes at a time; `reserve` first. */
  wide = wideView(this.buffer);
  position = 0;
  resp3 = false;
  /** Error replies written since the start; the dispatcher compares it to count failed calls. */
  errors = 0;
  /** Text of the last error written, for statistics and scripts. */
  lastError = "";
  /** The statistics had the last error before it was written. */
  isLastErrorCounted = false;
  /** Of `errors`, those up to here belong to a command that has been told of them. */
  #attributedErrors = 0;

  /** Empties the writer; call once its bytes were copied or handed to a socket that has taken them all. */
  clear(): void {
    this.position = 0;
    if (this.buffer.length > KEEP_BYTES) this.#use(Buffer.allocUnsafeSlow(INITIAL_BYTES));
  }

  /** Gives the written bytes away: the caller owns the memory, the writer starts on a fresh buffer. */
  detach(): Buffer {
    const written = this.buffer.subarray(0, this.position);
    this.#use(Buffer.allocUnsafeSlow(INITIAL_BYTES));
    this.position = 0;
    return written;
  }

  /** Makes room for so many bytes, for a writer that fills `buffer` itself and then moves `position`. */
  reserve(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
  }

  ok(): void {
    const out = this.#room(8);
    const p = this.position;
    out[p] = 43;
    out[p + 1] = 79;
    out[p + 2] = 75;
    out[p + 3] = CR;
    out[p + 4] = LF;
    this.position = p + 5;
  }

  /** A simple string of bytes (latin1); must not contain line breaks. */
  status(text: string): void {
    this.#line(43, text);
  }

  /**
   * An error reply; `text` starts with its code (`ERR …`, `WRONGTYPE …`). Line breaks become spaces, as in Redis. Its
   * characters are bytes (latin1), so that what a client sent comes back as it was.
   */
  error(text: string): void {
    this.errors++;
    this.lastError = text;
    this.isLastErrorCounted = false;
    this.#line(45, text.replace(/[\r\n]/g, " "));
  }

  /** An error that the statistics have counted before: a script hands on what one of its commands replied. */
  countedError(text: string): void {
    this.error(text);
    this.isLastErrorCounted = true;
  }

  /** Whether there are errors that no command within the one that ends has taken upon itself; it does so now. */
  attributeErrors(): boolean {
    const hasOwn = this.errors !== this.#attributedErrors;
    this.#attributedErrors = this.errors;
    return hasOwn;
  }

  /** The replies since there were so many errors are taken back. */
  forgetErrors(errors: number): void {
    this.errors = errors;
    this.#attributedErrors = errors;
  }

  /** A safe integer. Beyond 2^53 use `integerText`. */
  integer(value: number): void {
    this.#header(58, value);
  }

  integerText(text: string): void {
    this.#line(58, text);
  }

  array(count: number): void {
    this.#header(42, count);
  }

  /** `count` pairs: a map in RESP3, an array of twice as many in RESP2. */
  map(count: number): void {
    if (this.resp3) this.#header(37, count);
    else this.#header(42, count * 2);
  }

  /** `count` pairs that say something about the reply behind them; RESP3 only. */
  attribute(count: number): void {
    this.#header(124, count);
  }

  set(count: number): void {
    this.#header(this.resp3 ? 126 : 42, count);
  }

  /** An out-of-band message: push in RESP3, an ordinary array in RESP2. */
  push(count: number): void {
    this.#header(this.resp3 ? 62 : 42, count);
  }

  nil(): void {
    if (this.resp3) this.raw(RESP3_NIL);
    else this.raw(RESP2_NIL);
  }

  nilArray(): void {
    if (this.resp3) this.raw(RESP3_NIL);
    else this.raw(RESP2_NIL_ARRAY);
  }

  boolean(value: boolean): void {
    if (this.resp3) this.raw(value ? RESP3_TRUE : RESP3_FALSE);
    else this.integer(value ? 1 : 0);
  }

  /** A floating-point number already in Redis' text form. */
  doubleText(text: string): void {
    if (this.resp3) this.#line(44, text);
    else this.bulkString(text);
  }

  bigNumber(text: string): void {
    if (this.resp3) this.#line(40, text);
    else this.bulkString(text);
  }

  /** A text for people; `format` is `txt` or `mkd`. */
  verbatim(text: string, format = "txt"): void {
    this.verbatimBytes(Buffer.from(text), format);
  }

  /** The same of bytes; of the format three characters count. */
  verbatimBytes(bytes: Buffer, format: string): void {
    if (!this.resp3) {
      this.bulkBuffer(bytes);
      return;
    }
    this.#header(61, bytes.length + 4);
    this.raw(Buffer.from(`${format.padEnd(3).slice(0, 3)}:`, "latin1"));
    this.raw(bytes);
    this.#end();
  }

  /** A bulk string of bytes `source[offset .. offset + length)`. */
  bulk(source: Buffer, offset: number, length: number): void {
    if (this.position + length + HEADER_ROOM > this.buffer.length) this.#grow(length + HEADER_ROOM);
    const out = this.buffer;
    let p = this.position;
    out[p++] = 36;
    p = writeDecimal(length, out, p);
    out[p] = CR;
    out[p + 1] = LF;
    p += 2;
    if (length < COPY_LOOP_BYTES) for (let k = 0; k < length; k++) out[p + k] = source[offset + k] as number;
    else source.copy(out, p, offset, offset + length);
    p += length;
    out[p] = CR;
    out[p + 1] = LF;
    this.position = p + 2;
  }

  bulkBuffer(source: Buffer): void {
    this.bulk(source, 0, source.length);
  }

  /** A bulk string of a JavaScript string as UTF-8. Off the hot path. */
  bulkString(text: string): void {
    this.bulkBuffer(Buffer.from(text));
  }

  /** A bulk string that is an integer's decimal form. */
  bulkInteger(value: number): void {
    const out = this.#room(HEADER_ROOM + 24);
    let p = this.position;
    out[p++] = 36;
    p = writeDecimal(decimalLength(value), out, p);
    out[p] = CR;
    out[p + 1] = LF;
    p += 2;
    p = writeDecimal(value, out, p);
    out[p] = CR;
    out[p + 1] = LF;
    this.position = p + 2;
  }

  /** Bytes that are already RESP. */
  raw(bytes: Buffer): void {
    const out = this.#room(bytes.length);
    bytes.copy(out, this.position);
    this.position += bytes.length;
  }

  #header(type: number, value: number): void {
    const out = this.#room(HEADER_ROOM);
    let p = this.position;
    out[p++] = type;
    p = writeDecimal(value, out, p);
    out[p] = CR;
    out[p + 1] = LF;
    this.position = p + 2;
  }

  #line(type: number, text: string): void {
    const out = this.#room(text.length + 4);
    let p = this.position;
    out[p++] = type;
    p += out.write(text, p, "latin1");
    out[p] = CR;
    out[p + 1] = LF;
    this.position = p + 2;
  }

  #end(): void {
    const out = this.#room(2);
    out[this.position] = CR;
    out[this.position + 1] = LF;
    this.position += 2;
  }

  #room(bytes: number): Buffer {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
    return this.buffer;
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.#use(grown);
  }

  #use(buffer: Buffer): void {
    this.buffer = buffer;
    this.wide = wideView(buffer);
  }
}

function wideView(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

const RESP2_NIL = Buffer.from("$-1\r\n");
const RESP2_NIL_ARRAY = Buffer.from("*-1\r\n");
const RESP3_NIL = Buffer.from("_\r\n");
const RESP3_TRUE = Buffer.from("#t\r\n");
const RESP3_FALSE = Buffer.from("#f\r\n");
