/** The state machine as a whole: formation, failover, restarts and partitions, over some seeds (SEEDS=40 for more of them). */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { describe, expect, it } from "vitest";
import { addSlots, deleteSlots, failover, forget, meet, replicate, setConfigEpoch, setSlotState } from "./admin.ts";
import { decodeBusMessage } from "./bus-message-decode.ts";
import { isFailed, isPrimary, isSuspected, type Link } from "./cluster-node.ts";
import { sendPing } from "./gossip.ts";
import { change } from "./machine.ts";
import { receivePacket } from "./packet.ts";
import { SIMULATED_SETTINGS, SimulatedCluster, type SimulatedNode } from "./simulated-cluster.ts";
import type { ClusterSettings, ClusterState } from "./state.ts";
import { links } from "./views.ts";

const PRIMARIES = 3;
const TIMEOUT_MS = SIMULATED_SETTINGS.nodeTimeoutMs;
const SEEDS = Array.from({ length: Number(process.env.SEEDS ?? 2) }, (_, i) => i * 7919 + 17);

/** Three shards of one primary and `replicas` replicas: nodes 0-2 are primaries, 3-5 replicate them, and so on. */
function formCluster(seed: number, replicas = 1, settings: Partial<ClusterSettings> = {}): SimulatedCluster {
  const cluster = new SimulatedCluster(seed, settings);
  for (let i = 0; i < PRIMARIES * (1 + replicas); i++) cluster.addNode();
  for (const node of cluster.nodes.slice(0, PRIMARIES)) {
    const start = Math.ceil((node.index * SLOT_COUNT) / PRIMARIES);
    const end = Math.ceil(((node.index + 1) * SLOT_COUNT) / PRIMARIES);
    const slots = Array.from({ length: end - start }, (_, i) => start + i);
    expect(cluster.command(node, (state) => addSlots(state, slots))).toBeUndefined();
    node.hasKeys = true;
  }
  for (const node of cluster.nodes) cluster.command(node, (state) => setConfigEpoch(state, node.index + 1));
  for (const node of cluster.nodes.slice(1)) {
    cluster.command(node, (state) => meet(state, at(cluster, 0).ip, 6379, 16379));
  }
  expect(cluster.runUntil(20_000, () => everybodyKnowsEverybody(cluster))).toBeDefined();
  for (const node of cluster.nodes.slice(PRIMARIES)) {
    const primary = at(cluster, node.index % PRIMARIES).state.myself.id;
    expect(cluster.command(node, (state) => replicate(state, primary))).toBeUndefined();
  }
  expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
  return cluster;
}

function receiveBytes(state: ClusterState, link: Link, bytes: Buffer): void {
  const decoded = decodeBusMessage(bytes);
  if ("message" in decoded) receivePacket(state, link, decoded.message);
}

function at(cluster: SimulatedCluster, index: number): SimulatedNode {
  return cluster.nodes[index] as SimulatedNode;
}

function living(cluster: SimulatedCluster): SimulatedNode[] {
  return cluster.nodes.filter((node) => node.isUp);
}

function everybodyKnowsEverybody(cluster: SimulatedCluster): boolean {
  return cluster.nodes.every(
    ({ state }) =>
      state.nodes.size === cluster.nodes.length && cluster.nodes.every((node) => state.nodes.has(node.state.myself.id)),
  );
}

/** Owner of each range of slots as the node sees it. */
function view(node: SimulatedNode): string {
  const owners: string[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot += 64) owners.push(node.state.table.ownerOf(slot)?.id.slice(0, 6) ?? "-");
  return owners.join();
}

/** All living nodes say ok and agree on the owner of every slot; each owner agrees that it is the one; all replicas follow. */
function isHealthy(cluster: SimulatedCluster): boolean {
  const nodes = living(cluster);
  const first = view(nodes[0] as SimulatedNode);
  const isSeenDown = (node: SimulatedNode) =>
    nodes.some(({ state }) => isSuspected(state.nodes.get(node.state.myself.id) ?? state.myself));
  if (nodes.some(isSeenDown)) return false;
  if (!nodes.every((node) => node.state.isOk && view(node) === first)) return false;
  let owned = 0;
  for (const { state } of nodes) if (isPrimary(state.myself)) owned += state.myself.slotCount;
  return (
    owned === SLOT_COUNT &&
    nodes.every((node) => isPrimary(node.state.myself) || node.follows === node.state.myself.primary?.ip)
  );
}

