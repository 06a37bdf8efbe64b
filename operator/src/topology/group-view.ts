/**
 * What one pass has seen of a group: one shard without a cluster around it, whose servers have the roles that the operator gives
 * them (modes Standalone and Replication). A server *leads* (takes writes, as long as its lease lasts), *follows*, or is *held*:
 * it has its data and waits for its role. One that is no member (made before the mode was changed) leads from its start.
 *
 * The record is what the status said before this pass: who led, and which servers had a whole copy in memory then. A server
 * that was restarted since is another run: it has what is on its disk.
 *
 * A survey shows a group as a shard that owns all slots, its leader the owner: so everything that looks at surveys serves here.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { NodeEntry } from "./cluster-nodes.ts";
import type { ClusterSurvey, ClusterView, PodView, ReachablePod } from "./cluster-view.ts";

/** What a server with `group-lease` says of itself. */
export interface GroupInfo {
  readonly state: "leads" | "follows" | "held";
  /** A moment by its own clock, to be shown with what is decided by what it said. */
  readonly ticket: number;
  readonly heldMs: number;
  /** Its data is that of one moment: no copy is half made. */
  readonly hasWholeCopy: boolean;
}

export interface Copy {
  readonly pod: string;
  readonly runId: string;
}

export interface GroupRecord {
  /** The leader among them. */
  readonly primary: string | undefined;
  readonly replicationId: string | undefined;
  readonly copies: readonly Copy[];
}

export interface GroupSpec {
  readonly replicas: number;
  readonly leaseSeconds: number;
}

export interface GroupView extends ClusterView {
  readonly record: GroupRecord;
  /** Pods whose server would lead from its start if its process came back: they were made before the mode was changed. */
  readonly unfenced: ReadonlySet<string>;
}

/** Takes writes, or would. */
export function isLeading({ node }: ReachablePod): boolean {
  return node.info.role === "primary" && !node.info.isLoading;
}

/** By which others know it. */
export function namesOf({ address }: Pick<PodView, "address">): readonly string[] {
  return address === undefined ? [] : [address.ip, ...(address.hostname === undefined ? [] : [address.hostname])];
}

/** Follows that one, by either of its names. */
export function namesAsPrimary({ node }: ReachablePod, pod: Pick<PodView, "address">): boolean {
  const { role, primaryHost } = node.info;
  return role === "replica" && primaryHost !== undefined && namesOf(pod).includes(primaryHost);
}

export function isLinked(pod: ReachablePod, leader: ReachablePod): boolean {
  return namesAsPrimary(pod, leader) && pod.node.info.isPrimaryLinkUp && !pod.node.info.isLoading;
}

export function copyIn({ pod, node }: ReachablePod): Copy {
  return { pod, runId: node.id };
}

/** The very run that the record speaks of. */
export function isCopyOf({ pod, runId }: Copy, server: ReachablePod): boolean {
  return server.pod === pod && server.node.id === runId;
}

export function hasWholeCopy({ node }: ReachablePod): boolean {
  return node.info.group?.hasWholeCopy !== false && !node.info.isLoading && !node.info.isFullSyncRunning;
}

export const ALL_SLOTS = [{ start: 0, end: SLOT_COUNT - 1 }];

/** In the order of their ordinals. Without a leader the slots are nobody's. */
export function surveyGroup(view: ClusterView, leader: ReachablePod | undefined): ClusterSurvey {
  const pods = [...view.pods].sort((a, b) => a.ordinal - b.ordinal);
  const reachable = pods.flatMap((pod) => withEntry(pod, leader));
  const owners = reachable.filter(({ pod }) => pod === leader?.pod);
  return {
    pods,
    reachable,
    byId: new Map(reachable.map((pod) => [pod.node.id, pod])),
    shards: [{ index: 0, pods, reachable, owners }],
    slotsOf: new Map(owners.map(({ node }) => [node.id, ALL_SLOTS])),
    absentOwners: [],
    unassigned: owners.length === 0 ? ALL_SLOTS : [],
    currentEpoch: 0,
  };
}

function withEntry(pod: PodView, leader: ReachablePod | undefined): readonly ReachablePod[] {
  const { node, address } = pod;
  if (node === undefined || address === undefined) return [];
  const isLeader = pod.pod === leader?.pod;
  const self: NodeEntry = {
    id: node.id,
    ...{ ip: address.ip, port: address.port, busPort: address.busPort, hostname: address.hostname },
    flags: new Set(["myself", node.info.role === "primary" ? "master" : "slave"]),
    primaryId: undefined,
    configEpoch: 0,
    isLinkConnected: true,
    slots: isLeader ? ALL_SLOTS : [],
    openSlots: [],
  };
  const reachable: ReachablePod = { ...pod, node, address, self };
  if (leader === undefined || !isLinked(reachable, leader)) return [reachable];
  return [{ ...reachable, self: { ...self, primaryId: leader.node.id } }];
}
