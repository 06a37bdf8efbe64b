/**
 * For tests: slots move between the shards of a simulated cluster under writes, while the faults of cluster/fault-kinds.ts befall
 * its nodes and connections; then peace. The invariants of the cluster hold all the time; afterwards every move has come to
 * its end on both sides, each slot's keys are with its owner and nowhere else, and no write is lost that a move had to keep
 * (simulated-writes.ts).
 */

import { isPrimary } from "../cluster/cluster-node.ts";
import { FAULTS, type Fault, MOST_LAG_MS, unite } from "../cluster/fault-kinds.ts";
import type { SimulatedCluster, SimulatedNode, SimulatedServers } from "../cluster/simulated-cluster.ts";
import { hold, Invariants, isHealed } from "../cluster/simulated-invariants.ts";
import { formCluster, standStill } from "../cluster/simulated-scene.ts";
import { refuseMoves } from "./move-rules.ts";
import { MOVING_SLOTS, SimulatedServer } from "./simulated-server.ts";
import { SimulatedStreams } from "./simulated-streams.ts";
import { SimulatedWrites } from "./simulated-writes.ts";

const FAULT_MS = 60_000;
/** After so long the faults stay as they are for a while. */
const STILL_EVERY_MS = 20_000;
const STEP_MS = 250;
const HEAL_MS = 60_000;
/** A move that hangs is given up within this. */
const END_MS = 30_000;
const LOSS_RATE = 0.002;
const STEPS_PER_MOVE = 4;
const MOST_SLOTS = 3;
/** Of each seed one: a fault every so many steps. */
const STEPS_PER_FAULT: readonly number[] = [6, 12, 24];

interface Stage {
  /** Clients are there. */
  isWritten: boolean;
  readonly cluster: SimulatedCluster;
  readonly writes: SimulatedWrites;
  readonly serverOf: (node: SimulatedNode) => SimulatedServer;
}

export interface MovesTally {
  readonly asked: number;
  readonly moved: number;
  readonly writes: number;
  readonly safe: number;
}

/** Throws with the invariant that did not hold. `faultMs`: until there is peace. */
export function simulateMoves(seed: number, faultMs = FAULT_MS): MovesTally {
  const stage = formStage(seed);
  const { cluster, writes } = stage;
  const { nodes, random } = cluster;
  const invariants = new Invariants(cluster, MOST_LAG_MS, (slot) => writes.isDisputed(slot));
  const stepsPerFault = STEPS_PER_FAULT[random.below(STEPS_PER_FAULT.length)] ?? 1;
  let asked = 0;
  cluster.lossRate = LOSS_RATE;
  for (let passed = STEP_MS; passed <= faultMs; passed += STEP_MS) {
    const fault = FAULTS[random.below(FAULTS.length)] as Fault;
    if (random.below(stepsPerFault) === 0) fault(cluster, nodes[random.below(nodes.length)] as SimulatedNode);
    if (random.below(STEPS_PER_MOVE) === 0 && move(stage)) asked++;
    cluster.run(STEP_MS);
    invariants.check();
    if (passed % STILL_EVERY_MS === 0) standStill(cluster, invariants);
  }
  heal(stage, invariants);
  writes.verify();
  return { asked, moved: writes.moves, writes: writes.count, safe: writes.safeCount };
}

function formStage(seed: number): Stage {
  const servers = new Map<SimulatedNode, SimulatedServer>();
  const serverOf = (node: SimulatedNode): SimulatedServer => servers.get(node) as SimulatedServer;
  const made: { stage?: Stage } = {};
  formCluster(seed, (cluster) => {
    const writes = new SimulatedWrites(cluster, serverOf);
    made.stage = { cluster, writes, serverOf, isWritten: true };
    return plugged(made.stage, servers);
  });
  return made.stage as Stage;
}

