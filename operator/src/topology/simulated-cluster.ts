/**
 * A small model of servers in pods, for property tests of the plan: what each node knows of its peers, gossip, failure
 * detection, elections, epochs, migrations of slots, and CLUSTER commands that refuse what Redis refuses. Pods can die,
 * return on another address, or return empty under a new node id; shards can come and go.
 *
 * `apply` throws where an action would be refused or would break a promise (a slot assigned twice), so a wrong plan fails
 * loudly. Time is counted in ticks of `gossip()`.
 */

import type { Action } from "./action.ts";
import { parseClusterNodes } from "./cluster-nodes.ts";
import type { ClusterView, PodView } from "./cluster-view.ts";
import type { DiskInfo } from "./node-info.ts";
import { knownEntry, selfEntry } from "./simulated-entries.ts";
import { countSlots, hasOverlap, joinRanges, type SlotRange, subtractRanges } from "./slot-range.ts";

interface KnownNode {
  ip: string;
  isFailed: boolean;
  hasAddress: boolean;
  epoch: number;
  primaryId: string | undefined;
  slots: readonly SlotRange[];
}

interface SimulatedNode {
  readonly pod: string;
  readonly shard: number;
  readonly ordinal: number;
  id: string;
  ip: string;
  isAlive: boolean;
  isSilent: boolean;
  epoch: number;
  currentEpoch: number;
  primaryId: string | undefined;
  slots: readonly SlotRange[];
  keys: number;
  offset: number;
  linkUp: boolean;
  linkDownTicks: number;
  known: Map<string, KnownNode>;
  banned: Set<string>;
  disk: DiskInfo | undefined;
}

interface Migration {
  readonly name: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly ranges: readonly SlotRange[];
  ticksLeft: number;
  state: "snapshotting" | "success" | "failed";
}

const SECONDS_PER_TICK = 5;
const MIGRATION_TICKS = 2;
const OFFSET_OF_KEY = 10;

export class SimulatedCluster {
  readonly nodes: SimulatedNode[] = [];
  readonly migrations: Migration[] = [];
  #replicasPerShard: number;
  #nextId = 1;
  #nextIp = 1;

  constructor(shards: number, replicasPerShard: number) {
    this.#replicasPerShard = replicasPerShard;
    for (let shard = 0; shard < shards; shard++) this.addShard(shard);
  }

