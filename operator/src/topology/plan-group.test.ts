// Single situations of a group, each as a view made by hand. What follows over time is in plan-group.property.test.ts.
import { describe, expect, it } from "vitest";
import type { PodView } from "./cluster-view.ts";
import type { GroupInfo, GroupRecord } from "./group-view.ts";
import type { NodeInfo } from "./node-info.ts";
import { planGroup } from "./plan-group.ts";

const LEASE_SECONDS = 10;
const NOBODY: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };

interface Server {
  readonly state: GroupInfo["state"];
  /** Ordinal of its primary. */
  readonly of?: number;
  readonly info?: Partial<NodeInfo>;
  readonly group?: Partial<GroupInfo>;
  readonly process?: PodView["process"];
  readonly isSilent?: boolean;
  readonly hasPlace?: boolean;
}

function podOf(server: Server, ordinal: number): PodView {
  const { state, of, process = "Running", isSilent = false, hasPlace = true } = server;
  const base = { pod: `kv-0-${ordinal}`, shard: 0, ordinal, process };
  if (!hasPlace) return { ...base, address: undefined, node: undefined };
  const address = { ip: `10.0.0.${ordinal}`, port: 6379, busPort: 16379, hostname: `host-${ordinal}` };
  if (isSilent) return { ...base, address, node: undefined };
  const info: NodeInfo = {
    ...{
      role: state === "leads" ? "primary" : "replica",
      isLoading: false,
      uptimeSeconds: 100,
      keys: 5,
      keysElsewhere: 0,
      isSaved: true,
      disk: undefined,
    },
    ...{ replicationOffset: 100, primaryHost: of === undefined ? "" : `host-${of}`, isPrimaryLinkUp: of !== undefined },
    ...{
      primaryLinkDownSeconds: 0,
      isFullSyncRunning: false,
      replicaHosts: [],
      replicationId: "x",
      previousReplicationId: "w",
    },
    primaryHeardSeconds: of === undefined ? Number.POSITIVE_INFINITY : 0,
    group: {
      state,
      ticket: 1000 + ordinal,
      heldMs: state === "held" ? 60_000 : 0,
      hasWholeCopy: true,
      ...server.group,
    },
    ...server.info,
  };
  const cluster = { isOk: true, currentEpoch: 0 };
  return { ...base, address, node: { id: `run-${ordinal}`, info, cluster, entries: [], migrations: undefined } };
}

function plan(servers: readonly Server[], record = NOBODY, replicas = servers.length - 1, unfenced: string[] = []) {
  const view = { pods: servers.map(podOf), record, unfenced: new Set(unfenced) };
  return planGroup(view, { replicas, leaseSeconds: LEASE_SECONDS });
}

const recorded = (primary: number, ...copies: readonly number[]): GroupRecord => ({
  primary: `kv-0-${primary}`,
  replicationId: "x",
  copies: [primary, ...copies].map((ordinal) => ({ pod: `kv-0-${ordinal}`, runId: `run-${ordinal}` })),
});

const LEADS: Server = { state: "leads" };
const HELD: Server = { state: "held" };
const FOLLOWS: Server = { state: "follows", of: 0 };
const CUT_OFF: Server = { state: "follows", of: 0, info: { isPrimaryLinkUp: false, primaryHeardSeconds: Infinity } };
const SILENT: Server = { state: "leads", isSilent: true };
const ENDED: Server = { ...SILENT, process: "Gone" };

describe("a group that nobody has led yet", () => {
  it("waits until all have answered, and takes the one with data", () => {
    expect(plan([HELD, ENDED]).waits).toContain("Nobody leads until all have answered once: waiting for kv-0-1");
    const empty = { keys: 0, replicationOffset: 0, replicationId: "y" };
    const chosen = plan([
      { ...HELD, info: empty },
      { ...HELD, info: { ...empty, keys: 3 } },
    ]);
    expect(chosen.actions).toEqual([]);
    expect(chosen.group?.record).toEqual({ primary: "kv-0-1", copies: [{ pod: "kv-0-1", runId: "run-1" }] });
  });

  it("tells the chosen one once the choice is recorded, and holds the others anew before", () => {
    const record = { ...recorded(0), replicationId: undefined };
    expect(plan([HELD, HELD], record).actions).toEqual([
      { kind: "Hold", pod: "kv-0-1", ticket: 1001 },
      { kind: "Lead", pod: "kv-0-0", ticket: 1000 },
    ]);
  });
});

