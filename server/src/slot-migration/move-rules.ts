/** When a node takes part in a move. Each rule gives the error for whoever asked, or undefined. */

import { findNode } from "../cluster/admin.ts";
import { isPrimary } from "../cluster/cluster-node.ts";
import { type ClusterState, isWaitingForData } from "../cluster/state.ts";
import { soleOwner } from "./move-ownership.ts";
import type { SlotMigrations } from "./slot-migrations.ts";

/** On either end. */
export function refuseMoves(state: ClusterState): string | undefined {
  const { myself, importing, migrating } = state;
  if (!isPrimary(myself)) return "ERR Slot migration can only be used on primary nodes.";
  if (isWaitingForData(state)) return "ERR This node waits for its data.";
  if (importing.size > 0) return "ERR Slots are being manually imported";
  return migrating.size > 0 ? "ERR Slots are being manually migrated" : undefined;
}

/** Of the target, which is about to own them. Both may be true only for a moment: then there was a reason to wait. */
export function refuseSlots({ isOk, given }: ClusterState): string | undefined {
  if (!isOk) return "The cluster is down for this node, which may have been replaced";
  return given.size > 0 ? "This node is just giving slots away itself" : undefined;
}

/**
 * Of CLUSTER SETSLOT, which makes keys move one by one: of a slot that moves as a whole some of its keys would be deleted with
 * what is left of a move, or by changes that come behind them.
 */
export function refuseSetSlot(migrations: SlotMigrations, slot: number): string | undefined {
  const move = migrations.jobs.find((job) => !job.isOver && job.slots.has(slot));
  if (move === undefined) return undefined;
  return `ERR Slot ${slot} is moving as a whole: see CLUSTER GETSLOTMIGRATIONS and, on its source, CLUSTER CANCELSLOTMIGRATIONS`;
}

export interface ImportRequest {
  readonly name: string;
  readonly sourceId: string;
  readonly slots: readonly number[];
}

/** Of the target, to which a source has come. */
export function refuseImport(
  state: ClusterState,
  migrations: SlotMigrations,
  { name, sourceId, slots }: ImportRequest,
): string | undefined {
  const source = findNode(state, sourceId);
  if (source === undefined) return "ERR Target node does not know the source node";
  if (source === state.myself) return "ERR Source node is target node itself";
  if (migrations.isImporting(slots)) {
    return "ERR Slot is already being imported on the target by a different migration";
  }
  if (migrations.jobs.some((job) => job.name === name)) return "ERR A slot migration of this name is known already";
  const found = soleOwner(state, slots);
  if ("refusal" in found) return found.refusal;
  return found.owner === source ? undefined : "ERR Target node does not agree about current slot ownership";
}