  addShard(shard: number): void {
    if (!this.nodes.some((node) => node.shard === shard)) this.addReplicas(shard, this.#replicasPerShard);
  }

  /** Further ones, and what shards that are added have from now on. */
  addReplicas(shard: number, replicas: number): void {
    this.#replicasPerShard = replicas;
    for (let ordinal = 0; ordinal <= replicas; ordinal++) {
      const isThere = this.nodes.some((node) => node.shard === shard && node.ordinal === ordinal);
      if (!isThere) this.nodes.push(this.#create(shard, ordinal));
    }
  }

  /** Its pods are gone for good, and what they held. */
  removeShard(shard: number): void {
    const gone = this.nodes.filter((node) => node.shard === shard);
    for (const node of gone) {
      const successors = this.nodes.filter((other) => other.shard !== shard && other.epoch > node.epoch);
      const isLost =
        subtractRanges(
          node.slots,
          successors.flatMap(({ slots }) => slots),
        ).length > 0;
      if (isLost || (node.isAlive && node.primaryId === undefined && node.keys > 0)) {
        throw new Error(`Shard ${shard} is removed with data in ${node.pod}`);
      }
    }
    for (const node of gone) this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** A node that was a server of a group, and starts with that file and so many keys. */
  adopt(pod: string, shard: number, text: string, keys: number): void {
    const lines = parseClusterNodes(text.replace(/^vars .*$/m, ""));
    const self = lines.find(({ flags }) => flags.has("myself"));
    if (self === undefined) throw new Error(`${pod} is not in its own file`);
    const node = this.#create(shard, Number(pod.slice(pod.lastIndexOf("-") + 1)));
    const { id, primaryId, slots, configEpoch: epoch } = self;
    Object.assign(node, { id, primaryId, slots, epoch, currentEpoch: epoch, keys, offset: keys * OFFSET_OF_KEY });
    for (const line of lines.filter((one) => one !== self)) {
      const { ip, configEpoch } = line;
      const known = { ip, epoch: configEpoch, primaryId: line.primaryId, slots: line.slots };
      node.known.set(line.id, { ...known, isFailed: false, hasAddress: true });
    }
    this.nodes.push(node);
  }

  view(): ClusterView {
    return { pods: this.nodes.map((node) => this.#viewOf(node)) };
  }

  kill(node: SimulatedNode): void {
    node.isAlive = false;
    node.linkUp = false;
  }

  /** Comes back with its data on a new address. */
  restart(node: SimulatedNode): void {
    node.isAlive = true;
    node.ip = this.#takeIp();
  }

  /** Comes back with an empty directory: a new node that knows nobody. */
  restartEmpty(node: SimulatedNode): void {
    const { shard, ordinal } = node;
    Object.assign(node, this.#create(shard, ordinal));
  }

  /** Another copy of what this node owns is alive and complete, so losing this one loses nothing. */
  isReplaceable(node: SimulatedNode): boolean {
    if (node.slots.length === 0) return true;
    return this.nodes.some((other) => other.primaryId === node.id && other.isAlive && other.offset === node.offset);
  }

  write(): void {
    for (const node of this.nodes) {
      if (!node.isAlive || node.slots.length === 0) continue;
      node.keys += 1;
      node.offset += OFFSET_OF_KEY;
    }
  }

  apply(action: Action): void {
    const node = this.nodes.find(({ pod }) => pod === action.pod);
    if (node === undefined) throw new Error(`Action for unknown pod "${action.pod}"`);
    if (!node.isAlive || node.isSilent) return;
    switch (action.kind) {
      case "SetConfigEpoch":
        if (node.known.size > 0 || node.epoch !== 0) throw new Error(`${action.pod} refuses a config epoch`);
        node.epoch = action.epoch;
        node.currentEpoch = action.epoch;
        return;
      case "Meet":
        this.#meet(node, action.ip);
        return;
      case "AddSlots":
        this.#addSlots(node, action.ranges);
        return;
      case "MigrateSlots":
        this.#startMigration(node, action.targetId, action.ranges);
        return;
      case "Replicate":
        replicate(node, action.primaryId);
        return;
      case "Failover":
        this.#handOver(node);
        return;
      case "Takeover":
        this.#promote(node);
        return;
      case "Forget":
        forget(node, action.nodeId);
        return;
    }
  }

  gossip(): void {
    for (const node of this.#running()) this.#detectFailures(node);
    for (const node of this.#running()) {
      for (const peer of this.#peersOf(node)) this.#exchange(node, peer);
    }
    this.#elect();
    for (const migration of this.migrations) this.#advance(migration);
    for (const node of this.#running()) this.#replicateData(node);
  }

  #create(shard: number, ordinal: number): SimulatedNode {
    return {
      pod: `kv-${shard}-${ordinal}`,
      shard,
      ordinal,
      id: `node${String(this.#nextId++).padStart(6, "0")}`,
      ip: this.#takeIp(),
      isAlive: true,
      isSilent: false,
      epoch: 0,
      currentEpoch: 0,
      primaryId: undefined,
      slots: [],
      keys: 0,
      offset: 0,
      linkUp: false,
      linkDownTicks: 0,
      known: new Map(),
      banned: new Set(),
      disk: undefined,
    };
  }

  #takeIp(): string {
    const number = this.#nextIp++;
    return `10.0.${number >> 8}.${number & 255}`;
  }

  #running(): readonly SimulatedNode[] {
    return this.nodes.filter((node) => node.isAlive);
  }

  #peersOf(node: SimulatedNode): readonly SimulatedNode[] {
    return this.#running().filter((peer) => {
      const known = node.known.get(peer.id);
      return peer !== node && known?.hasAddress === true && known.ip === peer.ip;
    });
  }

  #detectFailures(node: SimulatedNode): void {
    for (const [id, known] of node.known) {
      const peer = this.#running().find((other) => other.id === id && other.ip === known.ip);
      known.isFailed = peer === undefined;
      if (peer === undefined && this.#running().some((other) => other.ip === known.ip)) known.hasAddress = false;
    }
  }

  /** `node` pings `peer`: the peer learns the sender's address and state if it knows the sender, and both share acquaintances. */
  #exchange(node: SimulatedNode, peer: SimulatedNode): void {
    learn(node, peer);
    if (!peer.known.has(node.id)) return;
    learn(peer, node);
    for (const [id, known] of peer.known) {
      const isUseful = id !== node.id && !known.isFailed && known.hasAddress && !node.banned.has(id);
      if (isUseful && !node.known.has(id)) node.known.set(id, { ...known, slots: [] });
    }
  }

  #meet(node: SimulatedNode, ip: string): void {
    const peer = this.#running().find((other) => other.ip === ip);
    if (peer === undefined || peer === node) return;
    node.banned.delete(peer.id);
    peer.banned.delete(node.id);
    learn(node, peer);
    learn(peer, node);
  }

  #addSlots(node: SimulatedNode, ranges: readonly SlotRange[]): void {
    for (const other of this.nodes) {
      const claims = [other.slots, ...[...other.known.values()].map((known) => known.slots)];
      if (claims.some((claim) => hasOverlap(claim, ranges))) throw new Error(`A slot of ${node.pod} is already busy`);
    }
    if (node.primaryId !== undefined) throw new Error(`${node.pod} is a replica and gets slots`);
    node.slots = ranges;
  }

