/** Elections as one candidate sees them; whole ones are in simulated-cluster.test.ts. */

import { expect, it } from "vitest";
import { isPrimary } from "./cluster-node.ts";
import { receiveVote, runElection } from "./election.ts";
import { markFailed } from "./failure.ts";
import { loadNodesConf } from "./nodes-conf.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { type ClusterState, followPrimary } from "./state.ts";

const MYSELF = "a".repeat(40);
const OTHERS = ["b", "c", "d"].map((letter) => letter.repeat(40)) as [string, string, string];
/** Longer than the longest delay before a candidate asks for votes. */
const DELAY_MS = 1000;

/** A replica with the data of the first of three primaries. */
function replica(): ClusterState {
  const node = new SimulatedCluster(1).addNode();
  node.hasKeys = true;
  const { state } = node;
  const primaries = OTHERS.map((id, i) => `${id} 10.0.0.${i + 2}:6379@16379 master - 0 0 ${i + 1} connected ${i}`);
  const myself = `${MYSELF} 10.0.0.1:6379@16379 myself,slave ${OTHERS[0]} 0 0 1 connected`;
  loadNodesConf(state, [myself, ...primaries, "vars currentEpoch 3 lastVoteEpoch 0", ""].join("\n"));
  state.size = primaries.length;
  return state;
}

function nodeOf(state: ClusterState, id: string) {
  return state.nodes.get(id) ?? state.myself;
}

/** Its primary fails, it waits and asks for votes, if there is anything to ask for. */
function stand(state: ClusterState): void {
  markFailed(state, nodeOf(state, OTHERS[0]));
  runElection(state);
  state.now += DELAY_MS;
  runElection(state);
}

it("a node that follows again needs new votes to be elected once more", () => {
  const state = replica();
  stand(state);
  for (const id of OTHERS.slice(1)) receiveVote(state, nodeOf(state, id), state.currentEpoch);
  runElection(state);
  expect(isPrimary(state.myself)).toBe(true);
  const { epoch } = state.election;
  followPrimary(state, nodeOf(state, OTHERS[0]), true);
  state.table.assign(0, nodeOf(state, OTHERS[0]));
  stand(state);
  expect(isPrimary(state.myself)).toBe(false);
  expect(state.election.epoch).toBe(epoch + 1);
});
