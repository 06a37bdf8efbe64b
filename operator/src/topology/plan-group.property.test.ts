// Properties of the plan of a group over seeded random lives: servers crash, are stopped, come back with older disks or none, are
// cut off from each other and from the operator; the operator is slow, dies between any two messages, and what it sent may
// arrive half a minute later. The simulator throws on two writable servers and on the loss of an acknowledged write.
import { describe, expect, it } from "vitest";
import type { Action } from "./action.ts";
import type { PodView } from "./cluster-view.ts";
import type { GroupRecord } from "./group-view.ts";
import type { Plan } from "./plan.ts";
import { planGroup } from "./plan-group.ts";
import { seededRandom } from "./seeded-random.ts";
import { groupFaults, LEASE_SECONDS, SimulatedGroup, type SimulatedServer, TICK_MS } from "./simulated-group.ts";

const SEEDS = Number(process.env.SEEDS ?? 100);
const FIRST_SEED = Number(process.env.FIRST_SEED ?? 0);
const ROUNDS = 400;
const CALM_ROUNDS = 120;

class Life {
  readonly group: SimulatedGroup;
  readonly random: () => number;
  readonly replicas: number;
  /** Every state of the record. The operator may read the one before the last, as long as it sees a leader. */
  readonly records: GroupRecord[] = [{ primary: undefined, replicationId: undefined, copies: [] }];
  readonly late: { readonly action: Action; readonly atMs: number }[] = [];
  promotions = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.replicas = Math.floor(this.random() * 4);
    this.group = new SimulatedGroup(1 + this.replicas, this.random);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(some: readonly T[]): T | undefined {
    return some[Math.floor(this.random() * some.length)];
  }

  tick(): void {
    this.group.tick();
    for (const { action, atMs } of [...this.late]) {
      if (atMs > this.group.nowMs) continue;
      this.late.splice(
        this.late.findIndex((one) => one.action === action),
        1,
      );
      this.group.apply(action);
      this.group.check();
    }
  }

  /** One pass. Servers are seen one after another, and time goes on while they are told. */
  pass(isCalm: boolean): Plan {
    const cached = this.records.at(this.chance(isCalm ? 0 : 0.2) ? -2 : -1) ?? this.record;
    const pods: PodView[] = [];
    for (const server of this.group.servers) {
      pods.push(this.group.viewOf(server));
      if (!isCalm && this.chance(0.15)) this.tick();
    }
    const planFrom = (record: GroupRecord): Plan =>
      planGroup({ pods, record, unfenced: new Set() }, { replicas: this.replicas, leaseSeconds: LEASE_SECONDS });
    const first = planFrom(cached);
    const next = first.survey.slotsOf.size === 0 ? planFrom(this.record) : first;
    const kinds = new Set(next.actions.map(({ kind }) => kind));
    if (next.actions.at(-1)?.kind === "Lead") kinds.delete("Hold");
    expect(kinds.size, "one kind of action a pass").toBeLessThanOrEqual(1);
    if (!isCalm && this.chance(0.1)) this.tick();
    const sent = [next.group?.renewal, ...next.actions].filter((action) => action !== undefined);
    let isRefused = false;
    for (const action of sent) {
      if (action.kind === "Lead" && isRefused) continue;
      // The operator dies here; another one starts.
      if (!isCalm && this.chance(0.05)) return next;
      if (!isCalm && this.chance(0.1)) {
        isRefused = true;
        this.late.push({ action, atMs: this.group.nowMs + this.random() * 30_000 });
        continue;
      }
      if (action.kind === "Lead") this.promotions++;
      if (!this.group.apply(action)) isRefused = true;
      this.group.check();
    }
    if (next.group !== undefined && (isCalm || this.chance(0.9))) this.write(next.group.record);
    return next;
  }

  get record(): GroupRecord {
    return this.records.at(-1) as GroupRecord;
  }

  write(record: GroupRecord): void {
    if (JSON.stringify(record) !== JSON.stringify(this.record)) this.records.push(record);
  }

  disturb(): void {
    const { group } = this;
    const server = this.pick(group.servers) as SimulatedServer;
    const other = this.pick(group.servers) as SimulatedServer;
    const faults: readonly (() => void)[] = [
      ...groupFaults(group, server, other),
      () => {
        if (server.isAlive || this.chance(0.7)) return;
        group.loseDisk(server);
        group.restart(server);
      },
      // A machine that loses its network loses it towards everybody.
      () => {
        server.isReachable = false;
        for (const { pod } of group.servers) group.cuts.add(`${server.pod} ${pod}`);
      },
    ];
    this.pick(faults)?.();
  }