  #startMigration(source: SimulatedNode, targetId: string, ranges: readonly SlotRange[]): void {
    const target = this.#running().find(({ id }) => id === targetId);
    if (target === undefined || target.primaryId !== undefined) throw new Error(`${source.pod} has no such target`);
    if (subtractRanges(ranges, source.slots).length > 0) throw new Error(`${source.pod} does not own these slots`);
    if (this.migrations.some(({ state }) => state === "snapshotting")) throw new Error("Two migrations at a time");
    const name = `migration${this.migrations.length}`;
    const [sourceId, ticksLeft] = [source.id, MIGRATION_TICKS];
    this.migrations.push({ name, sourceId, targetId, ranges, ticksLeft, state: "snapshotting" });
  }

  /** All of its slots move with their keys, or none. */
  #advance(migration: Migration): void {
    if (migration.state !== "snapshotting") return;
    const [source, target] = [migration.sourceId, migration.targetId].map((id) =>
      this.#running().find((node) => node.id === id && node.primaryId === undefined),
    );
    if (source === undefined || target === undefined || subtractRanges(migration.ranges, source.slots).length > 0) {
      migration.state = "failed";
      return;
    }
    migration.ticksLeft--;
    if (migration.ticksLeft > 0) return;
    migration.state = "success";
    const share = countSlots(migration.ranges) / countSlots(source.slots);
    const keys = share === 1 ? source.keys : Math.floor(source.keys * share);
    source.keys -= keys;
    for (const copy of this.nodes.filter(({ shard }) => shard === source.shard)) {
      copy.keys = Math.min(copy.keys, source.keys);
    }
    target.keys += keys;
    for (const node of [source, target]) node.offset += 10;
    target.currentEpoch = Math.max(...this.nodes.map((other) => other.currentEpoch)) + 1;
    target.epoch = target.currentEpoch;
    target.slots = joinRanges([...target.slots, ...migration.ranges]);
    source.slots = subtractRanges(source.slots, migration.ranges);
    for (const node of [source, target]) {
      for (const known of node.known.values()) known.slots = subtractRanges(known.slots, migration.ranges);
    }
    learn(source, target);
  }

  #promote(node: SimulatedNode): void {
    const lostId = node.primaryId;
    const lost = lostId === undefined ? undefined : node.known.get(lostId);
    if (lost === undefined || this.#running().some(({ id }) => id === lostId)) {
      throw new Error(`${node.pod} takes over without need`);
    }
    const rivals = this.nodes.filter((other) => other.primaryId === lostId && other.isAlive);
    if (rivals.some((other) => other.offset > node.offset)) throw new Error(`${node.pod} is not the best copy`);
    node.currentEpoch = Math.max(...this.nodes.map((other) => other.currentEpoch)) + 1;
    node.epoch = node.currentEpoch;
    node.slots = lost.slots;
    node.primaryId = undefined;
    lost.slots = [];
    // Writes that only the lost ones had are lost by the rules of asynchronous replication, not by the plan.
    for (const other of this.nodes.filter(({ shard }) => shard === node.shard)) {
      other.keys = Math.min(other.keys, node.keys);
      other.offset = Math.min(other.offset, node.offset);
    }
  }

  #handOver(node: SimulatedNode): void {
    const primary = this.#running().find(({ id }) => id === node.primaryId);
    if (primary === undefined || !node.linkUp) throw new Error(`${node.pod} refuses a failover without its primary`);
    node.currentEpoch = Math.max(...this.nodes.map((other) => other.currentEpoch)) + 1;
    node.epoch = node.currentEpoch;
    node.slots = primary.slots;
    node.keys = primary.keys;
    node.offset = primary.offset;
    node.primaryId = undefined;
    primary.slots = [];
    primary.primaryId = node.id;
    node.known.set(primary.id, { ...(node.known.get(primary.id) as KnownNode), slots: [], primaryId: node.id });
  }

  #elect(): void {
    const owners = this.nodes.filter((node) => node.slots.length > 0);
    const lost = new Set(this.#running().map((node) => node.primaryId));
    for (const lostId of lost) {
      const candidates = this.#running().filter((node) => node.primaryId === lostId);
      const best = candidates.reduce((a, b) => (b.offset > a.offset ? b : a));
      const slots = lostId === undefined ? [] : (best.known.get(lostId)?.slots ?? []);
      if (slots.length === 0 || this.#running().some(({ id }) => id === lostId)) continue;
      const voters = owners.filter((owner) => owner.isAlive && best.known.get(owner.id)?.isFailed === false);
      const count = new Set([...owners.map(({ id }) => id), lostId]).size;
      if (voters.length * 2 > count) this.#promote(best);
    }
  }

  #replicateData(node: SimulatedNode): void {
    const known = node.primaryId === undefined ? undefined : node.known.get(node.primaryId);
    const primary = this.#running().find((other) => other.id === node.primaryId && other.ip === known?.ip);
    node.linkUp = primary !== undefined;
    node.linkDownTicks = node.linkUp ? 0 : node.linkDownTicks + 1;
    if (primary === undefined) return;
    if (primary.keys < node.keys) throw new Error(`${node.pod} drops data for ${primary.pod}`);
    node.keys = primary.keys;
    node.offset = primary.offset;
  }

  #viewOf(node: SimulatedNode): PodView {
    const { pod, shard, ordinal, isAlive } = node;
    const process = isAlive ? "Running" : "Gone";
    if (!isAlive || node.isSilent) {
      return { pod, shard, ordinal, process: node.isSilent ? "Unknown" : process, address: undefined, node: undefined };
    }
    const address = { ip: node.ip, port: 6379, busPort: 16379, hostname: undefined };
    const known = node.primaryId === undefined ? undefined : node.known.get(node.primaryId);
    const info = {
      role: node.primaryId === undefined ? ("primary" as const) : ("replica" as const),
      isLoading: false,
      uptimeSeconds: 1000,
      keys: node.keys,
      keysElsewhere: 0,
      isSaved: false,
      replicationOffset: node.offset,
      primaryHost: known?.ip,
      isPrimaryLinkUp: node.linkUp,
      primaryLinkDownSeconds: node.linkDownTicks * SECONDS_PER_TICK,
      primaryHeardSeconds: node.linkUp ? 0 : Number.POSITIVE_INFINITY,
      replicaHosts: [],
      isFullSyncRunning: false,
      replicationId: "",
      previousReplicationId: "",
      group: undefined,
      disk: node.disk,
    };
    const entries = [selfEntry(node), ...[...node.known].map(([id, entry]) => knownEntry(id, entry))];
    const cluster = { isOk: true, currentEpoch: node.currentEpoch };
    const migrations = this.migrations
      .filter(({ sourceId, targetId }) => sourceId === node.id || targetId === node.id)
      .map(({ name, sourceId, targetId, ranges, state }) => ({
        ...{ name, targetId, ranges, state, message: "", isUnderWay: state === "snapshotting" },
        operation: sourceId === node.id ? ("export" as const) : ("import" as const),
      }));
    return { pod, shard, ordinal, process, address, node: { id: node.id, info, cluster, entries, migrations } };
  }
}

