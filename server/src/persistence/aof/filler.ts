/**
 * What stands in an append-only file ahead of its data (docs/decisions/0012-quick-syncs-on-the-thread.md): lines that begin
 * with `#`, which every reader passes over, so that data can be written over them without a change of the file's size.
 *
 * The lines of a file hold a random number that no client knows. A sector of them that stands where data ought to be is
 * thus known for one that a power cut kept from being written, even within a value. A line with that number announces them.
 *
 * Invariant: a line never gets longer than redis-server reads (1,024 bytes), also where data ends within one.
 */

import { SECTOR_BYTES } from "../../platform/sectors.ts";

const LINE_BYTES = 256;
const HASH = 35;
const NEWLINE = 10;
const ANNOUNCES = "#AHEAD:";
const KEY_DIGITS = 16;

export class Filler {
  /** 16 hexadecimal digits. */
  readonly key: string;
  readonly #sector: Buffer;

  constructor(key: string) {
    this.key = key;
    const line = Buffer.alloc(LINE_BYTES, HASH);
    line.write(key, 1, "latin1");
    line[LINE_BYTES - 1] = NEWLINE;
    this.#sector = Buffer.concat(Array.from({ length: SECTOR_BYTES / LINE_BYTES }, () => line));
  }

  /** From the line that announces it; undefined if it is another one. */
  static announcedBy(line: Buffer): Filler | undefined {
    const text = line.toString("latin1", 0, ANNOUNCES.length + KEY_DIGITS);
    const key = text.slice(ANNOUNCES.length);
    return text.startsWith(ANNOUNCES) && /^[0-9a-f]{16}$/.test(key) ? new Filler(key) : undefined;
  }

  get announcement(): Buffer {
    return Buffer.from(`${ANNOUNCES}${this.key}\r\n`);
  }

  /** `count` sectors. */
  sectors(count: number): Buffer {
    return Buffer.alloc(count * SECTOR_BYTES, this.#sector);
  }

  /** What goes from this position, where data ends, to the end of its sector: at least a byte. */
  restOfSector(position: number): Buffer {
    const rest = Buffer.from(this.#sector.subarray(position % SECTOR_BYTES));
    rest[0] = HASH;
    return rest;
  }

  /** What has to follow data that is written over filler and ends here, so that a line begins there; often nothing. */
  behind(position: number): Buffer | undefined {
    return this.#sector[position % SECTOR_BYTES] === HASH ? undefined : BEGIN_OF_LINE;
  }

  /** Whether `bytes[start..end)`, the first of which stands at `position` in the file, is filler from where data ends. */
  continues(bytes: Buffer, start: number, end: number, position: number): boolean {
    if (bytes[start] !== HASH) return false;
    for (let at = start + 1; at < end; at++) {
      if (bytes[at] !== this.#sector[(position + at - start) % SECTOR_BYTES]) return false;
    }
    return true;
  }

  /**
   * Where the first sector of filler in `bytes[start..end)` begins, −1 if there is none; `base` is the position of bytes[0]. At
   * the end of a file it need not be whole: no data ends like that.
   */
  indexIn(bytes: Buffer, { start, end, base, isAtEnd }: Searched): number {
    const first = start + ((SECTOR_BYTES - ((base + start) % SECTOR_BYTES)) % SECTOR_BYTES);
    let at = first;
    for (; at + SECTOR_BYTES <= end; at += SECTOR_BYTES) if (this.#isSector(bytes, at)) return at;
    return isAtEnd && at < end && this.continues(bytes, at, end, base + at) ? at : -1;
  }

  #isSector(bytes: Buffer, start: number): boolean {
    return bytes[start] === HASH && bytes.compare(this.#sector, 0, SECTOR_BYTES, start, start + SECTOR_BYTES) === 0;
  }
}

interface Searched {
  readonly start: number;
  readonly end: number;
  readonly base: number;
  readonly isAtEnd: boolean;
}

const BEGIN_OF_LINE = Buffer.of(HASH);
