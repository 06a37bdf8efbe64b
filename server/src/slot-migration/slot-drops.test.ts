import { expect, it } from "vitest";
import { createLonelyState } from "../cluster/lonely-state.ts";
import { SlotDrops } from "./slot-drops.ts";

it("Slots of which no key has come are no surplus when the keys of others are to be deleted", () => {
  const state = createLonelyState();
  const sweeping = new Set<number>();
  const drops = new SlotDrops({
    change: (make) => {
      make(state);
      for (const effect of state.outbox.splice(0)) {
        if (effect.kind === "dropSlotKeys") for (const slot of effect.slots) sweeping.add(slot);
      }
    },
    isReplica: () => false,
    countKeys: (slot) => (slot === 5 ? 1 : 0),
    isSweeping: (slot) => sweeping.has(slot),
  });
  for (const slot of [5, 6]) state.surplus.add(slot);
  let isDone = false;
  drops.add(new Set([5, 6]), () => {
    isDone = true;
  });
  expect([[...state.surplus], [...sweeping], isDone]).toEqual([[5], [5], false]);
  sweeping.clear();
  drops.tick();
  expect(isDone).toBe(true);
});
