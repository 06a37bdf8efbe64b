import { expect, it } from "vitest";
import { SIMULATED_SETTINGS } from "../cluster/simulated-cluster.ts";
import { createState } from "../cluster/state.ts";
import { createSeededRandom } from "../platform/random.ts";
import { SlotDrops } from "./slot-drops.ts";

const FACTS = {
  replicationOffset: () => 0,
  primaryLinkUp: () => false,
  dataAgeMs: () => 0,
  keyspaceIsEmpty: () => false,
  countKeysInSlot: () => 0,
};

it("Slots of which no key has come are no surplus when the keys of others are to be deleted", () => {
  const state = createState({ settings: SIMULATED_SETTINGS, random: createSeededRandom(1), facts: FACTS, now: 0 });
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
