/**
 * The door of the state machine: (state, event, now) → effects. Everything that happens to a cluster node, be it a
 * packet, a tick or a command, comes through `step` or `change`.
 */

import { decodeBusMessage } from "./bus-message-decode.ts";
import type { Link } from "./cluster-node.ts";
import { receivePacket } from "./packet.ts";
import { dropLink, finishResolve, greet } from "./reconnect.ts";
import { settle } from "./settle.ts";
import { type ClusterState, closeLink, type Effect, log } from "./state.ts";
import { tick } from "./tick.ts";

export type ClusterEvent =
  | { readonly kind: "tick" }
  /** An outgoing connection stands. */
  | { readonly kind: "opened"; readonly link: number }
  /** A connection ended or never came about. */
  | { readonly kind: "closed"; readonly link: number }
  /** Exactly one framed message. */
  | { readonly kind: "packet"; readonly link: number; readonly bytes: Buffer }
  /** The stream of a link is not one of bus messages. */
  | { readonly kind: "garbage"; readonly link: number; readonly reason: string }
  | { readonly kind: "resolved"; readonly nodeId: string; readonly address: string | undefined };

export function step(state: ClusterState, event: ClusterEvent, now: number): Effect[] {
  state.now = now;
  apply(state, event);
  return settle(state);
}

/** A change that is not an event of the wire: a command, a loaded file. */
export function change(state: ClusterState, now: number, make: (state: ClusterState) => void): Effect[] {
  state.now = now;
  make(state);
  return settle(state);
}

/** Somebody connected to us; packets of the connection carry the id of this link. */
export function acceptLink(state: ClusterState, addresses: { remoteIp: string; localIp: string }, now: number): Link {
  const id = state.nextLinkId++;
  const times = { createdAt: now, receivedAt: now, askedAt: 0 };
  const link: Link = { id, isInbound: true, isOpen: true, node: undefined, ...times, ...addresses };
  state.links.set(link.id, link);
  return link;
}

function apply(state: ClusterState, event: ClusterEvent): void {
  switch (event.kind) {
    case "tick":
      tick(state);
      return;
    case "resolved": {
      const node = state.nodes.get(event.nodeId);
      if (node !== undefined && node !== state.myself) finishResolve(state, node, event.address);
      return;
    }
  }
  const link = state.links.get(event.link);
  if (link === undefined) return;
  switch (event.kind) {
    case "opened":
      link.isOpen = true;
      greet(state, link);
      return;
    case "closed":
      dropLink(state, link);
      return;
    case "garbage":
      dropGarbage(state, link, event.reason);
      return;
    case "packet": {
      const decoded = decodeBusMessage(event.bytes);
      if ("error" in decoded) dropGarbage(state, link, decoded.error);
      else receivePacket(state, link, decoded.message);
      return;
    }
  }
}

function dropGarbage(state: ClusterState, link: Link, reason: string): void {
  log(state, "warning", `Closed a bus connection with ${link.remoteIp || "an unknown peer"}: ${reason}`);
  closeLink(state, link);
}
