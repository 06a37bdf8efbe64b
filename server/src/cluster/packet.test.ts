/** Single messages, where the simulated clusters would need many for the same. */

import { describe, expect, it } from "vitest";
import type { BusHeader } from "./bus-message.ts";
import { acceptLink } from "./machine.ts";
import { loadNodesConf } from "./nodes-conf.ts";
import { receivePacket } from "./packet.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { bitmapOf } from "./slot-bitmap.ts";
import type { ClusterState } from "./state.ts";

const MYSELF = "a".repeat(40);
const OWNER = "b".repeat(40);
const OTHER = "c".repeat(40);
const OWNER_EPOCH = 13;

/** A node after its start, which for now knows of nobody which shard he is of: one owns slots, another has none any more. */
function restarted(): ClusterState {
  const { state } = new SimulatedCluster(1).addNode();
  const lines = [
    `${MYSELF} 10.0.0.1:6379@16379 myself,master - 0 0 11 connected 3-16383`,
    `${OWNER} 10.0.0.2:6379@16379 master - 0 0 ${OWNER_EPOCH} connected 0-2`,
    `${OTHER} 10.0.0.3:6379@16379 master,fail - 0 0 12 connected`,
    "vars currentEpoch 13 lastVoteEpoch 13",
  ];
  loadNodesConf(state, `${lines.join("\n")}\n`);
  return state;
}

/** The owner says that it is a replica of the other. */
function receiveFromOwner(state: ClusterState, changes: Pick<BusHeader, "configEpoch" | "slots">): void {
  const header: BusHeader = {
    ...{ port: 6379, plainPort: 0, busPort: 16379, ip: "", flags: 2, messageFlags: 0, isClusterDown: false, offset: 1 },
    ...{ sender: OWNER, primaryId: OTHER, currentEpoch: 14 },
    ...changes,
  };
  const link = acceptLink(state, { remoteIp: "10.0.0.2", localIp: "10.0.0.1" }, state.now);
  receivePacket(state, link, { header, body: { type: "pong", gossip: [], extensions: [] } });
}

function owners(state: ClusterState): (string | undefined)[] {
  return [0, 1, 2, 3].map((slot) => state.table.ownerOf(slot)?.id);
}

describe("a primary that says it is a replica now", () => {
  it("has handed over the slots that its primary has", () => {
    const state = restarted();
    receiveFromOwner(state, { configEpoch: OWNER_EPOCH + 1, slots: bitmapOf([0, 1]) });
    expect(owners(state)).toEqual([OTHER, OTHER, undefined, MYSELF]);
    expect(state.nodes.get(OTHER)?.configEpoch).toBe(OWNER_EPOCH + 1);
    expect(state.nodes.get(OWNER)?.primary?.id).toBe(OTHER);
  });

  it("has handed over none to a primary with an older epoch, nor those of others", () => {
    const state = restarted();
    receiveFromOwner(state, { configEpoch: OWNER_EPOCH - 1, slots: bitmapOf([0, 1, 3]) });
    expect(owners(state)).toEqual([undefined, undefined, undefined, MYSELF]);
  });
});