function learn(node: SimulatedNode, peer: SimulatedNode): void {
  if (node.banned.has(peer.id)) return;
  const { ip, epoch, primaryId } = peer;
  const before = node.known.get(peer.id);
  const known: KnownNode = { ip, epoch, primaryId, isFailed: false, hasAddress: true, slots: before?.slots ?? [] };
  node.known.set(peer.id, known);
  node.currentEpoch = Math.max(node.currentEpoch, peer.currentEpoch);
  const rivals = [...node.known.values()].filter((other) => other !== known && hasOverlap(other.slots, peer.slots));
  if (rivals.length === 0 && !hasOverlap(node.slots, peer.slots)) {
    known.slots = peer.slots;
    return;
  }
  const stronger = [...rivals.filter((rival) => rival.epoch > epoch), ...(node.epoch > epoch ? [node] : [])];
  known.slots = subtractRanges(
    peer.slots,
    stronger.flatMap(({ slots }) => slots),
  );
  const weaker = rivals.filter((rival) => !stronger.includes(rival) && hasOverlap(rival.slots, known.slots));
  const lost = weaker.filter((rival) => takeFrom(rival, known.slots));
  if (hasOverlap(node.slots, known.slots)) {
    if (!takeFrom(node, known.slots)) {
      // Servers drop the keys of slots that they have lost.
      if (node.slots.length === 0) node.keys = 0;
      return;
    }
    replicateOf(node, peer.id);
    node.keys = 0;
    node.offset = 0;
  } else if (node.primaryId !== undefined && lost.includes(node.known.get(node.primaryId) as KnownNode)) {
    replicateOf(node, peer.id);
  }
}

/** Whether `slots` were all that the other had, and it nothing else: a successor, whom the others follow from now on. */
function takeFrom(other: { slots: readonly SlotRange[] }, slots: readonly SlotRange[]): boolean {
  const before = other.slots;
  other.slots = subtractRanges(before, slots);
  return other.slots.length === 0 && subtractRanges(slots, before).length === 0;
}

function replicate(node: SimulatedNode, primaryId: string): void {
  const primary = node.known.get(primaryId);
  if (primary === undefined || primary.primaryId !== undefined)
    throw new Error(`${node.pod} cannot follow ${primaryId}`);
  if (node.primaryId === undefined && (node.slots.length > 0 || node.keys > 0)) {
    throw new Error(`${node.pod} is not empty and refuses to replicate`);
  }
  replicateOf(node, primaryId);
}

function replicateOf(node: SimulatedNode, primaryId: string): void {
  node.primaryId = primaryId;
  node.linkUp = false;
}

function forget(node: SimulatedNode, id: string): void {
  if (node.primaryId === id) throw new Error(`${node.pod} cannot forget its primary`);
  node.known.delete(id);
  node.banned.add(id);
}
