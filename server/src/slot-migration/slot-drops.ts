/** Deletes the keys of slots that are not this node's, in slices, and says when the last one has gone. */

import type { ClusterState } from "../cluster/state.ts";
import { dropKeys, forgetSurplus, leaveToPrimary } from "../cluster/surplus-slots.ts";

export interface SlotDropsParts {
  change(make: (state: ClusterState) => void): void;
  isReplica(): boolean;
  countKeys(slot: number): number;
  /** Whether keys of the slot are being deleted. */
  isSweeping(slot: number): boolean;
}

interface Drop {
  readonly slots: ReadonlySet<number>;
  readonly done: () => void;
}

export class SlotDrops {
  readonly #parts: SlotDropsParts;
  #drops: Drop[] = [];

  constructor(parts: SlotDropsParts) {
    this.#parts = parts;
  }

  add(slots: ReadonlySet<number>, done: () => void): void {
    const parts = this.#parts;
    // A sweep that is under way goes on over the slots, empty or not, and would take what comes next.
    const filled = [...slots].filter((slot) => parts.countKeys(slot) > 0 || parts.isSweeping(slot));
    if (filled.length > 0 && !parts.isReplica()) {
      parts.change((state) => {
        forgetSurplus(state, slots);
        dropKeys(state, filled);
      });
      this.#drops.push({ slots, done });
      return;
    }
    parts.change((state) => {
      forgetSurplus(state, slots);
      // What the primary sends anew will be without them; until then they are no data either.
      leaveToPrimary(state, filled);
    });
    done();
  }

  tick(): void {
    const done = this.#drops.filter(({ slots }) => !this.#hasAny(slots));
    this.#drops = this.#drops.filter((one) => !done.includes(one));
    for (const one of done) one.done();
  }

  #hasAny(slots: Iterable<number>): boolean {
    for (const slot of slots) if (this.#parts.isSweeping(slot)) return true;
    return false;
  }
}
