/**
 * How many nodes Redis' compressed radix tree has over the first ids of a stream's blocks, 16 bytes each: XINFO tells it,
 * though our blocks lie in a ring. A node stands for each key's end, for each place where keys part, and for each run of
 * bytes between two of those.
 */

import { StreamId } from "../memory/stream-id.ts";
import type { StreamValue } from "./stream.ts";

const KEY_BYTES = 16;

export function radixNodes(stream: StreamValue): number {
  const ring = stream.ring;
  const keys = stream.blocks.blockCount(ring);
  if (keys === 0) return 1;
  const before = new StreamId();
  const id = stream.blocks.readFirstId(ring, 0, new StreamId());
  // Depths where the path to the latest key parts from earlier ones, from the root down; the root's own edge starts at 0.
  const branches: number[] = [];
  let nodes = 0;
  let shared = -1;
  for (let block = 1; block <= keys; block++) {
    const parted = shared;
    if (block < keys) {
      before.copy(id);
      stream.blocks.readFirstId(ring, block, id);
      shared = commonBytes(before, id);
    } else shared = -1;
    // The finished key hangs from the deeper of its two parting places.
    nodes += 1 + (KEY_BYTES - Math.max(parted, shared) - 1 > 0 ? 1 : 0);
    while (branches.length > 0 && (branches[branches.length - 1] as number) > shared) {
      const depth = branches.pop() as number;
      const above = Math.max(shared, branches[branches.length - 1] ?? -1);
      nodes += 1 + (depth - above - 1 > 0 ? 1 : 0);
    }
    if (shared >= 0 && branches[branches.length - 1] !== shared) branches.push(shared);
  }
  return nodes;
}

function commonBytes(left: StreamId, right: StreamId): number {
  const words = [
    left.msHigh ^ right.msHigh,
    left.msLow ^ right.msLow,
    left.seqHigh ^ right.seqHigh,
    left.seqLow ^ right.seqLow,
  ];
  for (let k = 0; k < words.length; k++) {
    const difference = words[k] as number;
    if (difference !== 0) return k * 4 + (Math.clz32(difference) >>> 3);
  }
  return KEY_BYTES;
}
