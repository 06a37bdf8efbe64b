/**
 * For tests: the writes that were acknowledged while slots moved, and which of them must be there in the end.
 *
 * A write is SAFE once every node of its owner's shard has had it, at one moment; no failover within the shard can lose it.
 * When a slot changes hands the target must have all that its source has taken; what was safe is safe again once all of the
 * target's shard have it, since a replica that the target does not reach is not waited for, as everywhere.
 * Not counted are writes that were taken while another node already had a claim that is as new or newer: the one without a
 * majority loses them, as after any failover. Nor are those to a DISPUTED slot that only one side has: where two nodes own
 * it, each by its own account, since one was elected in place of the source by those who have not heard of the target, or in
 * place of the target by those who have not heard of the epoch that it took without asking, or because the source, with a majority
 * that has not heard of the target, has waited for its claim in vain. As after any election that not all have heard of, the newer
 * epoch wins.
 */

import { isPrimary } from "../cluster/cluster-node.ts";
import type { SimulatedCluster, SimulatedNode } from "../cluster/simulated-cluster.ts";
import { hold, SEEN_SLOTS } from "../cluster/simulated-invariants.ts";
import { shardOf } from "../cluster/simulated-scene.ts";
import type { MigrationJob } from "./migration-job.ts";
import { idsOf, MOVING_SLOTS, type SimulatedServer } from "./simulated-server.ts";

interface Acknowledged {
  readonly id: number;
  readonly slot: number;
  isContested: boolean;
  shard: number;
  /** Numbers of nodes that have had it. */
  readonly holders: Set<number>;
  isSafe: boolean;
}

export class SimulatedWrites {
  readonly #cluster: SimulatedCluster;
  readonly #serverOf: (node: SimulatedNode) => SimulatedServer;
  readonly #writes: Acknowledged[] = [];
  readonly #disputed = new Set<number>();
  #moves = 0;

  constructor(cluster: SimulatedCluster, serverOf: (node: SimulatedNode) => SimulatedServer) {
    this.#cluster = cluster;
    this.#serverOf = serverOf;
  }

  get count(): number {
    return this.#writes.length;
  }

  get safeCount(): number {
    return this.#writes.filter(({ isSafe }) => isSafe).length;
  }

  /** How often slots have changed hands. */
  get moves(): number {
    return this.#moves;
  }

  /** Gives the number of a write that the node takes. */
  take(node: SimulatedNode, slot: number): number {
    const id = this.#writes.length;
    const hasRival = this.#cluster.nodes.some((other) => other !== node && claims(other, slot, node));
    const isContested = hasRival || this.isDisputed(slot);
    this.#writes.push({ id, slot, isContested, shard: shardOf(node), holders: new Set(), isSafe: false });
    return id;
  }

  has({ index }: SimulatedNode, id: number): void {
    const write = this.#writes[id];
    if (write === undefined) return;
    write.holders.add(index);
    this.#judge(write);
  }