function primariesOf(cluster: SimulatedCluster): SimulatedNode[] {
  return living(cluster).filter((node) => isPrimary(node.state.myself) && node.state.myself.slotCount > 0);
}

describe.each(SEEDS)("simulated cluster, seed %i", (seed) => {
  it("forms and settles to one view", () => {
    const cluster = formCluster(seed);
    expect(cluster.nodes.map((node) => node.state.size)).toEqual([3, 3, 3, 3, 3, 3]);
    cluster.run(5000);
    const saves = cluster.nodes.map((node) => node.saved);
    cluster.run(30_000);
    expect(isHealthy(cluster)).toBe(true);
    expect(cluster.nodes.map((node) => node.saved)).toEqual(saves);
    const shardIds = cluster.nodes.map(({ state }) => at(cluster, 0).state.nodes.get(state.myself.id)?.shardId);
    expect(shardIds).toEqual(cluster.nodes.map(({ state }) => state.myself.shardId));
    expect(new Set(shardIds).size).toBe(PRIMARIES);
  });

  it("hears from the old primary who the new one is, where that is heard by few and lost", () => {
    const cluster = formCluster(seed, 2);
    cluster.run(5000);
    const [old, third, successor] = [at(cluster, 1), at(cluster, 4), at(cluster, 7)];
    const hearers = new Set([old, at(cluster, 2)]);
    for (const node of cluster.nodes) if (node !== successor && !hearers.has(node)) successor.unheardBy.add(node);
    expect(cluster.command(successor, (state) => failover(state, "normal"))).toBeUndefined();
    const isKnown = () => third.state.nodes.get(old.state.myself.id)?.primary?.id === successor.state.myself.id;
    expect(cluster.runUntil(5000, isKnown)).toBeDefined();
    for (const node of [successor, old]) cluster.crash(node);
    const { id } = third.state.myself;
    const slot = SLOT_COUNT / 2;
    const isReplaced = () => living(cluster).every(({ state }) => state.isOk && state.table.ownerOf(slot)?.id === id);
    expect(cluster.runUntil(20_000, isReplaced)).toBeDefined();
  });

  it("asks for a vote again where the connection broke that it asked on", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    const { state } = at(cluster, 4);
    cluster.crash(at(cluster, 1));
    const hasScheduled = () => state.election.startAt > cluster.now;
    while (!hasScheduled()) cluster.run(10);
    cluster.lossRate = 1;
    while (!state.election.hasAsked) cluster.run(10);
    cluster.lossRate = 0;
    expect(cluster.runUntil(1500, () => isPrimary(state.myself))).toBeDefined();
  });

  it("does not take a primary for a replica again by what it said before it was elected", () => {
    const cluster = formCluster(seed, 2);
    cluster.run(5000);
    cluster.crash(at(cluster, 1));
    const replicas = [at(cluster, 4), at(cluster, 7)];
    const isAsking = ({ state }: SimulatedNode) => state.election.hasAsked;
    while (!replicas.some(isAsking)) cluster.run(1);
    const elected = replicas.find(isAsking) as SimulatedNode;
    const other = replicas.find((node) => node !== elected) as SimulatedNode;
    const { id } = elected.state.myself;
    const link = elected.state.nodes.get(other.state.myself.id)?.link;
    const [old] = change(elected.state, cluster.now, (state) => sendPing(state, link, "ping"));
    expect(isPrimary(elected.state.myself)).toBe(false);
    expect(cluster.runUntil(5000, () => other.state.myself.primary?.id === id)).toBeDefined();
    const inbound = [...other.state.links.values()].find(({ node, isInbound }) => node?.id === id && isInbound);
    if (old?.kind !== "send" || inbound === undefined) throw new Error("Both must be connected");
    cluster.command(other, (state) => receiveBytes(state, inbound, old.bytes));
    cluster.run(3000);
    expect(other.state.myself.primary?.id).toBe(id);
  });

  it("does not let an empty replica take over, unless told to lose the data", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    const [primary, replica] = [at(cluster, 1), at(cluster, 4)];
    for (const node of [primary, replica]) cluster.crash(node);
    cluster.restart(replica, { keepsData: false, newIp: false });
    cluster.run(10_000);
    expect(cluster.command(replica, (state) => failover(state, "force"))).toMatch(/^ERR /);
    cluster.run(10_000);
    expect(isPrimary(replica.state.myself)).toBe(false);
    expect(cluster.command(replica, (state) => failover(state, "takeover"))).toBeUndefined();
    expect(isPrimary(replica.state.myself)).toBe(true);
  });

  it("tells all what people call a node", () => {
    const cluster = formCluster(seed, 1, { announceNodeName: "seven" });
    const [first] = cluster.nodes as [SimulatedNode];
    const hasAllNames = () =>
      [...first.state.nodes.values()].every(({ id, nodeName }) => {
        return nodeName === "seven" || id === first.state.myself.id;
      });
    expect(cluster.runUntil(5000, hasAllNames)).toBeDefined();
    cluster.crash(at(cluster, 1));
    const isLogged = () => first.logLines.some((line) => line.includes(`${at(cluster, 1).state.myself.id} (seven)`));
    expect(cluster.runUntil(10_000, isLogged)).toBeDefined();
  });

  it("lists the link to a node right before the one from it", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    for (const { state } of cluster.nodes) {
      const listed = links(state).map(({ direction, nodeId }) => `${direction} ${nodeId}`);
      const others = [...state.nodes.keys()].filter((id) => id !== state.myself.id);
      expect(listed).toEqual(others.flatMap((id) => [`to ${id}`, `from ${id}`]));
    }
  });

  it("replaces a dead primary within the node timeout and two seconds", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    cluster.crash(at(cluster, 1));
    const tookMs = cluster.runUntil(60_000, () => isHealthy(cluster));
    expect(tookMs).toBeLessThan(TIMEOUT_MS + 2000);
    expect(isPrimary(at(cluster, 4).state.myself)).toBe(true);
    cluster.restart(at(cluster, 1), { keepsData: true, newIp: true });
    expect(cluster.runUntil(20_000, () => isHealthy(cluster) && everybodyKnowsEverybody(cluster))).toBeDefined();
    expect(at(cluster, 1).state.myself.primary?.id).toBe(at(cluster, 4).state.myself.id);
  });

  it("promotes the replica with the most data", () => {
    const cluster = formCluster(seed, 2);
    cluster.run(5000);
    at(cluster, 7).follows = "elsewhere";
    cluster.run(1000);
    cluster.crash(at(cluster, 1));
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(TIMEOUT_MS + 2000);
    expect(isPrimary(at(cluster, 4).state.myself)).toBe(true);
    expect(at(cluster, 7).state.myself.primary?.id).toBe(at(cluster, 4).state.myself.id);
  });

  it("makes of a primary whose last slot was moved away, and of its replica, replicas of who has got it", () => {
    const cluster = formCluster(seed, 1, { allowReplicaMigration: true });
    const [target, source] = [at(cluster, 0), at(cluster, 2)];
    const [to, from] = [target.state.myself.id, source.state.myself.id];
    const last = SLOT_COUNT - 1;
    const others = Array.from({ length: SLOT_COUNT }, (_, slot) => slot).filter(
      (slot) => slot !== last && source.state.table.ownerOf(slot) === source.state.myself,
    );
    for (const node of cluster.nodes) cluster.command(node, (state) => deleteSlots(state, others));
    cluster.command(target, (state) => addSlots(state, others));
    expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
    source.hasKeys = false;
    const steps = [
      [target, { kind: "importing", nodeId: from }],
      [source, { kind: "migrating", nodeId: to }],
      [target, { kind: "node", nodeId: to }],
      [source, { kind: "node", nodeId: to }],
    ] as const;
    for (const [node, change] of steps) {
      expect(cluster.command(node, (state) => setSlotState(state, last, change))).toBeUndefined();
    }
    const follows = (index: number): boolean => at(cluster, index).state.myself.primary?.id === to;
    expect(follows(2)).toBe(true);
    // If it hears of that before it is told, redis-cli knows by this text that nothing is wrong.
    expect(cluster.command(source, (state) => setSlotState(state, last, { kind: "node", nodeId: to }))).toBe(
      "ERR Please use SETSLOT only with masters.",
    );
    expect(cluster.runUntil(20_000, () => follows(5) && isHealthy(cluster))).toBeDefined();
  });

  it("reforms when all nodes restart at once on new addresses", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    const before = view(at(cluster, 0));
    for (const node of cluster.nodes) cluster.crash(node);
    for (const node of cluster.nodes) cluster.restart(node, { keepsData: true, newIp: true });
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(10_000);
    expect(view(at(cluster, 0))).toBe(before);
    expect(cluster.nodes.map((node) => node.promotions)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("hands the shard to a replica when a primary comes back without its data", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    const heldBefore = at(cluster, 4).offset;
    cluster.crash(at(cluster, 1));
    cluster.restart(at(cluster, 1), { keepsData: false, newIp: true });
    expect(at(cluster, 1).state.guard.isHolding).toBe(true);
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(TIMEOUT_MS + 2000);
    expect(isPrimary(at(cluster, 4).state.myself)).toBe(true);
    expect(at(cluster, 1).state.myself.primary?.id).toBe(at(cluster, 4).state.myself.id);
    cluster.run(1000);
    expect(at(cluster, 1).offset).toBeGreaterThanOrEqual(heldBefore);
    expect(at(cluster, 1).hasKeys).toBe(true);
  });

  it("hands a shard back and forth as often as its primaries come back without data", () => {
    const cluster = formCluster(seed, 1, { nodeTimeoutMs: 5000 });
    cluster.run(5000);
    for (const [old, next] of [
      [at(cluster, 1), at(cluster, 4)],
      [at(cluster, 4), at(cluster, 1)],
      [at(cluster, 1), at(cluster, 4)],
    ] as const) {
      cluster.crash(old);
      cluster.restart(old, { keepsData: false, newIp: false });
      expect(cluster.runUntil(60_000, () => isPrimary(next.state.myself))).toBeLessThan(2000);
      const hasCaughtUp = () => old.hasKeys && old.state.guard.holdsShardData;
      expect(cluster.runUntil(60_000, hasCaughtUp)).toBeLessThan(2000);
    }
  });

  it("hands the shard to a replica when a primary comes back with older data than that has", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    const heldBefore = at(cluster, 4).offset;
    cluster.crash(at(cluster, 1));
    at(cluster, 1).offset -= 100;
    cluster.restart(at(cluster, 1), { keepsData: true, newIp: false });
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(TIMEOUT_MS + 2000);
    expect(isPrimary(at(cluster, 4).state.myself)).toBe(true);
    cluster.run(1000);
    expect(at(cluster, 1).offset).toBeGreaterThanOrEqual(heldBefore);
  });

  it("lets a primary go on with older data once the replica that had more is down", () => {
    const cluster = formCluster(seed, 1, { replicaNoFailover: true });
    cluster.run(5000);
    cluster.crash(at(cluster, 1));
    at(cluster, 1).offset -= 100;
    cluster.restart(at(cluster, 1), { keepsData: true, newIp: false });
    cluster.run(10_000);
    expect(at(cluster, 1).state.isOk).toBe(false);
    expect(at(cluster, 4).offset).toBeGreaterThan(at(cluster, 1).offset);
    cluster.crash(at(cluster, 4));
    expect(cluster.runUntil(20_000, () => at(cluster, 1).state.isOk)).toBeDefined();
    cluster.restart(at(cluster, 4), { keepsData: true, newIp: false });
    expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
    expect(isPrimary(at(cluster, 1).state.myself)).toBe(true);
  });

  it("recovers all shards when every primary comes back without its data", () => {
    const cluster = formCluster(seed, 1, { replicaValidityFactor: 0 });
    cluster.run(5000);
    for (const node of cluster.nodes.slice(0, PRIMARIES)) cluster.crash(node);
    for (const node of cluster.nodes.slice(0, PRIMARIES)) cluster.restart(node, { keepsData: false, newIp: true });
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(20_000);
    expect(cluster.nodes.map((node) => isPrimary(node.state.myself))).toEqual([false, false, false, true, true, true]);
    cluster.run(1000);
    expect(cluster.nodes.every((node) => node.hasKeys)).toBe(true);
  });

  it("serves an empty data set only when no replica of the shard has data", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    for (const node of [at(cluster, 1), at(cluster, 4)]) cluster.crash(node);
    for (const node of [at(cluster, 1), at(cluster, 4)]) cluster.restart(node, { keepsData: false, newIp: true });
    expect(at(cluster, 1).state.guard.isHolding).toBe(true);
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeDefined();
    expect(isPrimary(at(cluster, 1).state.myself)).toBe(true);
    expect(at(cluster, 4).promotions).toBe(0);
  });

  it("does not wait for data where there never was any", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    for (const node of cluster.nodes) {
      cluster.crash(node);
      node.hasKeys = false;
      node.offset = 500;
    }
    for (const node of cluster.nodes) cluster.restart(node, { keepsData: true, newIp: true });
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeLessThan(10_000);
    expect(cluster.nodes.map((node) => node.promotions)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("stops waiting when the last replica is forgotten, or when told to", () => {
    const releases = [
      (state: ClusterState, replicaId: string) => forget(state, replicaId),
      (state: ClusterState) => failover(state, "takeover"),
    ];
    for (const release of releases) {
      const cluster = formCluster(seed, 1, { replicaNoFailover: true });
      const replicaId = at(cluster, 4).state.myself.id;
      cluster.run(5000);
      cluster.crash(at(cluster, 1));
      cluster.crash(at(cluster, 4));
      cluster.restart(at(cluster, 1), { keepsData: false, newIp: false });
      cluster.run(20_000);
      expect(at(cluster, 1).state.guard.isHolding).toBe(true);
      expect(cluster.command(at(cluster, 1), (state) => release(state, replicaId))).toBeUndefined();
      expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
    }
  });

  it("takes CLUSTER FORGET for done on a node that has heard of it from another", () => {
    const cluster = formCluster(seed);
    const gone = at(cluster, 3).state.myself.id;
    const ask = (index: number, id: string) => cluster.command(at(cluster, index), (state) => forget(state, id));
    cluster.crash(at(cluster, 3));
    expect(ask(1, gone)).toBeUndefined();
    expect(cluster.runUntil(20_000, () => !at(cluster, 2).state.nodes.has(gone))).toBeDefined();
    expect(ask(2, gone)).toBeUndefined();
    expect(ask(2, "0".repeat(40))).toBe(`ERR Unknown node ${"0".repeat(40)}`);
  });

  it("takes a node back that is met right after it was forgotten, by all once nobody is to learn of it any more", () => {
    const cluster = formCluster(seed);
    const { id, ip, port, busPort } = at(cluster, 3).state.myself;
    const knowing = () => cluster.nodes.filter(({ state }) => state.nodes.has(id)).length;
    cluster.command(at(cluster, 1), (state) => forget(state, id));
    expect(cluster.runUntil(20_000, () => knowing() === 1)).toBeDefined();
    cluster.command(at(cluster, 1), (state) => meet(state, ip, port, busPort));
    expect(cluster.runUntil(5000, () => at(cluster, 1).state.nodes.has(id))).toBeDefined();
    expect(cluster.runUntil(30_000, () => !at(cluster, 1).state.nodes.has(id))).toBeUndefined();
    expect(cluster.runUntil(90_000, () => knowing() === cluster.nodes.length && isHealthy(cluster))).toBeDefined();
  });

  it("does not let a replica that started empty take over", () => {
    const cluster = formCluster(seed, 1, { replicaValidityFactor: 0 });
    cluster.crash(at(cluster, 1));
    cluster.crash(at(cluster, 4));
    cluster.restart(at(cluster, 4), { keepsData: false, newIp: false });
    cluster.run(30_000);
    expect(isPrimary(at(cluster, 4).state.myself)).toBe(false);
    cluster.restart(at(cluster, 1), { keepsData: true, newIp: false });
    expect(cluster.runUntil(60_000, () => isHealthy(cluster))).toBeDefined();
    expect(isPrimary(at(cluster, 1).state.myself)).toBe(true);
  });

  it("keeps one primary a shard through a partition, and the minority stops", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    at(cluster, 0).side = 1;
    cluster.run(TIMEOUT_MS + 2000);
    expect(at(cluster, 0).state.isOk).toBe(false);
    expect(primariesOf(cluster).filter((node) => node.side === 0 && node.state.isOk)).toHaveLength(3);
    at(cluster, 0).side = 0;
    expect(cluster.runUntil(30_000, () => isHealthy(cluster))).toBeDefined();
    expect(primariesOf(cluster)).toHaveLength(3);
    expect(at(cluster, 0).state.myself.primary?.id).toBe(at(cluster, 3).state.myself.id);
  });

  it("never has two primaries that serve the same slots, wherever in the round of pings it is split", () => {
    const nodeTimeoutMs = 8000;
    const cluster = formCluster(seed, 1, { nodeTimeoutMs });
    for (const [old, next] of [
      [at(cluster, 0), at(cluster, 3)],
      [at(cluster, 1), at(cluster, 4)],
      [at(cluster, 3), at(cluster, 0)],
    ] as const) {
      cluster.run(nodeTimeoutMs + cluster.random.below(nodeTimeoutMs));
      old.side = 1;
      let passedMs = 0;
      for (; !next.state.isOk || !isPrimary(next.state.myself); passedMs += 10) {
        cluster.run(10);
        expect(passedMs).toBeLessThan(nodeTimeoutMs + 2000);
      }
      expect(old.state.isOk).toBe(false);
      cluster.run(2000);
      expect(old.state.isOk).toBe(false);
      old.side = 0;
      expect(cluster.runUntil(30_000, () => isHealthy(cluster))).toBeDefined();
    }
  });

  it("takes no verdict from reports of the partition before", () => {
    const nodeTimeoutMs = 5000;
    const cluster = formCluster(seed, 1, { nodeTimeoutMs });
    // Each time one primary, the others after the first with a replica of others.
    for (const side of [[0], [1, 5], [2, 0], [3, 1], [4, 2]]) {
      cluster.run(1500);
      for (const index of side) at(cluster, index).side = 1;
      cluster.run(nodeTimeoutMs + 1500);
      for (const index of side) {
        const failed = [...at(cluster, index).state.nodes.values()].filter(isFailed);
        expect(failed.map(({ id }) => id)).toEqual([]);
      }
      for (const index of side) at(cluster, index).side = 0;
      expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
    }
  });

  it("does not serve after a restart before a majority has been heard", () => {
    const cluster = formCluster(seed);
    cluster.crash(at(cluster, 0));
    at(cluster, 0).side = 1;
    cluster.restart(at(cluster, 0), { keepsData: true, newIp: false });
    expect(cluster.runUntil(20_000, () => at(cluster, 0).state.isOk)).toBeUndefined();
    at(cluster, 0).side = 0;
    expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
  });

  it("is not led astray by what was said before a partition and arrives after it", () => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    at(cluster, 0).side = 1;
    cluster.run(TIMEOUT_MS + 3000);
    const majority = cluster.nodes.slice(1);
    const epochs = majority.map(({ state }) => state.myself.configEpoch);
    at(cluster, 0).side = 0;
    const isDown = () =>
      majority.some(({ state }) => !state.isOk || (state.myself.slotCount === 0) === isPrimary(state.myself));
    expect(cluster.runUntil(20_000, isDown)).toBeUndefined();
    expect(majority.map(({ state }) => state.myself.configEpoch)).toEqual(epochs);
    expect(isHealthy(cluster)).toBe(true);
  });

  it("stays up while a tenth of all links break", () => {
    const cluster = formCluster(seed);
    cluster.lossRate = 0.1;
    cluster.run(60_000);
    cluster.lossRate = 0;
    expect(cluster.runUntil(20_000, () => isHealthy(cluster))).toBeDefined();
    expect(primariesOf(cluster)).toHaveLength(3);
  });

  it.each(["normal", "force", "takeover"] as const)("swaps roles on CLUSTER FAILOVER, mode %s", (mode) => {
    const cluster = formCluster(seed);
    cluster.run(5000);
    expect(cluster.command(at(cluster, 4), (state) => failover(state, mode))).toBeUndefined();
    const swapped = () => isPrimary(at(cluster, 4).state.myself) && isHealthy(cluster);
    expect(cluster.runUntil(10_000, swapped)).toBeLessThan(3000);
    expect(at(cluster, 1).state.myself.primary?.id).toBe(at(cluster, 4).state.myself.id);
    expect(at(cluster, 1).state.manual.endsAt).toBe(0);
  });
});
