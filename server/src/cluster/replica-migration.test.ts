/** The rule of replica migration, one condition at a time, on a state made by hand. */

import { beforeEach, describe, expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { type ClusterNode, createNode, NODE_FLAG } from "./cluster-node.ts";
import { migrateToOrphan, noteOrphan, orphanToFollow } from "./replica-migration.ts";
import { SIMULATED_SETTINGS } from "./simulated-cluster.ts";
import { addNode, attachToPrimary, type ClusterState, createState, renameNode } from "./state.ts";

const START_MS = 1_000_000;
const DELAY_MS = 5000;

let settings: { allowReplicaMigration: boolean; migrationBarrier: number };
let state: ClusterState;
let orphan: ClusterNode;
let rich: ClusterNode;

const idOf = (letter: string): string => letter.repeat(40);

function addPrimary(letter: string): ClusterNode {
  const node = createNode({ id: idOf(letter), flags: NODE_FLAG.primary, now: START_MS });
  node.slotCount = 100;
  addNode(state, node);
  return node;
}

function addReplica(letter: string, primary: ClusterNode): ClusterNode {
  const node = createNode({ id: idOf(letter), flags: NODE_FLAG.replica, now: START_MS });
  addNode(state, node);
  attachToPrimary(node, primary);
  return node;
}

/** What each tick does, until so much time has passed. */
function pass(ms: number): void {
  for (const endMs = state.now + ms; state.now < endMs; ) {
    state.now += 100;
    for (const node of state.nodes.values()) if (node !== state.myself) noteOrphan(state, node);
  }
}

/** I, "m", and "r" replicate one primary; another has lost its only replica. */
beforeEach(() => {
  settings = { allowReplicaMigration: true, migrationBarrier: 1 };
  const unused = (): never => {
    throw new Error("Nothing of this is asked");
  };
  state = createState({
    settings: Object.setPrototypeOf(settings, SIMULATED_SETTINGS) as typeof SIMULATED_SETTINGS,
    random: createSeededRandom(1),
    now: START_MS,
    facts: {
      ...{ replicationOffset: unused, primaryLinkUp: unused, dataAgeMs: unused, hasWholeCopy: unused },
      ...{ keyspaceIsEmpty: unused, countKeysInSlot: unused },
    },
  });
  state.isOk = true;
  state.myself.flags = NODE_FLAG.myself | NODE_FLAG.replica;
  renameNode(state, state.myself, idOf("m"));
  orphan = addPrimary("a");
  orphan.flags |= NODE_FLAG.migrateTo;
  rich = addPrimary("b");
  attachToPrimary(state.myself, rich);
  addReplica("r", rich);
});

test("a replica goes to a primary that has been without one for five seconds", () => {
  pass(DELAY_MS);
  expect(orphanToFollow(state)).toBeUndefined();
  pass(200);
  expect(orphanToFollow(state)).toBe(orphan);
  migrateToOrphan(state);
  expect(state.myself.primary).toBe(orphan);
  expect([orphan.replicas.length, rich.replicas.length]).toEqual([1, 1]);
  expect(state.outbox.map((effect) => (effect.kind === "log" ? effect.text : effect.kind))).toContain(
    `Migrating to orphaned primary ${orphan.id}`,
  );
});

test("the time without a replica counts anew when it had one in between", () => {
  pass(DELAY_MS - 1000);
  const guest = addReplica("g", orphan);
  pass(100);
  guest.flags |= NODE_FLAG.failed;
  pass(DELAY_MS);
  expect(orphanToFollow(state)).toBeUndefined();
  pass(200);
  expect(orphanToFollow(state)).toBe(orphan);
});

describe("a replica stays", () => {
  const reasons: readonly (readonly [string, () => void])[] = [
    ["where migration is not allowed", () => (settings.allowReplicaMigration = false)],
    ["while the cluster is not ok", () => (state.isOk = false)],
    ["if its primary were left with fewer than the barrier says", () => (settings.migrationBarrier = 2)],
    ["if the other one that its primary has does not work", () => (replica("r").flags |= NODE_FLAG.maybeFailed)],
    ["if a smaller id of the same primary can go", () => addReplica("c", rich)],
    ["if another primary has more replicas", () => "xyz".split("").forEach(addToThird)],
    ["if a smaller id of a primary with as many replicas can go", () => "cd".split("").forEach(addToThird)],
    ["if the orphan has no slots", () => (orphan.slotCount = 0)],
    ["if the orphan never had a replica", () => (orphan.flags &= ~NODE_FLAG.migrateTo)],
    ["if the orphan is down itself", () => (orphan.flags |= NODE_FLAG.failed)],
    ["if the orphan has a replica", () => addReplica("g", orphan)],
  ];

  test.each(reasons)("%s", (_, change) => {
    pass(DELAY_MS + 200);
    expect(orphanToFollow(state)).toBe(orphan);
    change();
    pass(DELAY_MS + 200);
    expect(orphanToFollow(state)).toBeUndefined();
  });
});

test("the barrier leaves a primary as many replicas as it says", () => {
  addReplica("s", rich);
  settings.migrationBarrier = 2;
  pass(DELAY_MS + 200);
  expect(orphanToFollow(state)).toBe(orphan);
  settings.migrationBarrier = 3;
  expect(orphanToFollow(state)).toBeUndefined();
});

test("a failed replica with a smaller id keeps nobody from going", () => {
  addReplica("s", rich);
  addReplica("c", rich).flags |= NODE_FLAG.failed;
  pass(DELAY_MS + 200);
  expect(orphanToFollow(state)).toBe(orphan);
});

test("of all replicas exactly one goes, by what each of them sees", () => {
  const third = addToThird("c").primary as ClusterNode;
  addToThird("z");
  pass(DELAY_MS + 200);
  const goers = [...rich.replicas, ...third.replicas].filter((one) => orphanToFollow({ ...state, myself: one }));
  expect(goers.map(({ id }) => id[0])).toEqual(["c"]);
});

function replica(letter: string): ClusterNode {
  return state.nodes.get(idOf(letter)) as ClusterNode;
}

function addToThird(letter: string): ClusterNode {
  return addReplica(letter, state.nodes.get(idOf("t")) ?? addPrimary("t"));
}
