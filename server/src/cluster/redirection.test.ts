import { expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { createNode } from "./cluster-node.ts";
import { redirect, type SlotRequest } from "./redirection.ts";
import { SIMULATED_SETTINGS } from "./simulated-cluster.ts";
import { addNode, type ClusterState, createState, type ServerFacts } from "./state.ts";

const SLOT = 12_182;
const TARGET = "b".repeat(40);

function stateWithSlotOnTheMove(): ClusterState {
  const settings = SIMULATED_SETTINGS;
  const state = createState({ settings, random: createSeededRandom(1), facts: {} as ServerFacts, now: 0 });
  const target = createNode({ id: TARGET, flags: 0, now: 0, ip: "10.0.0.2", port: 7000 });
  addNode(state, target);
  state.table.assign(SLOT, state.myself);
  state.migrating.set(SLOT, target);
  state.isOk = true;
  return state;
}

function request(isOfShardChannels: boolean): SlotRequest {
  const countKeysHere = () => ({ present: 0, total: 1 });
  const client = { isEncrypted: false, isOutside: false, isReadOnlyClient: false };
  return { ...client, isWrite: true, isAsking: false, isMigration: false, isOfShardChannels, countKeysHere };
}

test("a key that has left a slot on the move is asked for at its target", () => {
  expect(redirect(stateWithSlotOnTheMove(), SLOT, request(false))).toBe(`ASK ${SLOT} 10.0.0.2:7000`);
});

test("a shard channel stays until its slot has moved: nothing is stored under it", () => {
  expect(redirect(stateWithSlotOnTheMove(), SLOT, request(true))).toBeUndefined();
});
