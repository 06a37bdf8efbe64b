/**
 * A small sorted set as a listpack: member and score in turn, in order of score and then member; scores as Redis writes
 * them, integers in binary and others as text with 17 digits. Positions are those of the member's entry.
 */

import type { Arena } from "../memory/arena.ts";
import { compareBytes } from "../memory/arena-bytes.ts";
import { ByteSpan } from "../memory/byte-span.ts";
import { writeDouble } from "../memory/double-text.ts";
import { Int64 } from "../memory/int64.ts";
import {
  appendToListpack,
  deleteFromListpack,
  findInListpack,
  insertInListpack,
  LISTPACK_HEADER,
  listpackCount,
  listpackEnd,
  nextPosition,
  readListpack,
} from "../memory/listpack.ts";
import { EncodedEntry, readIntegerEntry } from "../memory/listpack-entry.ts";

const LARGEST_PACKED_INTEGER = 2 ** 62;

export class PackedSortedSet {
  readonly #arena: Arena;
  readonly #member = new EncodedEntry();
  readonly #score = new EncodedEntry();
  readonly #integer = new Int64();
  /** Scratch of whoever works on the set: every method may overwrite it. */
  readonly span = new ByteSpan();
  readonly #text = Buffer.alloc(32);

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  count(listpack: number): number {
    return listpackCount(this.#arena, listpack) >>> 1;
  }

  /** Position of the member, or NOT_FOUND. */
  find(listpack: number, bytes: Buffer, offset: number, length: number): number {
    this.#member.encode(bytes, offset, length);
    return findInListpack(this.#arena, listpack, LISTPACK_HEADER, this.#member, 1);
  }

  scoreAt(listpack: number, position: number): number {
    const arena = this.#arena;
    const at = nextPosition(arena, listpack, position);
    const bytes = arena.bytes[listpack >>> 23] as Buffer;
    if (readIntegerEntry(bytes, ((listpack & 0x7fffff) << 3) + at, this.#integer)) return this.#integer.toNumber();
    const span = this.span;
    readListpack(arena, listpack, at, span);
    return scoreOfText(span.buffer.toString("latin1", span.offset, span.offset + span.length));
  }

  nextMember(listpack: number, position: number): number {
    return nextPosition(this.#arena, listpack, nextPosition(this.#arena, listpack, position));
  }

  /** Adds a member that is not in the set; returns where the listpack lies then. */
  insert(listpack: number, score: number, bytes: Buffer, offset: number, length: number): number {
    const arena = this.#arena;
    const position = this.#positionFor(listpack, score, bytes, offset, length);
    this.#encodeScore(score);
    this.#member.encode(bytes, offset, length);
    const moved = insertInListpack(arena, listpack, position, this.#member);
    return insertInListpack(arena, moved, nextPosition(arena, moved, position), this.#score);
  }

  /** Adds a member that sorts behind all others. */
  append(listpack: number, score: number, member: ByteSpan): number {
    this.#member.encodeSpan(member);
    this.#encodeScore(score);
    return appendToListpack(this.#arena, appendToListpack(this.#arena, listpack, this.#member), this.#score);
  }

  /** Removes so many members from the position on. */
  remove(listpack: number, position: number, members: number): number {
    return deleteFromListpack(this.#arena, listpack, position, members * 2);
  }

  /** Number of members before the position. */
  rankOf(listpack: number, position: number): number {
    let rank = 0;
    for (let at = LISTPACK_HEADER; at !== position; at = this.nextMember(listpack, at)) rank++;
    return rank;
  }

  /** Number of members with a score below the given one, or up to it. */
  rankOfScore(listpack: number, score: number, inclusive: boolean): number {
    const end = listpackEnd(this.#arena, listpack);
    let rank = 0;
    for (let at = LISTPACK_HEADER; at !== end; at = this.nextMember(listpack, at)) {
      const other = this.scoreAt(listpack, at);
      if (other > score || (other === score && !inclusive)) break;
      rank++;
    }
    return rank;
  }

  /** Number of members that sort before the bytes, or up to them, scores aside. */
  rankOfMember(listpack: number, bytes: Buffer, offset: number, length: number, inclusive: boolean): number {
    const end = listpackEnd(this.#arena, listpack);
    let rank = 0;
    for (let at = LISTPACK_HEADER; at !== end; at = this.nextMember(listpack, at)) {
      const order = this.#compareMember(listpack, at, bytes, offset, length);
      if (order > 0 || (order === 0 && !inclusive)) break;
      rank++;
    }
    return rank;
  }

  /** Whole numbers to 2^62 as integers, which makes -0 a 0, as Redis does. */
  #encodeScore(score: number): void {
    if (isPackedAsInteger(score)) {
      this.#integer.setNumber(score);
      this.#score.encodeInt64(this.#integer.high, this.#integer.low);
    } else this.#score.encode(this.#text, 0, writeDouble(this.#text, 0, score));
  }

  #positionFor(listpack: number, score: number, bytes: Buffer, offset: number, length: number): number {
    const end = listpackEnd(this.#arena, listpack);
    let at = LISTPACK_HEADER;
    for (; at !== end; at = this.nextMember(listpack, at)) {
      const other = this.scoreAt(listpack, at);
      if (other > score) break;
      if (other === score && this.#compareMember(listpack, at, bytes, offset, length) > 0) break;
    }
    return at;
  }

  #compareMember(listpack: number, position: number, bytes: Buffer, offset: number, length: number): number {
    const span = this.span;
    readListpack(this.#arena, listpack, position, span);
    return compareBytes(span.buffer, span.offset, span.length, bytes, offset, length);
  }
}

/** Whether a listpack keeps this score as an integer. */
export function isPackedAsInteger(score: number): boolean {
  return Number.isInteger(score) && Math.abs(score) <= LARGEST_PACKED_INTEGER;
}

function scoreOfText(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  return text === "-inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
