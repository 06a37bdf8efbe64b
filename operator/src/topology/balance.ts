/**
 * Whether slots are spread as the spec asks: evenly over the wanted shards, none in shards beyond them. Where they are not,
 * `nextMove` names the slots to move next. Counts come from who owns which slot and from the spec alone, never from how many
 * servers happen to answer.
 *
 * Up to one percent of a share counts as even, so nothing moves for a slot or two; once something moves, all shares become
 * equal. A move takes from a shard beyond the wanted ones first, else from the fullest, and gives to the emptiest: what a
 * leaving shard held ends up spread over all others.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { ClusterSurvey } from "./cluster-view.ts";
import { countSlots, lastSlots, type SlotRange } from "./slot-range.ts";

export interface ShardLoad {
  readonly index: number;
  readonly slots: readonly SlotRange[];
  /** More than its share; negative where it has less. A shard that leaves has a share of 0. */
  readonly surplus: number;
}

export interface Move {
  readonly from: number;
  readonly to: number;
  readonly ranges: readonly SlotRange[];
}

/** Small enough to be over soon and to be done again when it fails, large enough that there are few. */
export const MAX_SLOTS_PER_MOVE = 512;
const TOLERANCE = 0.01;

/** Undefined while some slot has no owner in a pod that answers: then nobody can tell. */
export function loadsOf(survey: ClusterSurvey, shards: number): readonly ShardLoad[] | undefined {
  if (survey.unassigned.length > 0 || survey.absentOwners.length > 0) return undefined;
  const loads = survey.shards.map(({ index, owners }) => {
    const slots = owners.flatMap(({ node }) => survey.slotsOf.get(node.id) ?? []);
    return { index, slots: [...slots].sort((a, b) => a.start - b.start), count: countSlots(slots) };
  });
  // Who has most keeps the slot that does not divide, so that it need not move.
  const fullestFirst = loads
    .filter(({ index }) => index < shards)
    .sort((a, b) => b.count - a.count || a.index - b.index);
  const share = Math.floor(SLOT_COUNT / shards);
  const rest = SLOT_COUNT % shards;
  const shares = new Map(fullestFirst.map(({ index }, place) => [index, share + (place < rest ? 1 : 0)]));
  return loads.map(({ index, slots, count }) => ({ index, slots, surplus: count - (shares.get(index) ?? 0) }));
}

/** How many slots have to move; 0 where the spread is even enough. */
export function slotsToMove(loads: readonly ShardLoad[], shards: number): number {
  const tolerance = Math.max(1, (SLOT_COUNT / shards) * TOLERANCE);
  const isEven = loads.every(({ index, surplus, slots }) =>
    index < shards ? Math.abs(surplus) <= tolerance && slots.length > 0 : slots.length === 0,
  );
  return isEven ? 0 : loads.reduce((sum, { surplus }) => sum + Math.max(0, surplus), 0);
}

/** Undefined where nothing has to move. */
export function nextMove(loads: readonly ShardLoad[], shards: number): Move | undefined {
  if (slotsToMove(loads, shards) === 0) return undefined;
  const fullestFirst = [...loads].sort((a, b) => b.surplus - a.surplus || a.index - b.index);
  const emptiest = fullestFirst.filter(({ index }) => index < shards).at(-1);
  const from = fullestFirst.find(({ index, surplus }) => index >= shards && surplus > 0) ?? fullestFirst[0];
  if (from === undefined || emptiest === undefined) return undefined;
  const count = Math.min(from.surplus, -emptiest.surplus, MAX_SLOTS_PER_MOVE);
  return count <= 0 ? undefined : { from: from.index, to: emptiest.index, ranges: lastSlots(from.slots, count) };
}