describe("a group with a leader", () => {
  it("is settled when all follow it, and lets it go on", () => {
    const settled = plan([LEADS, FOLLOWS, FOLLOWS], recorded(0, 1, 2));
    expect(settled).toMatchObject({ isSettled: true, actions: [], problems: [] });
    expect(settled.group).toEqual({
      record: recorded(0, 1, 2),
      renewal: { kind: "Renew", pod: "kv-0-0", ticket: 1000 },
    });
    const [shard] = settled.survey.shards;
    expect(shard?.owners.map(({ pod }) => pod)).toEqual(["kv-0-0"]);
    expect([settled.survey.unassigned, settled.survey.slotsOf.size]).toEqual([[], 1]);
  });

  it("does not let it go on while the record names a copy that does not follow any more", () => {
    const short = plan([LEADS, CUT_OFF], recorded(0, 1));
    expect(short.group?.renewal).toBeUndefined();
    expect(short.group?.record).toEqual(recorded(0));
    expect(plan([LEADS, CUT_OFF], recorded(0)).group?.renewal).toBeDefined();
  });

  it("counts those as copies that follow it without the operator reaching them", () => {
    const leader = { ...LEADS, info: { replicaHosts: ["host-1", "host-2"] } };
    const silent: Server = { ...FOLLOWS, isSilent: true };
    expect(plan([leader, silent, silent, silent], recorded(0, 1)).group?.record.copies).toEqual([
      ...recorded(0, 1).copies,
      { pod: "kv-0-2", runId: "unknown" },
    ]);
  });

  it("tells those that wait, or follow somebody else, to follow it by its host name", () => {
    const follow = { kind: "Follow", primary: "kv-0-0", host: "host-0", port: 6379 };
    expect(plan([LEADS, HELD, { state: "follows", of: 1 }], recorded(0)).actions).toEqual([
      { ...follow, pod: "kv-0-1", ticket: 1001 },
      { ...follow, pod: "kv-0-2", ticket: 1002 },
    ]);
  });

  it("tells nobody with keys to follow one that never had any", () => {
    const empty = { ...LEADS, info: { keys: 0, replicationOffset: 0 } };
    expect(plan([empty, HELD], recorded(0))).toMatchObject({ actions: [], problems: [{ reason: "DataWithoutSlots" }] });
  });

  it("takes one that took over by hand-over for it, and holds one that was replaced", () => {
    const heir: Server = { ...LEADS, info: { replicationId: "y", previousReplicationId: "x" } };
    expect(plan([CUT_OFF, heir], recorded(0)).group?.record).toMatchObject({ primary: "kv-0-1", replicationId: "y" });
    const replaced = plan([LEADS, SILENT], recorded(1));
    expect(replaced.group?.record).toEqual(recorded(1));
    expect(replaced.survey.shards[0]?.owners).toEqual([]);
  });

  it("holds rivals of the recorded one, and says so", () => {
    const { actions, problems } = plan([LEADS, LEADS], recorded(1));
    expect(actions).toEqual([{ kind: "Hold", pod: "kv-0-0", ticket: 1000 }]);
    expect(problems).toMatchObject([{ reason: "SeveralPrimaries" }]);
  });

  it("hands over before its pod goes, to the best that stays", () => {
    const ahead: Server = { state: "follows", of: 2, info: { replicationOffset: 120 } };
    const { actions } = plan([{ state: "follows", of: 2 }, ahead, LEADS], recorded(2, 0, 1), 1);
    expect(actions).toEqual([{ kind: "HandOver", pod: "kv-0-2", to: "kv-0-1", host: "host-1", port: 6379 }]);
  });
});

describe("a group that has lost its leader", () => {
  it("holds those that answer first, then takes the one that is ahead", () => {
    const record = recorded(0, 1, 2);
    expect(plan([ENDED, CUT_OFF, CUT_OFF], record).actions.map(({ kind }) => kind)).toEqual(["Hold", "Hold"]);
    const next = plan([ENDED, HELD, { ...HELD, info: { replicationOffset: 101 } }], record);
    expect(next.waits).toContain("kv-0-2 is going to lead");
    expect(next.group?.record.copies.map(({ pod }) => pod)).toEqual(["kv-0-2", "kv-0-1"]);
  });

  it("waits for its lease where its process may run, also where its pod was replaced and has no place yet", () => {
    const fresh: Server = { ...HELD, group: { heldMs: 11_999 } };
    for (const lost of [SILENT, { ...SILENT, process: "Unknown" as const, hasPlace: false }]) {
      expect(plan([lost, fresh], recorded(0, 1)).waits).toContain("Waiting until the lease of kv-0-0 is over");
      expect(plan([lost, HELD], recorded(0, 1)).waits).toContain("kv-0-1 is going to lead");
    }
  });

  it("waits for nobody who never had a place", () => {
    const unplaced: Server = { ...HELD, process: "Unknown", hasPlace: false };
    expect(plan([ENDED, HELD, unplaced], recorded(0, 1)).waits).toContain("kv-0-1 is going to lead");
  });

  it("changes nothing while a replica hears of it", () => {
    const { actions, waits } = plan([SILENT, FOLLOWS], recorded(0, 1));
    expect([actions, waits.at(-1)]).toEqual([[], "kv-0-1 hears of its primary, which does not answer here"]);
  });

  it("waits for every other copy that the record names", () => {
    expect(plan([ENDED, HELD, ENDED], recorded(0, 1, 2)).waits).toContain(
      "Waiting for kv-0-0, which may have a better copy",
    );
  });

  it("takes no copy that was restarted, is half made, or was not in sync, while it may come back", () => {
    const half = plan([ENDED, { ...HELD, group: { hasWholeCopy: false } }], recorded(0, 1));
    const restarted = plan([ENDED, HELD], {
      ...recorded(0),
      copies: [...recorded(0).copies, { pod: "kv-0-1", runId: "before" }],
    });
    const behind = plan([ENDED, HELD], recorded(0));
    for (const { actions, waits } of [half, restarted, behind]) {
      expect([actions, waits.at(-1)]).toEqual([[], expect.stringMatching(/^Waiting for kv-0-0, /)]);
    }
  });

  it("that came back empty takes the replica, which kept its data", () => {
    const empty: Server = { ...HELD, info: { keys: 0, replicationOffset: 0, replicationId: "z" } };
    const before = { ...recorded(0, 1), copies: [{ pod: "kv-0-0", runId: "before" }, ...recorded(1).copies] };
    expect(plan([empty, HELD], before).waits).toContain("kv-0-1 is going to lead");
  });

  it("that would lead again from its start is waited for", () => {
    expect(plan([ENDED, HELD], recorded(0, 1), 1, ["kv-0-0"]).waits).toContain(
      "kv-0-0 leads from its start and has to come back",
    );
  });
});
