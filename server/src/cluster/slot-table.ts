/**
 * Who owns which slot. A slot has one owner or none; the table and the bitmap of each node always agree, because both
 * change only here. `ownedByMe` is read on the path of every command.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { ClusterNode } from "./cluster-node.ts";
import { clearSlot, setSlot, slotsOf } from "./slot-bitmap.ts";

const MAX_NODES = 65_535;

export class SlotTable {
  /** 1 where this node itself is the owner. */
  readonly ownedByMe = new Uint8Array(SLOT_COUNT);
  assignedCount = 0;
  /** Rises with each change of an owner. */
  version = 0;
  /** Owner's index in #nodes, 0 for none. */
  readonly #owner = new Uint16Array(SLOT_COUNT);
  readonly #nodes: (ClusterNode | undefined)[] = [undefined];
  readonly #myself: ClusterNode;

  constructor(myself: ClusterNode) {
    this.#myself = myself;
    this.register(myself);
  }

  /** Gives the node its index; false when there is no room for another node. */
  register(node: ClusterNode): boolean {
    const free = this.#nodes.indexOf(undefined, 1);
    const index = free === -1 ? this.#nodes.length : free;
    if (index > MAX_NODES) return false;
    node.tableIndex = index;
    this.#nodes[index] = node;
    return true;
  }

  unregister(node: ClusterNode): void {
    this.removeAll(node);
    this.#nodes[node.tableIndex] = undefined;
    node.tableIndex = 0;
  }

  ownerOf(slot: number): ClusterNode | undefined {
    return this.#nodes[this.#owner[slot] as number];
  }

  assign(slot: number, node: ClusterNode): void {
    this.remove(slot);
    this.#owner[slot] = node.tableIndex;
    setSlot(node.slots, slot);
    node.slotCount++;
    this.assignedCount++;
    this.version++;
    if (node === this.#myself) this.ownedByMe[slot] = 1;
  }

  remove(slot: number): void {
    const owner = this.ownerOf(slot);
    if (owner === undefined) return;
    clearSlot(owner.slots, slot);
    owner.slotCount--;
    this.assignedCount--;
    this.version++;
    this.#owner[slot] = 0;
    this.ownedByMe[slot] = 0;
  }

  removeAll(node: ClusterNode): void {
    for (const slot of slotsOf(node.slots)) this.remove(slot);
  }
}
