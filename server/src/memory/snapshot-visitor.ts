/** What the arena tells of, while a snapshot runs: blocks of records that are about to change. */

import type { Handle } from "./arena-layout.ts";

/**
 * Told before the old content of a block of records changes for the first time in this snapshot: in the middle of commands.
 * So it must not allocate or free records, look up keys, or use views of values that commands use.
 */
export interface SnapshotVisitor {
  /**
   * `touched` is the record that is about to change, 0 if the walk has come to the block. False: something in the block is
   * yet to be written, so it counts as not visited, and the visitor is told of the next change too.
   */
  block(block: number, touched: Handle): boolean;
}