  /** The target of a move owns its slots now. */
  movedTo(target: SimulatedNode, { slots, nodes }: MigrationJob): void {
    this.#moves++;
    const source = this.#cluster.nodes.find(({ state }) => state.myself.id === nodes?.source);
    for (const slot of slots) {
      for (const rival of this.#ownersOf(slot)) {
        if (rival !== target && shardOf(rival) !== shardOf(target) && rival !== source)
          this.#dispute(slot, [target, rival]);
      }
      const there = new Set(idsOf(this.#serverOf(target).keys.get(slot)));
      const isOwned =
        source !== undefined && isPrimary(source.state.myself) && source.state.table.ownedByMe[slot] === 1;
      if (source !== undefined && isOwned) {
        const missing = idsOf(this.#serverOf(source).keys.get(slot)).filter((id) => !there.has(id));
        hold(missing.length === 0, `${target.name} owns slot ${slot} without writes ${missing} of ${source.name}`);
      }
      for (const write of this.#writes) {
        if (write.slot !== slot || (write.isContested && !there.has(write.id))) continue;
        hold(!write.isSafe || there.has(write.id), `${target.name} owns slot ${slot} without safe write ${write.id}`);
        write.shard = shardOf(target);
        write.isSafe = false;
        this.#judge(write);
      }
    }
  }

  /** The source of a move has given it up. */
  keptBy(source: SimulatedNode, { slots }: MigrationJob): void {
    for (const slot of slots) {
      if (source.state.table.ownedByMe[slot] !== 1) continue;
      for (const rival of this.#ownersOf(slot)) if (rival !== source) this.#dispute(slot, [source, rival]);
    }
  }

  /** A replica was elected. */
  promoted(node: SimulatedNode): void {
    for (const slot of SEEN_SLOTS) {
      if (node.state.table.ownedByMe[slot] !== 1) continue;
      for (const rival of this.#ownersOf(slot)) {
        const isHeard = shardOf(rival) === shardOf(node) && !claims(rival, slot, node);
        if (rival !== node && !isHeard) this.#dispute(slot, [node, rival]);
      }
    }
  }

  isDisputed(slot: number): boolean {
    if (this.#disputed.has(slot) && this.#ownersOf(slot).length < 2) this.#disputed.delete(slot);
    return this.#disputed.has(slot);
  }

  #dispute(slot: number, rivals: readonly SimulatedNode[]): void {
    this.#disputed.add(slot);
    for (const write of this.#writes) {
      if (write.slot !== slot) continue;
      if (!rivals.every((rival) => this.#serverOf(rival).has(slot, write.id))) write.isContested = true;
    }
  }

  #ownersOf(slot: number): SimulatedNode[] {
    return this.#cluster.nodes.filter(({ state }) => isPrimary(state.myself) && state.table.ownedByMe[slot] === 1);
  }

  /** All is well again: nothing is lost, and nothing is where it does not belong. */
  verify(): void {
    for (const node of this.#cluster.nodes) this.#verifyNode(node);
    for (const { id, slot, isSafe, isContested } of this.#writes) {
      if (!isSafe || isContested) continue;
      const owner = this.#cluster.nodes.find(({ state }) => state.table.ownedByMe[slot] === 1);
      hold(owner !== undefined && this.#serverOf(owner).has(slot, id), `write ${id} to slot ${slot} is lost`);
    }
  }

  #verifyNode(node: SimulatedNode): void {
    const { keys, moves } = this.#serverOf(node);
    const { state, name } = node;
    const open = moves.migrations.jobs.filter((job) => !job.isOver);
    hold(open.length === 0, `${name} goes on with ${open.map((job) => `${job}: ${job.state}`)}`);
    hold(!moves.holdsWrites, `${name} holds writes for ever`);
    const primary = state.myself.primary ?? state.myself;
    if (primary === state.myself) hold(state.surplus.size === 0, `${name} has surplus slots ${[...state.surplus]}`);
    const leader = this.#cluster.nodes.find((other) => other.state.myself.id === primary.id) ?? node;
    for (const slot of MOVING_SLOTS) {
      const isOwned = state.table.ownerOf(slot) === primary;
      const isExcused = this.#serverOf(leader).unmarked.has(slot);
      hold(isOwned || isExcused || !keys.has(slot), `${name} has keys of slot ${slot}, which is not its own`);
      hold(
        keys.get(slot) === this.#serverOf(leader).keys.get(slot),
        `${name} differs from its primary in slot ${slot}`,
      );
    }
  }

  /** Whether it is safe. */
  #judge(write: Acknowledged): void {
    if (write.isSafe) return;
    const shard = this.#cluster.nodes.filter((node) => shardOf(node) === write.shard);
    if (!shard.every(({ index }) => write.holders.has(index))) return;
    for (const node of shard) if (!this.#serverOf(node).has(write.slot, write.id)) write.holders.delete(node.index);
    write.isSafe = shard.every(({ index }) => write.holders.has(index));
  }
}

/** As new as that of `node`, or newer. */
function claims({ state }: SimulatedNode, slot: number, node: SimulatedNode): boolean {
  if (!isPrimary(state.myself) || state.table.ownedByMe[slot] !== 1) return false;
  return state.myself.configEpoch >= node.state.myself.configEpoch;
}
