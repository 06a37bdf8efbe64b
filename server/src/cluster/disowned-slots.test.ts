import { describe, expect, it } from "vitest";
import { type ClusterNode, createNode, NODE_FLAG } from "./cluster-node.ts";
import { claimedSlots, noteClaims } from "./disowned-slots.ts";
import { createLonelyState } from "./lonely-state.ts";
import { bitmapOf, slotsOf } from "./slot-bitmap.ts";
import { applyClaim } from "./slot-claims.ts";
import { addNode, type ClusterState } from "./state.ts";

const SLOT = 7;
function addPrimary(state: ClusterState, digit: string, epoch: number): ClusterNode {
  const node = createNode({ id: digit.repeat(40), flags: NODE_FLAG.primary, now: 0 });
  node.configEpoch = epoch;
  addNode(state, node);
  return node;
}

/** A slot that `giver` has given to `taker` and who has a newer epoch by now, as seen by one who knows of neither. */
function missedMove() {
  const state = createLonelyState();
  const [giver, taker] = [addPrimary(state, "a", 9), addPrimary(state, "b", 8)];
  for (const slot of [SLOT, SLOT + 1]) state.table.assign(slot, giver);
  const claim = (): void => applyClaim(state, taker, taker.configEpoch, bitmapOf([SLOT]));
  return { state, giver, taker, claim };
}

describe("slots that their owner does not claim any more", () => {
  it("are whose who does, though the owner's epoch is newer", () => {
    const { state, giver, taker, claim } = missedMove();
    claim();
    expect(state.table.ownerOf(SLOT)).toBe(giver);
    noteClaims(state, giver, bitmapOf([SLOT + 1]));
    claim();
    expect([state.table.ownerOf(SLOT), state.table.ownerOf(SLOT + 1)]).toEqual([taker, giver]);
  });

  it("are not said to be the owner's", () => {
    const { state, giver } = missedMove();
    noteClaims(state, giver, bitmapOf([SLOT + 1]));
    expect(slotsOf(claimedSlots(state, giver))).toEqual([SLOT + 1]);
  });

  it("are the owner's again when it claims them again", () => {
    const { state, giver, claim } = missedMove();
    noteClaims(state, giver, bitmapOf([SLOT + 1]));
    noteClaims(state, giver, bitmapOf([SLOT, SLOT + 1]));
    claim();
    expect(state.table.ownerOf(SLOT)).toBe(giver);
  });
});
