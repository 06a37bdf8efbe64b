/**
 * What goes on in a cluster that takes a while: slots on the move, a restore, restarts, growing volumes, backups. Each with how
 * far it is where that can be told from what is seen now; nothing is remembered from one look to the next.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { conditionOf } from "../api/condition.ts";
import { slotCount } from "./slot-text.ts";
import type { World } from "./world.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export interface Operation {
  readonly what: string;
  readonly message: string;
  readonly progress?: Progress;
}

export function operationsOf(world: World): readonly Operation[] {
  return [...restore(world), ...slotMoves(world), ...restarts(world), ...volumes(world), ...backups(world)];
}

function restore({ cluster }: World): readonly Operation[] {
  const restored = conditionOf(cluster.status, "Restored");
  if (restored === undefined || restored.status === "True") return [];
  const percent = /(\d+) %/.exec(restored.message)?.[1];
  const progress = percent === undefined ? {} : { progress: { done: Number(percent), total: 100, unit: "%" } };
  return [{ what: "Restore", message: restored.message, ...progress }];
}

/** How many slots are where the spec wants them: those that leave a shard that has too many are not. */
function slotMoves({ cluster }: World): readonly Operation[] {
  const balanced = conditionOf(cluster.status, "Balanced");
  if (balanced?.status !== "False") return [];
  const { shards } = cluster.spec;
  const share = Math.ceil(SLOT_COUNT / shards);
  const left = (cluster.status?.shardStatus ?? []).reduce((sum, { index, slots = "" }) => {
    return sum + Math.max(0, slotCount(slots) - (index < shards ? share : 0));
  }, 0);
  const progress = { done: SLOT_COUNT - left, total: SLOT_COUNT, unit: "slots in place" };
  return [{ what: "Slots move", message: balanced.message, progress }];
}

function restarts({ cluster }: World): readonly Operation[] {
  const upToDate = conditionOf(cluster.status, "UpToDate");
  if (upToDate?.status !== "False" || upToDate.reason !== "RestartPending") return [];
  const [, left, total] = /^(\d+) of (\d+) /.exec(upToDate.message) ?? [];
  const progress =
    left === undefined || total === undefined
      ? {}
      : { progress: { done: Number(total) - Number(left), total: Number(total), unit: "servers" } };
  return [{ what: "Restart", message: upToDate.message, ...progress }];
}

function volumes({ cluster }: World): readonly Operation[] {
  const storage = conditionOf(cluster.status, "StorageReady");
  return storage?.reason === "Resizing" ? [{ what: "Volumes grow", message: storage.message }] : [];
}

function backups({ backups: all }: World): readonly Operation[] {
  return all.flatMap(({ metadata, status }) => {
    const phase = status?.phase ?? "Pending";
    if (phase !== "Pending" && phase !== "Running") return [];
    const message = status?.message ?? "";
    return [{ what: "Backup", message: `${metadata.name}: ${phase}${message === "" ? "" : `, ${message}`}` }];
  });
}