function plugged(stage: Stage, servers: Map<SimulatedNode, SimulatedServer>): SimulatedServers {
  const { cluster, writes, serverOf } = stage;
  const streams = new SimulatedStreams(cluster);
  const parts = { cluster, streams, serverOf, has: (node: SimulatedNode, id: number) => writes.has(node, id) };
  const seen = new Set<unknown>();
  return {
    started: (node, keepsData) => {
      const server = servers.get(node);
      if (server === undefined) servers.set(node, new SimulatedServer(node, parts));
      else server.start(keepsData);
    },
    crashed: (node) => {
      for (const slot of node.state.leftovers) serverOf(node).unmarked.add(slot);
      const isSudden = cluster.random.below(2) === 0;
      streams.crashed(node, isSudden);
      if (!isSudden) for (const server of servers.values()) server.lose(node);
    },
    countKeysInSlot: (node, slot) => (servers.get(node)?.keys.has(slot) === true ? 1 : 0),
    served: (node) => {
      const server = serverOf(node);
      const slots = MOVING_SLOTS.filter((slot) => node.state.table.ownedByMe[slot] === 1);
      const slot = slots[cluster.random.below(Math.max(slots.length, 1))];
      if (slot !== undefined && stage.isWritten && server.mayWrite) server.write(slot, writes.take(node, slot));
    },
    copied: (replica, primary) => serverOf(replica).copy(serverOf(primary)),
    ticked: (node) => {
      serverOf(node).moves.tick();
      for (const job of serverOf(node).moves.migrations.jobs) {
        if (job.operation !== "EXPORT" || job.state !== "failed" || seen.has(job)) continue;
        seen.add(job);
        writes.keptBy(node, job);
      }
    },
    settled: (node) => servers.get(node)?.dropReturned(),
    dropSlotKeys: (node, slots) => serverOf(node).sweep(slots),
    ownersChanged: (node) => {
      const { migrations } = serverOf(node).moves;
      for (const job of migrations.jobs) {
        if (job.operation !== "IMPORT" || job.nodes === undefined || job.state !== "success" || seen.has(job)) continue;
        seen.add(job);
        writes.movedTo(node, job);
      }
      migrations.ownersChanged();
    },
    promoted: (node) => writes.promoted(node),
  };
}

/** Somebody asks a primary to give slots to another node, or to give up its moves; false if it refuses. */
function move({ cluster: { nodes, random }, serverOf }: Stage): boolean {
  const source = nodes[random.below(nodes.length)] as SimulatedNode;
  const { state } = source;
  if (!source.isUp || source.frozenUntil > 0 || refuseMoves(state) !== undefined) return false;
  const { migrations } = serverOf(source).moves;
  if (random.below(10) === 0) migrations.cancelAll();
  const taken = migrations.exportedSlots();
  const free = MOVING_SLOTS.filter((slot) => state.table.ownedByMe[slot] === 1 && !taken.has(slot));
  const targets = [...state.nodes.values()].filter((node) => node !== state.myself && isPrimary(node));
  const target = targets[random.below(Math.max(targets.length, 1))];
  const start = random.below(Math.max(free.length, 1));
  const slots = free.slice(start, start + 1 + random.below(MOST_SLOTS));
  if (target === undefined || slots.length === 0) return false;
  migrations.begin(
    slots.map((slot) => ({ start: slot, end: slot })),
    target.id,
  );
  return true;
}

function heal(stage: Stage, invariants: Invariants): void {
  const { cluster, serverOf } = stage;
  const { nodes } = cluster;
  cluster.lossRate = 0;
  unite(cluster);
  for (const node of nodes) if (!node.isUp) cluster.restart(node, { keepsData: true, newIp: true });
  const isAgreed = () => {
    invariants.check();
    return isHealed(cluster);
  };
  hold(cluster.runUntil(HEAL_MS, isAgreed) !== undefined, "all agree again after the faults");
  const open = () => nodes.flatMap((node) => serverOf(node).moves.migrations.jobs.filter((job) => !job.isOver));
  const isQuiet = () => isAgreed() && open().length === 0;
  const unfinished = () => open().map((job) => `${job}: ${job.state}`);
  hold(cluster.runUntil(END_MS, isQuiet) !== undefined, `moves do not end: ${unfinished()}`);
  stage.isWritten = false;
  cluster.run(5000);
  hold(cluster.runUntil(HEAL_MS, isAgreed) !== undefined, "all still agree");
}
