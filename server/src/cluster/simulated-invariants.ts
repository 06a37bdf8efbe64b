/**
 * For tests: what must hold in a simulated cluster of shards, whatever happens to it. Each check throws with the invariant
 * that does not hold.
 *
 * - At most one node owns a slot in an epoch, now and in all of the past, and nobody's vote elects two in an epoch. Two may be
 *   elected in one for different shards, by majorities that have no member in common: where partitions change before all have
 *   heard of an election, some count a primary among the voters that others have replaced. Their epochs are told apart
 *   as soon as they meet.
 * - A primary that hears no majority stops serving within the node timeout. One that is not heard by any, but hears them, takes
 *   as long again: others speak to it until they find that they get no answer. A node that stood still hears, when it goes on,
 *   what came meanwhile.
 * - While a majority of the primaries lives, each slot is owned by a living node where one of its shard has the data.
 * - Nodes that reach each other come to one view: owners, epochs, roles and addresses.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { isInHandshake, isPrimary, isSuspected } from "./cluster-node.ts";
import { SIMULATED_SETTINGS, type SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";

const SLOT_STEP = 1024;
/** Slots move by shards, or are some of these, so they tell of all. */
export const SEEN_SLOTS: readonly number[] = Array.from({ length: SLOT_COUNT / SLOT_STEP }, (_, n) => n * SLOT_STEP);
/** Until the next tick sees that nothing has come for the node timeout. */
const GRACE_MS = 150;

export function hold(isTrue: boolean, invariant: string): void {
  if (!isTrue) throw new Error(invariant);
}

/** Watches a cluster over time; to be asked after each step. */
export class Invariants {
  readonly #cluster: SimulatedCluster;
  readonly #mostLagMs: number;
  readonly #isDisputed: (slot: number) => boolean;
  /** Who owned a slot in an epoch: "slot epoch" → node id. */
  readonly #owners = new Map<string, string>();
  /** Who was elected with a vote: "epoch voter" → name. */
  readonly #elected = new Map<string, string>();
  readonly #promotions = new Map<SimulatedNode, number>();

  /** A last answer may be as late as messages are slow. */
  constructor(cluster: SimulatedCluster, mostLagMs: number, isDisputed: (slot: number) => boolean = () => false) {
    this.#cluster = cluster;
    this.#mostLagMs = mostLagMs;
    this.#isDisputed = isDisputed;
  }

  check(): void {
    for (const node of this.#cluster.nodes) {
      if (node.isUp) this.#checkOwner(node);
      this.#checkElection(node);
      this.#checkLonely(node, 1, (owner) => node.heardAt.get(owner));
      this.#checkLonely(node, 2, (owner) => owner.heardAt.get(node));
    }
  }

  #checkOwner({ name, state }: SimulatedNode): void {
    if (!isPrimary(state.myself)) return;
    for (const slot of SEEN_SLOTS) {
      if (state.table.ownedByMe[slot] !== 1 || this.#isDisputed(slot)) continue;
      const key = `${slot} ${state.myself.configEpoch}`;
      const owner = this.#owners.get(key) ?? state.myself.id;
      hold(owner === state.myself.id, `slot ${slot} has had two owners in epoch ${state.myself.configEpoch}: ${name}`);
      this.#owners.set(key, owner);
    }
  }

  #checkElection(node: SimulatedNode): void {
    const { epoch, votes } = node.state.election;
    if (node.promotions === (this.#promotions.get(node) ?? 0)) return;
    this.#promotions.set(node, node.promotions);
    // None if it has restarted since: nobody knows any more.
    for (const voter of votes) {
      const elected = this.#elected.get(`${epoch} ${voter}`) ?? node.name;
      hold(elected === node.name, `${voter} has elected two nodes in epoch ${epoch}: ${elected} and ${node.name}`);
      this.#elected.set(`${epoch} ${voter}`, elected);
    }
  }

  /** `contactAt`: when one of those that own slots was last heard, or has heard this node. */
  #checkLonely(node: SimulatedNode, timeouts: number, contactAt: (owner: SimulatedNode) => number | undefined): void {
    const { now } = this.#cluster;
    const isRunning = node.isUp && node.frozenUntil <= now;
    if (!isRunning || !isPrimary(node.state.myself) || !node.state.isOk) return;
    const contacts = ownersKnownTo(node, this.#cluster).map((owner) =>
      owner === node ? now : (contactAt(owner) ?? 0),
    );
    const lonelyMs = now - (contacts.sort((a, b) => b - a)[Math.floor(contacts.length / 2)] ?? now);
    const allowedMs = timeouts * SIMULATED_SETTINGS.nodeTimeoutMs + GRACE_MS + this.#mostLagMs;
    hold(lonelyMs <= allowedMs, `${node.name} goes on after ${lonelyMs} ms without a majority`);
  }
}