  calm(): void {
    this.group.cuts.clear();
    for (const server of this.group.servers) {
      server.isReachable = true;
      if (!server.isAlive) this.group.restart(server);
    }
  }
}

function run(seed: number, body: (life: Life) => void): void {
  try {
    body(new Life(seed));
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

function expectSettled({ group }: Life, last: Plan): void {
  expect(last.problems, last.waits.join()).toEqual([]);
  expect(last.isSettled, JSON.stringify([last.actions, last.waits])).toBe(true);
  expect(group.leaders).toHaveLength(1);
  const [leader] = group.leaders;
  for (const server of group.servers) {
    if (server !== leader) expect(server).toMatchObject({ state: "follows", primary: leader?.pod, linkUp: true });
  }
  expect(leader !== undefined && group.isWritable(leader)).toBe(true);
}

function settle(life: Life): Plan {
  life.calm();
  let last = life.pass(true);
  for (let round = 0; round < CALM_ROUNDS; round++) {
    life.tick();
    last = life.pass(true);
  }
  return last;
}

describe("a group over random lives", { timeout: 1000 * SEEDS }, () => {
  it("never has two writable servers, loses no acknowledged write, and comes to one primary that all others follow", () => {
    let promotions = 0;
    let writes = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      run(seed, (life) => {
        for (let round = 0; round < ROUNDS; round++) {
          life.tick();
          if (life.chance(0.4)) life.pass(false);
          if (life.chance(0.06)) life.disturb();
          // Faults pass by, or all would soon be silent.
          if (life.chance(0.01)) life.calm();
        }
        expectSettled(life, settle(life));
        promotions += life.promotions;
        writes += life.group.writes;
      });
    }
    expect(promotions).toBeGreaterThan(2 * SEEDS);
    expect(writes).toBeGreaterThan(20 * SEEDS);
  });

  it("writes again soon after the leader's process, or its machine with the network, is gone", () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      run(seed, (life) => {
        if (life.replicas === 0) return;
        settle(life);
        const { group } = life;
        const [leader] = group.leaders as [SimulatedServer];
        const isCrash = life.chance(0.5);
        if (isCrash) group.kill(leader);
        else for (const { pod } of group.servers) group.cuts.add(`${leader.pod} ${pod}`);
        leader.isKnownGone = isCrash;
        leader.isReachable = false;
        const start = group.nowMs;
        const isDone = () => group.servers.some((server) => server !== leader && group.isWritable(server));
        for (let round = 0; round < 60 && !isDone(); round++) {
          for (let tick = 0; tick < 4; tick++) life.tick();
          life.pass(true);
        }
        expect(group.nowMs - start).toBeLessThanOrEqual(isCrash ? 8_000 : 26_000);
        expectSettled(life, settle(life));
      });
    }
  });

  it("is not changed while a replica hears of the leader and only the operator does not", () => {
    const life = new Life(7);
    while (life.group.servers.length < 3) life.group.addServer();
    settle(life);
    const [leader] = life.group.leaders as [SimulatedServer];
    leader.isReachable = false;
    for (let round = 0; round < 60; round++) {
      life.tick();
      expect(life.pass(true).actions).toEqual([]);
    }
    expect(life.group.isWritable(leader)).toBe(true);
    expect(life.group.nowMs).toBeGreaterThan(60 * TICK_MS);
  });

  it("promotes nobody whose copy is not the leader's, as long as the leader may come back", () => {
    const life = new Life(3);
    while (life.group.servers.length > 2) life.group.servers.pop();
    while (life.group.servers.length < 2) life.group.addServer();
    settle(life);
    const [leader] = life.group.leaders as [SimulatedServer];
    const replica = life.group.servers.find((server) => server !== leader) as SimulatedServer;
    life.group.kill(replica);
    for (let round = 0; round < 40; round++) {
      life.tick();
      life.pass(true);
    }
    life.group.kill(leader);
    leader.isKnownGone = true;
    life.group.restart(replica);
    for (let round = 0; round < 100; round++) {
      life.tick();
      expect(life.pass(true).actions.filter(({ kind }) => kind === "Lead")).toEqual([]);
    }
    life.group.restart(leader);
    expectSettled(life, settle(life));
    expect(life.group.leaders).toEqual([leader]);
  });
});
