/** For tests: the lines of CLUSTER NODES that a simulated node shows of itself and of others. */

import type { NodeEntry, NodeFlag } from "./cluster-nodes.ts";
import type { SlotRange } from "./slot-range.ts";

interface Known extends Omit<EntryFacts, "isConnected"> {
  readonly isFailed: boolean;
  readonly hasAddress: boolean;
}

export function selfEntry(node: Omit<EntryFacts, "isConnected"> & { readonly id: string }): NodeEntry {
  const flags: readonly NodeFlag[] = ["myself", node.primaryId === undefined ? "master" : "slave"];
  return entry(node.id, flags, { ...node, isConnected: true });
}

export function knownEntry(id: string, known: Known): NodeEntry {
  const flags: NodeFlag[] = [known.primaryId === undefined ? "master" : "slave"];
  if (known.isFailed) flags.push("fail");
  if (!known.hasAddress) flags.push("noaddr");
  return entry(id, flags, { ...known, isConnected: !known.isFailed });
}

interface EntryFacts {
  readonly ip: string;
  readonly epoch: number;
  readonly primaryId: string | undefined;
  readonly slots: readonly SlotRange[];
  readonly isConnected: boolean;
}

function entry(id: string, flags: readonly NodeFlag[], facts: EntryFacts): NodeEntry {
  return {
    id,
    ip: facts.ip,
    port: 6379,
    busPort: 16379,
    hostname: undefined,
    flags: new Set(flags),
    primaryId: facts.primaryId,
    configEpoch: facts.epoch,
    isLinkConnected: facts.isConnected,
    slots: facts.slots,
    openSlots: [],
  };
}
