/** Turns one action of the plan into the command that carries it out, on the connection of the pod it names. */

import type { Action } from "../topology/action.ts";
import type { SlotRange } from "../topology/slot-range.ts";
import type { NodeConnection } from "./node-connection.ts";

export async function executeAction(connection: NodeConnection, action: Action): Promise<void> {
  await connection.command(...commandOf(action));
}

/** Until a failover that gets no further is given up. */
const HAND_OVER_MS = 5_000;

function commandOf(action: Action): readonly [string, ...(string | number)[]] {
  switch (action.kind) {
    case "SetConfigEpoch":
      return ["CLUSTER", "SET-CONFIG-EPOCH", action.epoch];
    case "Meet":
      return ["CLUSTER", "MEET", action.ip, action.port, action.busPort];
    case "AddSlots":
      return ["CLUSTER", "ADDSLOTSRANGE", ...boundsOf(action.ranges)];
    case "MigrateSlots":
      return ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", ...boundsOf(action.ranges), "NODE", action.targetId];
    case "Replicate":
      return ["CLUSTER", "REPLICATE", action.primaryId];
    case "Failover":
      return ["CLUSTER", "FAILOVER"];
    case "Takeover":
      return ["CLUSTER", "FAILOVER", "TAKEOVER"];
    case "Forget":
      return ["CLUSTER", "FORGET", action.nodeId];
    case "Lead":
      return ["GROUP", "LEAD", action.ticket];
    case "Renew":
      return ["GROUP", "RENEW", action.ticket];
    case "Hold":
      return ["GROUP", "HOLD", action.ticket];
    case "Follow":
      return ["GROUP", "FOLLOW", action.host, action.port, action.ticket];
    case "HandOver":
      return ["FAILOVER", "TO", action.host, action.port, "TIMEOUT", HAND_OVER_MS];
    case "PrepareNodes":
      return ["GROUP", "NODES", action.text, ...(action.ticket === undefined ? [] : [action.ticket])];
  }
}

function boundsOf(ranges: readonly SlotRange[]): readonly number[] {
  return ranges.flatMap(({ start, end }) => [start, end]);
}
