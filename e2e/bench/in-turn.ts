/** Two servers measured in turn: a shared machine's speed changes by half within a minute. */

import { median } from "./median.ts";

export interface Pair<Of> {
  readonly redis: Of;
  readonly ours: Of;
}

/** What each takes, the middle of so many rounds. */
export async function inTurn(rounds: number, measure: Pair<() => Promise<number>>): Promise<Pair<number>> {
  const taken: Pair<number[]> = { redis: [], ours: [] };
  for (let round = 0; round < rounds; round++) {
    taken.redis.push(await measure.redis());
    taken.ours.push(await measure.ours());
  }
  return { redis: median(taken.redis), ours: median(taken.ours) };
}
