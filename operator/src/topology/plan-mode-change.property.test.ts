// A group on its way into a cluster, over seeded random lives: servers crash and come back, are cut off from each other and from the
// operator; the operator dies between any two messages, what it sent may arrive later, and it carries on from what it sees. The
// simulator throws on two servers that take writes, when somebody takes some after the first server started as a node, and where the
// one that leads the cluster lacks an acknowledged write.
import { describe, expect, it } from "vitest";
import type { Action } from "./action.ts";
import type { GroupRecord } from "./group-view.ts";
import { planGroup } from "./plan-group.ts";
import { afterSave, type ModeStep, planModeChange } from "./plan-mode-change.ts";
import { seededRandom } from "./seeded-random.ts";
import { groupFaults, LEASE_SECONDS, type Leaving, SimulatedGroup, type SimulatedServer } from "./simulated-group.ts";

const SEEDS = Number(process.env.SEEDS ?? 300);
const FIRST_SEED = Number(process.env.FIRST_SEED ?? 0);
const ROUNDS = 150;
const CALM_ROUNDS = 200;
const FEW_SEEDS = 100;

class Life {
  readonly group: SimulatedGroup;
  readonly random: () => number;
  readonly size: number;
  record: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };
  late: { readonly action: Action; readonly runId: string | undefined; readonly atMs: number }[] = [];
  /** The runs to which there are connections: what is sent to one does not reach the next. */
  #runs = new Map<string, string>();
  readonly nodes: Leaving[] = [];
  isWanted = false;
  isDecided = false;
  withdrawals = 0;
  /** They were told so in the last pass. */
  #areHeld = false;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.size = 1 + Math.floor(this.random() * 3);
    this.group = new SimulatedGroup(this.size, this.random);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  tick(): void {
    this.group.tick();
    const due = this.late.filter(({ atMs }) => atMs <= this.group.nowMs);
    this.late = this.late.filter(({ atMs }) => atMs > this.group.nowMs);
    for (const { action, runId } of due) this.#deliver(action, runId);
  }

  #deliver(action: Action, runId: string | undefined): boolean {
    if (this.group.find(action.pod)?.runId !== runId) return false;
    const isDone = this.group.apply(action);
    this.group.check();
    return isDone;
  }

  /** Whether the server did it. Throws where the operator dies here. */
  send(action: Action, isCalm: boolean): boolean {
    if (!isCalm && this.chance(0.05)) throw new OperatorDied();
    const runId = this.#runs.get(action.pod);
    if (!isCalm && this.chance(0.1)) {
      this.late.push({ action, runId, atMs: this.group.nowMs + this.random() * 10_000 });
      return false;
    }
    return this.#deliver(action, runId);
  }

  pass(isCalm: boolean): void {
    const pods = this.group.servers.map((server) => {
      if (!isCalm && this.chance(0.1)) this.tick();
      this.#runs.set(server.pod, server.runId);
      return this.group.viewOf(server);
    });
    const spec = { replicas: this.size - 1, leaseSeconds: LEASE_SECONDS };
    const plan = planGroup({ pods, record: this.record, unfenced: new Set() }, spec);
    if (plan.group?.renewal !== undefined) this.send(plan.group.renewal, isCalm);
    const obstacle = this.isWanted ? undefined : "nobody wants it as yet";
    const step = planModeChange({ plan, size: this.size, obstacle });
    this.#countWithdrawals(step);
    if (step.kind === "save") {
      if (!step.notes.every((note) => this.send(note, isCalm))) return;
      const reached = this.group.servers.filter(({ isAlive, isReachable }) => isAlive && isReachable);
      const states = reached.map((server) => this.group.pauseAndSave(server));
      if (reached.length === this.size && states.every((state) => state === "saved")) {
        const then = afterSave(plan);
        if (then.kind !== "hold") return;
        this.#areHeld = true;
        for (const action of then.holds) this.send(action, isCalm);
      }
    } else if (step.kind === "restart") {
      this.isDecided = step.notes.every((note) => this.send(note, isCalm)) && (isCalm || this.chance(0.8));
    } else {
      let isRefused = false;
      for (const action of plan.actions) {
        if (action.kind === "Lead" && isRefused) continue;
        if (!this.send(action, isCalm)) isRefused = true;
      }
    }
    if (plan.group !== undefined && (isCalm || this.chance(0.9))) this.record = plan.group.record;
  }

  /** Held for the change, and led again. */
  #countWithdrawals({ kind }: ModeStep): void {
    if (this.#areHeld && kind !== "restart") this.withdrawals++;
    this.#areHeld = false;
  }

  disturb(): void {
    const { group } = this;
    const pick = () => group.servers[Math.floor(this.random() * group.servers.length)] as SimulatedServer;
    const [server, other] = [pick(), pick()];
    const faults = groupFaults(group, server, other);
    faults[Math.floor(this.random() * faults.length)]?.();
  }

  calm(): void {
    this.group.cuts.clear();
    for (const server of this.group.servers) {
      server.isReachable = true;
      if (!server.isAlive) this.group.restart(server);
    }
  }

  /** Pods go in any order, one may come back as it was before that, and messages of before arrive. */
  restartAll(): void {
    while (this.group.servers.length > 0) {
      for (let ticks = Math.floor(this.random() * 5); ticks > 0; ticks--) this.tick();
      const server = this.group.servers[Math.floor(this.random() * this.group.servers.length)] as SimulatedServer;
      if (this.chance(0.2)) this.group.kill(server);
      if (!server.isAlive && this.chance(0.3)) this.group.restart(server);
      else this.nodes.push(this.group.leave(server));
    }
  }
}

function expectOneFile({ nodes, size }: Life): void {
  const primaries = nodes.filter(({ text }) => text.includes("myself,master"));
  expect([nodes.length, primaries.length]).toEqual([size, 1]);
  expect(new Set(nodes.map(({ text }) => text.replace("myself,", ""))).size).toBe(1);
}

class OperatorDied extends Error {}

function live(life: Life): void {
  const wantedAt = life.random() * ROUNDS;
  for (let round = 0; round < ROUNDS + CALM_ROUNDS && !life.isDecided; round++) {
    life.isWanted = round > wantedAt;
    const isCalm = round > ROUNDS;
    if (isCalm) life.calm();
    life.tick();
    try {
      if (isCalm || life.chance(0.6)) life.pass(isCalm);
    } catch (error) {
      if (!(error instanceof OperatorDied)) throw error;
    }
    if (!isCalm && life.chance(0.12)) life.disturb();
    if (life.chance(0.1)) life.calm();
  }
}

describe("a group on its way into a cluster", { timeout: 1000 * SEEDS }, () => {
  it("comes to one primary that has every acknowledged write, and never takes any beside it", () => {
    let withdrawals = 0;
    let writes = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const life = new Life(seed);
      try {
        live(life);
        expect(life.isDecided).toBe(true);
        life.restartAll();
        expectOneFile(life);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
      writes += life.group.writes;
      withdrawals += life.withdrawals;
    }
    expect(writes).toBeGreaterThan(5 * SEEDS);
    if (SEEDS >= FEW_SEEDS) expect(withdrawals).toBeGreaterThan(0);
  });
});
