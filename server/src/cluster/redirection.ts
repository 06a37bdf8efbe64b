/**
 * Where a request for a slot is to go: here, or with which error back to the client. The fast answer for slots that
 * are simply served here is `servedSlots`, which routing reads before it asks this.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { type ClientView, clientAddress } from "./client-address.ts";
import { type ClusterNode, isReplica } from "./cluster-node.ts";
import type { ClusterState } from "./state.ts";

export interface SlotRequest extends ClientView {
  readonly isWrite: boolean;
  readonly isReadOnlyClient: boolean;
  readonly isAsking: boolean;
  /** MIGRATE: of the keys it names it takes those that are here, to or from an owner. */
  readonly isMigration: boolean;
  /** Its names are shard channels: nothing is stored under them. */
  readonly isOfShardChannels: boolean;
  /** How many of its keys are here, asked only while the slot is on the move. */
  countKeysHere(): { readonly present: number; readonly total: number };
}

export const SLOT_NOT_SERVED = "CLUSTERDOWN Hash slot not served";
const DOWN = "CLUSTERDOWN The cluster is down";
const TRY_AGAIN = "TRYAGAIN Multiple keys request during rehashing of slot";

/** The error for the client, or undefined to serve the request here. */
export function redirect(state: ClusterState, slot: number, request: SlotRequest): string | undefined {
  const { myself, table } = state;
  const owner = table.ownerOf(slot);
  if (owner === undefined) return SLOT_NOT_SERVED;
  const refusal = refuseWhenDown(state, request);
  if (refusal !== undefined) return refusal;
  if (request.isMigration && (state.migrating.has(slot) || state.importing.has(slot))) return undefined;
  if (owner === myself) return leaving(state, slot, request);
  if (state.importing.has(slot) && request.isAsking) {
    const { present, total } = request.countKeysHere();
    return total > 1 && present < total ? TRY_AGAIN : undefined;
  }
  const reads = request.isReadOnlyClient || request.isOfShardChannels;
  const mayRead = reads && !request.isWrite && isReplica(myself) && myself.primary === owner;
  return mayRead ? undefined : `MOVED ${slot} ${endpoint(state, owner, request)}`;
}

function refuseWhenDown(state: ClusterState, request: SlotRequest): string | undefined {
  if (state.isOk) return undefined;
  if (request.isOfShardChannels) return state.settings.allowShardChannelsWhenDown ? undefined : DOWN;
  if (!state.settings.allowReadsWhenDown || state.guard.isHolding) return DOWN;
  return request.isWrite ? `${DOWN} and only accepts read commands` : undefined;
}

/** A slot that is being moved away: keys that have left already are asked for at the target. */
function leaving(state: ClusterState, slot: number, request: SlotRequest): string | undefined {
  const target = state.migrating.get(slot);
  if (target === undefined || request.isOfShardChannels) return undefined;
  const { present, total } = request.countKeysHere();
  if (present === total) return undefined;
  return present > 0 ? TRY_AGAIN : `ASK ${slot} ${endpoint(state, target, request)}`;
}

/** Address of a node for a client, `host:port`. */
export function endpoint(state: ClusterState, node: ClusterNode, view: ClientView): string {
  const { endpoint: host = "", port } = clientAddress(state, node, view);
  return `${host}:${port}`;
}

/** Marks in `served` the slots that need no look at the request: ours, not on the move, cluster up. */
export function markServedSlots(state: ClusterState, served: Uint8Array): void {
  if (!state.isOk) {
    served.fill(0);
    return;
  }
  served.set(state.table.ownedByMe);
  for (const slot of state.migrating.keys()) if (slot < SLOT_COUNT) served[slot] = 0;
}
