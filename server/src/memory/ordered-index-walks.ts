/** Work on all nodes of an ordered index in steps: freeing them, and moving them to other pages. No order is looked at. */

import type { Arena } from "./arena.ts";
import { CHILDREN, COUNTS, HEIGHT, NEXT, PREVIOUS, ROOT } from "./ordered-index-nodes.ts";

const LEAVES_MOVED_AT_ONCE = 16;

/** Frees nodes, at most this many leaves; true when all is freed, the header too. */
export function freeNodes(arena: Arena, index: number, leaves: number): boolean {
  const height = word(arena, index, HEIGHT);
  for (; leaves > 0; leaves--) {
    let parent = 0;
    let node = word(arena, index, ROOT);
    for (let depth = 0; depth < height && word(arena, node, 0) > 0; depth++) {
      parent = node;
      node = word(arena, node, CHILDREN + word(arena, node, 0) - 1);
    }
    arena.free(node);
    if (parent === 0) {
      arena.free(index);
      return true;
    }
    setWord(arena, parent, 0, word(arena, parent, 0) - 1);
  }
  return false;
}

/**
 * Compaction: moves some leaves, from the one that holds the entry of this rank on, and the inner nodes above them, where
 * their pages are to be emptied. Gives the rank to go on with, 0 at the end. The header is the caller's to move.
 */
export function relocateNodes(arena: Arena, index: number, rank: number): number {
  let next = rank;
  for (let leaves = LEAVES_MOVED_AT_ONCE; leaves > 0; leaves--) {
    next = relocateLeaf(arena, index, next);
    if (next === 0) break;
  }
  return next;
}

function relocateLeaf(arena: Arena, index: number, rank: number): number {
  let owner = index;
  let place = ROOT;
  let before = 0;
  for (let level = word(arena, index, HEIGHT); level > 0; level--) {
    const node = arena.relocate(word(arena, owner, place));
    setWord(arena, owner, place, node);
    let child = 0;
    const last = word(arena, node, 0) - 1;
    for (; child < last && before + word(arena, node, COUNTS + child) <= rank; child++) {
      before += word(arena, node, COUNTS + child);
    }
    owner = node;
    place = CHILDREN + child;
  }
  const leaf = arena.relocate(word(arena, owner, place));
  if (leaf !== word(arena, owner, place)) {
    setWord(arena, owner, place, leaf);
    const previous = word(arena, leaf, PREVIOUS);
    const next = word(arena, leaf, NEXT);
    if (previous !== 0) setWord(arena, previous, NEXT, leaf);
    if (next !== 0) setWord(arena, next, PREVIOUS, leaf);
  }
  const end = before + word(arena, leaf, 0);
  return end >= word(arena, index, 0) || end <= rank ? 0 : end;
}

/** Bytes of header and nodes. Looks at the inner nodes only. */
export function nodeBytes(arena: Arena, index: number): number {
  const root = word(arena, index, ROOT);
  return arena.capacityOf(index) + subtreeBytes(arena, root, word(arena, index, HEIGHT));
}

function subtreeBytes(arena: Arena, node: number, height: number): number {
  const own = arena.capacityOf(node);
  if (height === 0) return own;
  const children = word(arena, node, 0);
  if (height === 1) return own + children * arena.capacityOf(word(arena, node, CHILDREN));
  let bytes = own;
  for (let child = 0; child < children; child++) {
    bytes += subtreeBytes(arena, word(arena, node, CHILDREN + child), height - 1);
  }
  return bytes;
}

function word(arena: Arena, node: number, at: number): number {
  return (arena.words[node >>> 23] as Int32Array)[((node & 0x7fffff) << 1) + at] as number;
}

function setWord(arena: Arena, node: number, at: number, value: number): void {
  (arena.words[node >>> 23] as Int32Array)[((node & 0x7fffff) << 1) + at] = value;
}
