/** For tests: the state of a node that knows nobody yet and holds nothing. */

import { createSeededRandom } from "../platform/random.ts";
import { SIMULATED_SETTINGS } from "./simulated-cluster.ts";
import { type ClusterState, createState } from "./state.ts";

const FACTS = {
  replicationOffset: () => 0,
  primaryLinkUp: () => false,
  dataAgeMs: () => 0,
  hasWholeCopy: () => true,
  keyspaceIsEmpty: () => false,
  countKeysInSlot: () => 0,
};

export function createLonelyState(): ClusterState {
  return createState({ settings: SIMULATED_SETTINGS, random: createSeededRandom(1), facts: FACTS, now: 0 });
}
