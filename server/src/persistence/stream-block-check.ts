/**
 * Checks a block of a stream that comes from outside: the cursor and the commands look for no damage. Ids must ascend, over
 * all blocks of a stream, counts must be right, and every entry must be walkable from both sides.
 */

import { Int64 } from "../memory/int64.ts";
import { isValidListpack, LISTPACK_HEADER } from "../memory/listpack.ts";
import { LISTPACK_END, nextEntry, readIntegerEntry } from "../memory/listpack-entry.ts";
import { StreamId } from "../memory/stream-id.ts";
import { EntryFlag } from "../values/stream-blocks.ts";

const KNOWN_FLAGS = EntryFlag.deleted | EntryFlag.sameFields;
const DAMAGED = -1;

export class StreamBlockCheck {
  /** The last id that was seen, and whether there was one. */
  readonly #last = new StreamId();
  #hasLast = false;
  readonly #id = new StreamId();
  readonly #integer = new Int64();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** A new stream begins. */
  restart(): void {
    this.#hasLast = false;
  }

  /** The number of live entries, or −1 if the block is damaged. */
  liveEntries(firstId: StreamId, bytes: Buffer, offset: number, length: number): number {
    if (!isValidListpack(bytes, offset, length)) return DAMAGED;
    this.#bytes = bytes;
    this.#at = offset + LISTPACK_HEADER;
    const live = this.#count();
    const deleted = this.#count();
    const fields = this.#count();
    if (live < 0 || deleted < 0 || fields < 0 || !this.#skip(fields) || this.#count() !== 0) return DAMAGED;
    if (live + deleted === 0) return DAMAGED;
    let seenLive = 0;
    for (let k = live + deleted; k > 0; k--) {
      const flags = this.#entry(firstId, fields);
      if (flags < 0) return DAMAGED;
      if ((flags & EntryFlag.deleted) === 0) seenLive++;
    }
    return seenLive === live && bytes[this.#at] === LISTPACK_END ? live : DAMAGED;
  }

  /** Walks one entry; its flags, or −1. */
  #entry(firstId: StreamId, masterFields: number): number {
    const flags = this.#count();
    if (flags < 0 || (flags & ~KNOWN_FLAGS) !== 0) return DAMAGED;
    const id = this.#id.copy(firstId);
    if (!this.#read()) return DAMAGED;
    const { high, low } = this.#integer;
    if (!this.#read()) return DAMAGED;
    id.add(high, low, this.#integer.high, this.#integer.low);
    if (id.compare(firstId) < 0 || (this.#hasLast && id.compare(this.#last) <= 0)) return DAMAGED;
    this.#last.copy(id);
    this.#hasLast = true;
    const isSame = (flags & EntryFlag.sameFields) !== 0;
    const fields = isSame ? masterFields : this.#count();
    if (fields < 0 || !this.#skip(isSame ? fields : fields * 2)) return DAMAGED;
    return this.#count() === (isSame ? fields + 3 : fields * 2 + 4) ? flags : DAMAGED;
  }

  /** A count of 0 or more, or −1. */
  #count(): number {
    if (!this.#read() || this.#integer.high !== 0 || this.#integer.low < 0) return DAMAGED;
    return this.#integer.low;
  }

  #read(): boolean {
    if (this.#bytes[this.#at] === LISTPACK_END || !readIntegerEntry(this.#bytes, this.#at, this.#integer)) return false;
    this.#at = nextEntry(this.#bytes, this.#at);
    return true;
  }

  #skip(entries: number): boolean {
    for (; entries > 0; entries--) {
      if (this.#bytes[this.#at] === LISTPACK_END) return false;
      this.#at = nextEntry(this.#bytes, this.#at);
    }
    return true;
  }
}
