import { describe, expect, it } from "vitest";
import { parseClusterNodes } from "./cluster-nodes.ts";
import type { GroupRecord } from "./group-view.ts";
import type { Plan } from "./plan.ts";
import { planGroup } from "./plan-group.ts";
import { afterSave, type ModeStep, planModeChange } from "./plan-mode-change.ts";
import { seededRandom } from "./seeded-random.ts";
import { LEASE_SECONDS, SimulatedGroup, type SimulatedServer } from "./simulated-group.ts";

interface Scene {
  readonly group: SimulatedGroup;
  readonly plan: () => Plan;
  readonly step: (obstacle?: string) => ModeStep;
}

/** A group that is settled. */
function settled(size: number): Scene {
  const group = new SimulatedGroup(size, seededRandom(1));
  let record: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };
  const plan = () => planGroup({ ...group.view(), record, unfenced: new Set() }, SPEC(size));
  for (let round = 0; round < 40; round++) {
    const next = plan();
    record = next.group?.record ?? record;
    for (const action of next.actions) group.apply(action);
    if (next.group?.renewal !== undefined) group.apply(next.group.renewal);
    group.tick();
  }
  return { group, plan, step: (obstacle) => planModeChange({ plan: plan(), size, obstacle }) };
}

const SPEC = (size: number) => ({ replicas: size - 1, leaseSeconds: LEASE_SECONDS });

function save({ group }: Scene): void {
  for (const server of group.servers) group.pauseAndSave(server);
  while (new Set(group.servers.map(({ log }) => log.length)).size > 1) group.tick();
  for (const server of group.servers) group.save(server);
}

/** Saved, and held. */
function still(size: number): Scene {
  const scene = settled(size);
  save(scene);
  const next = afterSave(scene.plan());
  for (const action of next.kind === "hold" ? next.holds : []) scene.group.apply(action);
  return scene;
}

describe("a group that is to become a cluster", () => {
  it("saves once it is settled, and not before", () => {
    const scene = settled(2);
    expect(scene.step().kind).toBe("save");
    expect(scene.step("a backup is being taken")).toEqual({ kind: "due", message: "a backup is being taken" });
    const [server] = scene.group.servers as [SimulatedServer];
    scene.group.kill(server);
    expect(scene.step().kind).toBe("due");
  });

  it("stays what it is while keys are where a cluster has no place", () => {
    const scene = still(2);
    const [server] = scene.group.servers as [SimulatedServer];
    server.keysElsewhere = 7;
    expect(scene.step("a backup is being taken")).toMatchObject({ kind: "refused", reason: "OtherDatabases" });
  });

  it("has its leader held before the others, after all have shown that they can note their places", () => {
    const scene = settled(3);
    const step = scene.step();
    if (step.kind !== "save") throw new Error(step.kind);
    expect(step.notes.map(({ kind, pod }) => `${kind} ${pod}`)).toEqual([
      "PrepareNodes kv-0-0",
      "PrepareNodes kv-0-1",
      "PrepareNodes kv-0-2",
    ]);
    save(scene);
    const next = afterSave(scene.plan());
    if (next.kind !== "hold") throw new Error(next.kind);
    const [leader] = scene.group.leaders;
    expect(next.holds.map(({ pod }) => pod)[0]).toBe(leader?.pod);
    expect(next.holds.map(({ kind }) => kind)).toEqual(["Hold", "Hold", "Hold"]);
  });

  it("restarts when all are held with the same on their disks", () => {
    const scene = still(3);
    expect(scene.step().kind).toBe("restart");
  });

  it.each<[string, (scene: Scene, server: SimulatedServer) => unknown]>([
    ["one is not held", (_, server) => Object.assign(server, { state: "follows" })],
    ["one has more than the others", (_, server) => server.log.push(1_000_000)],
    ["one is of another stream", (_, server) => Object.assign(server, { id: "another" })],
    [
      "one has not all of it on its disk",
      ({ group }, server) => (server.disk = { ...server.disk, log: group.servers[1]?.log.slice(1) ?? [] }),
    ],
    ["one has a part of a copy", (_, server) => Object.assign(server, { isWhole: false })],
    ["one is not reached", (_, server) => Object.assign(server, { isReachable: false })],
    ["one is missing", ({ group }, server) => group.servers.splice(group.servers.indexOf(server), 1)],
    ["there is one too many", ({ group }) => group.addServer()],
  ])("does not restart while %s", (_, change) => {
    const scene = still(3);
    change(scene, scene.group.servers[2] as SimulatedServer);
    expect(scene.step().kind).not.toBe("restart");
  });

  it("of one server alone restarts when that has saved: it has nobody to be told from", () => {
    const scene = settled(1);
    const [server] = scene.group.servers as [SimulatedServer];
    server.isMember = false;
    scene.group.restart(server);
    expect(afterSave(scene.plan()).kind).toBe("restart");
  });
});

describe("what servers note", () => {
  it("is one cluster, in which the leader owns all slots and the others follow it", () => {
    const step = still(3).step();
    if (step.kind !== "restart") throw new Error(step.kind);
    const texts = step.notes.flatMap((note) => (note.kind === "PrepareNodes" ? [note.text] : []));
    expect(new Set(texts.map((text) => text.replace("myself,", ""))).size).toBe(1);
    const tables = texts.map((text) => parseClusterNodes(text.replace(/^vars .*$/m, "")));
    expect(tables.map((table) => table.findIndex(({ flags }) => flags.has("myself")))).toEqual([0, 1, 2]);
    const [table = []] = tables;
    const owners = table.filter(({ slots }) => slots.length > 0);
    expect(owners.map(({ slots, flags }) => [slots, flags.has("master")])).toEqual([
      [[{ start: 0, end: 16383 }], true],
    ]);
    const replicas = table.filter(({ flags }) => flags.has("slave"));
    expect(replicas.map(({ primaryId }) => primaryId)).toEqual([owners[0]?.id, owners[0]?.id]);
    expect(table[1]).toMatchObject({ ip: "ip-kv-0-1", port: 6379, busPort: 16379, hostname: "kv-0-1", configEpoch: 1 });
    expect(texts[0]).toMatch(/\nvars currentEpoch 1 lastVoteEpoch 0\n$/);
  });
});
