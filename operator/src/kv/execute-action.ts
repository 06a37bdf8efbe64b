/** Turns one action of the plan into the CLUSTER command that carries it out, on the connection of the pod it names. */

import type { Action } from "../topology/action.ts";
import type { SlotRange } from "../topology/slot-range.ts";
import type { NodeConnection } from "./node-connection.ts";

export async function executeAction(connection: NodeConnection, action: Action): Promise<void> {
  await connection.command("CLUSTER", ...commandOf(action));
}

function commandOf(action: Action): readonly (string | number)[] {
  switch (action.kind) {
    case "SetConfigEpoch":
      return ["SET-CONFIG-EPOCH", action.epoch];
    case "Meet":
      return ["MEET", action.ip, action.port, action.busPort];
    case "AddSlots":
      return ["ADDSLOTSRANGE", ...boundsOf(action.ranges)];
    case "MigrateSlots":
      return ["MIGRATESLOTS", "SLOTSRANGE", ...boundsOf(action.ranges), "NODE", action.targetId];
    case "Replicate":
      return ["REPLICATE", action.primaryId];
    case "Failover":
      return ["FAILOVER"];
    case "Takeover":
      return ["FAILOVER", "TAKEOVER"];
    case "Forget":
      return ["FORGET", action.nodeId];
  }
}

function boundsOf(ranges: readonly SlotRange[]): readonly number[] {
  return ranges.flatMap(({ start, end }) => [start, end]);
}