/** Those that own slots, as a node knows them. */
function ownersKnownTo(node: SimulatedNode, { nodes }: SimulatedCluster): SimulatedNode[] {
  return nodes.filter(({ state }) => (node.state.nodes.get(state.myself.id)?.slotCount ?? 0) > 0);
}

/** A shard: the nodes of this number in turn. */
export type ShardOf = (node: SimulatedNode) => number;

export interface Duty {
  readonly shard: number;
  readonly slot: number;
  /** Nodes of which one must own the slot. */
  readonly candidates: readonly SimulatedNode[];
}

/**
 * The shards that must have an owner once the faults stay as they are: for each side of the partition on which most of the
 * primaries live, those with a living node that has the data: who has lost its slots and does not know yet to whom of its
 * shard, has other data than that one. Nodes of a side must reach each other.
 */
export function dutiesOf(cluster: SimulatedCluster, shardOf: ShardOf, slotOf: readonly number[]): Duty[] {
  const owners = new Set([...slotOf, ...SEEN_SLOTS].map((slot) => latestOwner(cluster, slot)));
  const duties: Duty[] = [];
  for (const side of new Set(cluster.nodes.map((node) => node.side))) {
    const living = cluster.nodes.filter((node) => node.isUp && node.side === side);
    const votes = living.filter((node) => owners.has(node)).length;
    if (votes * 2 <= owners.size) continue;
    for (const [shard, slot] of slotOf.entries()) {
      const candidates = living.filter((node) => shardOf(node) === shard);
      if (candidates.some(({ hasKeys, state }) => hasKeys && !state.isBereft)) duties.push({ shard, slot, candidates });
    }
  }
  return duties;
}

/** The node with the newest claim to a slot, be it up or down. */
function latestOwner(cluster: SimulatedCluster, slot: number): SimulatedNode | undefined {
  let latest: SimulatedNode | undefined;
  for (const node of cluster.nodes) {
    const { state } = node;
    if (!isPrimary(state.myself) || state.table.ownedByMe[slot] !== 1) continue;
    if (latest === undefined || state.myself.configEpoch > latest.state.myself.configEpoch) latest = node;
  }
  return latest;
}

/** Where all shards must have an owner, these must serve too; else full coverage is required and nobody does. */
export function areDutiesDone(duties: readonly Duty[], shards: number): boolean {
  return duties.every(({ slot, candidates }) =>
    candidates.some(({ state }) => {
      const isOwner = isPrimary(state.myself) && state.table.ownedByMe[slot] === 1;
      return isOwner && (duties.length < shards || state.isOk);
    }),
  );
}

/** All are up, serve and agree about everything; nobody suspects anybody. */
export function isHealed(cluster: SimulatedCluster): boolean {
  const { nodes } = cluster;
  const isWell = ({ state }: SimulatedNode): boolean => {
    const { myself } = state;
    const isInRole = isPrimary(myself) ? myself.slotCount > 0 : myself.primary !== undefined;
    return state.isOk && isInRole && [...state.nodes.values()].every((node) => !isSuspected(node));
  };
  if (!nodes.every(isWell)) return false;
  const [first, ...others] = nodes.map(viewOf);
  return others.every((view) => view === first);
}

/** What a node thinks of all, with nothing in it that differs between nodes that agree. */
function viewOf({ state }: SimulatedNode): string {
  const lines = [...state.nodes.values()].map((node) => {
    if (isInHandshake(node)) return `${node.ip} in handshake`;
    const role = isPrimary(node) ? `epoch ${node.configEpoch}` : `follows ${node.primary?.id}`;
    return `${node.id} ${node.ip} ${node.slotCount} ${role}`;
  });
  const owners = SEEN_SLOTS.map((slot) => state.table.ownerOf(slot)?.id ?? "-");
  return [...lines.sort(), ...owners].join("\n");
}
