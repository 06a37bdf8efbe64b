/**
 * The record of one member of an ordered index: f64 score, u32 member length, member bytes. One arena block, shared by
 * the ordered index (which sorts it) and the owner's dictionary (which finds it by member); whoever made it frees it.
 */

import type { Arena } from "./arena.ts";
import { compareBytes, copyBytes } from "./arena-bytes.ts";

/** Where the member's bytes start; its length stands in the four bytes before. */
export const MEMBER_OFFSET = 12;
export const MEMBER_LENGTH_WORD = 2;

export function createScoredRecord(
  arena: Arena,
  score: number,
  member: Buffer,
  offset: number,
  length: number,
): number {
  const record = arena.allocate(MEMBER_OFFSET + length);
  const granule = record & 0x7fffff;
  (arena.doubles[record >>> 23] as Float64Array)[granule] = score;
  (arena.words[record >>> 23] as Int32Array)[(granule << 1) + 2] = length;
  copyBytes(arena.bytes[record >>> 23] as Buffer, (granule << 3) + MEMBER_OFFSET, member, offset, length);
  return record;
}

export function scoreOf(arena: Arena, record: number): number {
  return (arena.doubles[record >>> 23] as Float64Array)[record & 0x7fffff] as number;
}

export function setScore(arena: Arena, record: number, score: number): void {
  (arena.doubles[record >>> 23] as Float64Array)[record & 0x7fffff] = score;
}

export function memberLength(arena: Arena, record: number): number {
  return (arena.words[record >>> 23] as Int32Array)[((record & 0x7fffff) << 1) + MEMBER_LENGTH_WORD] as number;
}

/** Order of two members as bytes, the shorter first where one begins the other. */
export function compareMembers(arena: Arena, left: number, right: number): number {
  if (left === right) return 0;
  const start = ((right & 0x7fffff) << 3) + MEMBER_OFFSET;
  return compareMember(arena, left, arena.bytes[right >>> 23] as Buffer, start, memberLength(arena, right));
}

/** Order of a record's member and the given bytes. */
export function compareMember(arena: Arena, record: number, bytes: Buffer, offset: number, length: number): number {
  const start = ((record & 0x7fffff) << 3) + MEMBER_OFFSET;
  return compareBytes(arena.bytes[record >>> 23] as Buffer, start, memberLength(arena, record), bytes, offset, length);
}
