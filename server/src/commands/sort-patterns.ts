/**
 * The patterns of SORT's BY and GET: `#` is the element itself, `weight_*` the string at the key in which the asterisk is
 * the element, `object_*->field` a field of the hash there. A pattern without an asterisk finds nothing.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { ValueType } from "../values/value-type.ts";
import type { Call } from "./call.ts";
import { cString } from "./errors.ts";

const ASTERISK = "*";
const ARROW = "->";
const FIRST_ROOM = 256;

export class PatternLookup {
  /** What `find` found last; good until the next command or edit. */
  readonly value = new ByteSpan();
  readonly #call: Call;
  readonly #isElement: boolean;
  /** Undefined: there is no asterisk. */
  readonly #prefix: Buffer | undefined;
  readonly #suffix: Buffer;
  readonly #field: Buffer | undefined;
  #key = Buffer.allocUnsafe(FIRST_ROOM);

  constructor(call: Call, argument: number) {
    this.#call = call;
    const pattern = call.copy(argument);
    const shown = cString(pattern.toString("latin1"));
    const asterisk = shown.indexOf(ASTERISK);
    const arrow = asterisk < 0 ? -1 : shown.indexOf(ARROW, asterisk + 1);
    const hasField = arrow >= 0 && arrow + ARROW.length < shown.length;
    this.#isElement = shown === "#";
    this.#prefix = asterisk < 0 ? undefined : pattern.subarray(0, asterisk);
    this.#suffix = pattern.subarray(asterisk + 1, hasField ? arrow : pattern.length);
    this.#field = hasField ? pattern.subarray(arrow + ARROW.length) : undefined;
  }

  /** Whether the pattern finds something for an element; it is then in `value`. */
  find(bytes: Buffer, offset: number, length: number): boolean {
    const prefix = this.#prefix;
    if (this.#isElement) {
      this.value.set(bytes, offset, length);
      return true;
    }
    if (prefix === undefined) return false;
    const size = prefix.length + length + this.#suffix.length;
    if (this.#key.length < size) this.#key = Buffer.allocUnsafe(size * 2);
    prefix.copy(this.#key, 0);
    bytes.copy(this.#key, prefix.length, offset, offset + length);
    this.#suffix.copy(this.#key, prefix.length + length);
    return this.#read(size);
  }

  #read(keyLength: number): boolean {
    const { db, server } = this.#call;
    const record = db.lookupRead(this.#key, 0, keyLength);
    const field = this.#field;
    if (record === 0) return false;
    if (field === undefined) {
      if (db.typeOf(record) !== ValueType.string) return false;
      this.value.set(db.bytesOf(record), db.valueOffset(record), db.valueLength(record));
      return true;
    }
    if (db.typeOf(record) !== ValueType.hash) return false;
    const { hash } = server.collections;
    hash.open(db.rootOf(record), db.encodingOf(record));
    return hash.get(field, 0, field.length, this.value);
  }
}
