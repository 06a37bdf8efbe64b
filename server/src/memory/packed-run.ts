/**
 * Listpack entries that lie one behind the other in the arena: where they start and end. Readers that want all of them
 * walk the bytes themselves instead of asking a cursor for each. Good until the memory under it changes.
 */

import type { Arena } from "./arena.ts";

const NOTHING = Buffer.alloc(0);

export class PackedRun {
  bytes: Buffer = NOTHING;
  /** The same memory, to be read eight bytes at a time. */
  wide: DataView = new DataView(new ArrayBuffer(0));
  position = 0;
  end = 0;

  /** The entries of a block of the arena between two positions in it. */
  set(arena: Arena, handle: number, from: number, end: number): void {
    const start = (handle & 0x7fffff) << 3;
    this.bytes = arena.bytes[handle >>> 23] as Buffer;
    this.wide = arena.wide[handle >>> 23] as DataView;
    this.position = start + from;
    this.end = start + end;
  }
}
