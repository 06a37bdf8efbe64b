/**
 * Cluster routing of a request: all its keys must hash to one slot, and that slot must be ours. Commands whose keys follow
 * from position alone are routed from the table's numbers without an object.
 */

import { keySlot } from "@kvcluster/protocol/slots";
import { SLOT_NOT_SERVED, type SlotRequest } from "../cluster/redirection.ts";
import type { SlotUse } from "../cluster/slot-use.ts";
import type { Call } from "../commands/call.ts";
import { ClientFlag } from "../commands/client.ts";
import { CommandBit, type CommandTable } from "../commands/command-table.ts";
import { ERRORS } from "../commands/errors.ts";
import { keyPositions } from "../commands/key-positions.ts";
import { declaresWrites } from "./script-refusal.ts";

export const NO_SLOT = -1;
export const CROSS_SLOT = -2;
const SLOT_OWNED = 1;

/** What routing asks of the cluster. */
export interface SlotOwnership {
  /** 1 for each slot that this node serves without any question. */
  readonly ownedByMe: Uint8Array;
  readonly slotUse: SlotUse;
  /** The redirection or error for a request that is not simply ours, or undefined to serve it. */
  redirection(slot: number, request: SlotRequest): string | undefined;
}

/** The slot of the request's keys, NO_SLOT if it has none, CROSS_SLOT if they differ. */
export function requestSlot(table: CommandTable, id: number, call: Call): number {
  const first = table.firstKey[id] as number;
  if (first === 0) return NO_SLOT;
  if (first < 0) return slotOfSpecs(table, id, call);
  const lastOrNegative = table.lastKey[id] as number;
  const last = lastOrNegative < 0 ? call.argc + lastOrNegative : lastOrNegative;
  const step = table.keyStep[id] as number;
  let slot = NO_SLOT;
  for (let i = first; i <= last && i < call.argc; i += step) {
    const next = keySlot(call.buffer, call.offset[i] as number, call.length[i] as number);
    if (slot !== NO_SLOT && next !== slot) return CROSS_SLOT;
    slot = next;
  }
  return slot;
}

function slotOfSpecs(table: CommandTable, id: number, call: Call): number {
  let slot = NO_SLOT;
  for (const argument of routedKeys(table, id, call)) {
    const next = keySlot(call.buffer, call.offset[argument] as number, call.length[argument] as number);
    if (slot !== NO_SLOT && next !== slot) return CROSS_SLOT;
    slot = next;
  }
  return slot;
}

/** The arguments of a request that are keys. */
export function requestKeys(table: CommandTable, id: number, call: Call): number[] {
  const first = table.firstKey[id] as number;
  if (first <= 0) return first === 0 ? [] : routedKeys(table, id, call);
  const lastOrNegative = table.lastKey[id] as number;
  const last = Math.min(call.argc - 1, lastOrNegative < 0 ? call.argc + lastOrNegative : lastOrNegative);
  const keys: number[] = [];
  for (let i = first; i <= last; i += table.keyStep[id] as number) keys.push(i);
  return keys;
}

function routedKeys(table: CommandTable, id: number, call: Call): number[] {
  const row = table.rows[id];
  if (row === undefined) return [];
  const isRouted = ({ flags }: { readonly flags: readonly string[] }): boolean =>
    !flags.includes("not_key") || row.group === "pubsub";
  return keyPositions(row, call)
    .filter(isRouted)
    .map(({ argument }) => argument);
}

/** Of the keys of a request for a slot on the move: how many are here, or have not arrived elsewhere yet. */
export function countKeysHere(table: CommandTable, id: number, call: Call): { present: number; total: number } {
  const keys = routedKeys(table, id, call);
  const { buffer, offset, length, db, server } = call;
  const isHere = (argument: number): boolean => {
    const [start, size] = [offset[argument] as number, length[argument] as number];
    if (db.peek(buffer, start, size) !== 0) return true;
    return server.migrations.isMoving(db, buffer.subarray(start, start + size));
  };
  return { present: keys.filter(isHere).length, total: keys.length };
}

/** The error or redirection for a client's request that has keys, or undefined if it may run here. */
export function routingError(
  cluster: SlotOwnership,
  table: CommandTable,
  id: number,
  call: Call,
  bits: number,
): string | undefined {
  const { client } = call;
  if ((client.flags & ClientFlag.primary) !== 0) return undefined;
  const slot = requestSlot(table, id, call);
  if (slot === NO_SLOT || cluster.ownedByMe[slot] === SLOT_OWNED) return undefined;
  const name = table.fullNames[id] as string;
  const group = table.rows[id]?.group;
  const request: SlotRequest = {
    isWrite: (bits & CommandBit.write) !== 0 || (group === "scripting" && declaresWrites(call, name)),
    isReadOnlyClient: (client.flags & ClientFlag.readOnly) !== 0,
    isEncrypted: client.isEncrypted,
    isOutside: client.isOutside,
    isAsking: (client.flags & ClientFlag.asking) !== 0 || (bits & CommandBit.asking) !== 0,
    isMigration: name === "migrate",
    isOfShardChannels: group === "pubsub",
    countKeysHere: () => countKeysHere(table, id, call),
  };
  if (slot !== CROSS_SLOT) return cluster.redirection(slot, request);
  // That nobody serves the first key is seen before it is compared with the others.
  const first = requestKeys(table, id, call)[0] as number;
  const error = cluster.redirection(
    keySlot(call.buffer, call.offset[first] as number, call.length[first] as number),
    request,
  );
  return error === SLOT_NOT_SERVED ? error : ERRORS.crossSlot;
}
