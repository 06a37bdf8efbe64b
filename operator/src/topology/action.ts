/**
 * What the plan may ask of a server, each with the sentence that explains it in logs and events. An action names the pod
 * that receives it; the executor turns it into one command. All are safe to repeat. Those of a group carry the ticket of what was
 * seen when they were decided, and servers refuse an old one.
 */

import { formatRanges, type SlotRange } from "./slot-range.ts";

export type Action =
  | { readonly kind: "SetConfigEpoch"; readonly pod: string; readonly epoch: number }
  | {
      readonly kind: "Meet";
      readonly pod: string;
      readonly peer: string;
      readonly ip: string;
      readonly port: number;
      readonly busPort: number;
    }
  | { readonly kind: "AddSlots"; readonly pod: string; readonly ranges: readonly SlotRange[] }
  | {
      readonly kind: "MigrateSlots";
      readonly pod: string;
      readonly target: string;
      readonly targetId: string;
      readonly ranges: readonly SlotRange[];
    }
  | { readonly kind: "Replicate"; readonly pod: string; readonly primary: string; readonly primaryId: string }
  | { readonly kind: "Failover"; readonly pod: string; readonly from: string }
  | { readonly kind: "Takeover"; readonly pod: string; readonly lostId: string }
  | { readonly kind: "Forget"; readonly pod: string; readonly nodeId: string }
  | { readonly kind: "Lead"; readonly pod: string; readonly ticket: number }
  | { readonly kind: "Renew"; readonly pod: string; readonly ticket: number }
  | { readonly kind: "Hold"; readonly pod: string; readonly ticket: number }
  | {
      readonly kind: "Follow";
      readonly pod: string;
      readonly primary: string;
      readonly host: string;
      readonly port: number;
      readonly ticket: number;
    }
  | {
      readonly kind: "HandOver";
      readonly pod: string;
      readonly to: string;
      readonly host: string;
      readonly port: number;
    }
  | {
      readonly kind: "PrepareNodes";
      readonly pod: string;
      /** The file with which its server will start in a cluster. */
      readonly text: string;
      /** Undefined where the server has its role by itself. */
      readonly ticket: number | undefined;
    };

export function describeAction(action: Action): string {
  switch (action.kind) {
    case "SetConfigEpoch":
      return `${action.pod} takes config epoch ${action.epoch}`;
    case "Meet":
      return `${action.pod} meets ${action.peer} at ${action.ip}:${action.port}`;
    case "AddSlots":
      return `${action.pod} takes slots ${formatRanges(action.ranges)}`;
    case "MigrateSlots":
      return `${action.pod} gives slots ${formatRanges(action.ranges)} to ${action.target}`;
    case "Replicate":
      return `${action.pod} follows ${action.primary}`;
    case "Failover":
      return `${action.pod} takes over from ${action.from}, which hands over`;
    case "Takeover":
      return `${action.pod} takes over from lost node ${shortId(action.lostId)}`;
    case "Forget":
      return `${action.pod} forgets gone node ${shortId(action.nodeId)}`;
    case "Lead":
      return `${action.pod} becomes the primary`;
    case "Renew":
      return `${action.pod} goes on as the primary`;
    case "Hold":
      return `${action.pod} waits for its role`;
    case "Follow":
      return `${action.pod} follows ${action.primary}`;
    case "HandOver":
      return `${action.pod} hands over to ${action.to}`;
    case "PrepareNodes":
      return `${action.pod} notes its place in the cluster`;
  }
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}
