/**
 * What compaction asks of the view of a collection: to move the value's blocks out of pages that are to be emptied, a step
 * of at most some 100 µs at a time. Every type with more than one block has it, beside its `freeSome`: whoever adds a block
 * to a type moves it here too, or pages with such a block never leave. relocatable.contract.ts holds all types to it.
 */

export interface Relocatable {
  /** May have changed after a step: the caller stores it back. */
  readonly root: number;
  /**
   * Asks the arena to `relocate` each block of a part of the value, and rewrites its one owner where the handle is another.
   * From `position` (0 to start) on; gives the next position, 0 at the end. The value may have changed in any way between
   * two steps, so a position is never trusted to be there.
   */
  relocate(position: number): number;
}

/** Types that cannot be moved yet are left in place. */
export function isRelocatable(view: object): view is Relocatable {
  return "relocate" in view;
}
