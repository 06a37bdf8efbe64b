/**
 * Connecting to a node whose address may be out of date. A node with a hostname is asked of the name service before
 * the first connect after a start and after each connect that failed, so a cluster whose nodes all came back on other
 * addresses finds together again. Without a hostname the last known address is tried until gossip brings a newer one.
 */

import { type ClusterNode, hasFlag, type Link, NODE_FLAG } from "./cluster-node.ts";
import { send, sendPing } from "./gossip.ts";
import {
  type ClusterState,
  closeLink,
  closeNodeLink,
  hasSuccessor,
  log,
  needsSave,
  openLink,
  replicateFromPrimary,
} from "./state.ts";

/** Asks the name service at most this often for one node; also how long an answer may take. */
const RESOLVE_INTERVAL_MS = 1000;

/** Starts a connect (or first a name look-up) unless there is a link. */
export function connectNode(state: ClusterState, node: ClusterNode): void {
  if (node.link !== undefined) return;
  if (node.pingSentAt === 0) node.pingSentAt = state.now;
  if (node.hostname !== "" && (node.needsResolve || hasFlag(node, NODE_FLAG.noAddress))) {
    if (state.now - node.resolveStartedAt < RESOLVE_INTERVAL_MS) return;
    node.resolveStartedAt = state.now;
    state.outbox.push({ kind: "resolve", nodeId: node.id, hostname: node.hostname });
    return;
  }
  if (hasFlag(node, NODE_FLAG.noAddress) || node.ip === "") return;
  openLink(state, node);
}

/** `address` undefined: the name service did not answer; the last known address gets another try. */
export function finishResolve(state: ClusterState, node: ClusterNode, address: string | undefined): void {
  node.needsResolve = false;
  if (address !== undefined) {
    const isNew = address !== node.ip;
    if (isNew) log(state, "notice", `Node ${node.id} (${node.hostname}) has moved from ${node.ip} to ${address}`);
    if (isNew || hasFlag(node, NODE_FLAG.noAddress))
      moveNode(state, node, { ip: address, port: node.port, plainPort: node.plainPort, busPort: node.busPort });
  }
  if (node.link === undefined && !hasFlag(node, NODE_FLAG.noAddress) && node.ip !== "") openLink(state, node);
}

export interface NodeAddress {
  readonly ip: string;
  readonly port: number;
  readonly plainPort: number;
  readonly busPort: number;
}

export function moveNode(state: ClusterState, node: ClusterNode, address: NodeAddress): void {
  node.ip = address.ip;
  node.port = address.port;
  node.plainPort = address.plainPort;
  node.busPort = address.busPort;
  node.flags &= ~NODE_FLAG.noAddress;
  closeNodeLink(state, node);
  if (state.myself.primary === node) replicateFromPrimary(state);
  needsSave(state);
}

/**
 * An outgoing connection stands: introduce ourselves. The time of an unanswered earlier PING keeps counting. A node
 * that came back without its data says at once that it is to be replaced.
 */
export function greet(state: ClusterState, link: Link): void {
  const node = link.node;
  if (node === undefined) return;
  const earlierPing = node.pingSentAt;
  sendPing(state, link, hasFlag(node, NODE_FLAG.meet) ? "meet" : "ping");
  node.pingSentAt = earlierPing !== 0 ? earlierPing : state.now;
  node.flags &= ~NODE_FLAG.meet;
  if (hasSuccessor(state)) send(state, link, { type: "fail", nodeId: state.myself.id });
}

export function dropLink(state: ClusterState, link: Link): void {
  if (!link.isInbound && link.node !== undefined) link.node.needsResolve = true;
  closeLink(state, link);
}
