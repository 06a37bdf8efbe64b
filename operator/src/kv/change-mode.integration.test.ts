// From a group to a cluster in place, with processes of our own server: the plans and the executor, with what StatefulSets and
// volumes do in Kubernetes done here. A client writes all the time, and every write that was acknowledged is there in the end.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Action } from "../topology/action.ts";
import type { PodView } from "../topology/cluster-view.ts";
import type { GroupRecord } from "../topology/group-view.ts";
import { type Plan, plan } from "../topology/plan.ts";
import { planGroup } from "../topology/plan-group.ts";
import { afterSave, type ModeStep, planModeChange } from "../topology/plan-mode-change.ts";
import { countSlots } from "../topology/slot-range.ts";
import { freePorts } from "./free-ports.ts";
import { type KvSession, openKvSession } from "./kv-session.ts";
import { connectNode, type NodeConnection } from "./node-connection.ts";
import { ask, PROGRAMS, triedServers } from "./tried-servers.ts";

const [[, SERVER]] = PROGRAMS;
const LEASE_SECONDS = 4;
const LIMIT_MS = 90_000;
const TIMES = { connectTimeoutMs: 500, commandTimeoutMs: 2_000 };

interface Server {
  readonly pod: string;
  readonly shard: number;
  readonly ordinal: number;
  /** Each has its own: a replica is known by the host that it follows. */
  readonly host: string;
  readonly port: number;
  readonly bus: number;
  process: ChildProcess;
}

const tried = triedServers();
const endpointOf = ({ host, port }: { readonly host: string; readonly port: number }) => ({
  ...{ host, port, password: undefined },
});

class World {
  readonly servers: Server[] = [];
  readonly written = new Map<string, string>();
  readonly #directory: string;
  /** What servers are started as from now on. */
  mode: "Standalone" | "Replication" | "Cluster";
  save = "3600 1";
  record: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };
  /** Called with each step before it is taken. */
  onStep: (step: ModeStep) => unknown = () => undefined;
  steps: ModeStep["kind"][] = [];

  constructor(directory: string, mode: World["mode"]) {
    this.#directory = directory;
    this.mode = mode;
  }

  async add(shard: number, ordinal: number): Promise<void> {
    const host = `127.0.${shard + 1}.${ordinal + 11}`;
    const [port = 0, bus = 0] = await freePorts(2, host);
    const known = { pod: `kv-${shard}-${ordinal}`, shard, ordinal, host, port, bus };
    await mkdir(join(this.#directory, known.pod), { recursive: true });
    this.servers.push({ ...known, process: this.#run(known) });
  }

  restart(server: Server): void {
    server.process = this.#run(server);
  }

  #run({ pod, host, port, bus }: Omit<Server, "process">): ChildProcess {
    const byMode = {
      Standalone: { "replica-announce-ip": host },
      Replication: { "replica-announce-ip": host, "group-lease": LEASE_SECONDS },
      Cluster: { "cluster-enabled": "yes", "cluster-announce-ip": host, "cluster-node-timeout": 3000 },
    };
    const options = {
      ...{ port, "cluster-port": bus, "admin-port": 0, bind: host, dir: join(this.#directory, pod), save: this.save },
      ...{ "repl-diskless-sync-delay": 0, "cluster-allow-replica-migration": "no", ...byMode[this.mode] },
    };
    return tried.start(
      SERVER,
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    );
  }

  /** One pass of the operator. */
  async pass(shards: number): Promise<Plan> {
    const sessions = new Map<string, KvSession>();
    const pods = await Promise.all(this.servers.map((server) => this.#observe(server, sessions)));
    try {
      return this.mode === "Cluster"
        ? await this.#passOfCluster(pods, sessions, shards)
        : await this.#passOfGroup(pods, sessions, shards > 0);
    } finally {
      for (const session of sessions.values()) session.close();
    }
  }

  async #passOfGroup(
    pods: readonly PodView[],
    sessions: ReadonlyMap<string, KvSession>,
    isWanted: boolean,
  ): Promise<Plan> {
    const spec = { replicas: pods.length - 1, leaseSeconds: LEASE_SECONDS };
    const next = planGroup({ pods, record: this.record, unfenced: new Set() }, spec);
    const { renewal } = next.group ?? {};
    if (renewal !== undefined) await sessions.get(renewal.pod)?.execute(renewal);
    const step: ModeStep = isWanted
      ? planModeChange({ plan: next, size: pods.length, obstacle: undefined })
      : { kind: "due", message: "" };
    if (this.steps.at(-1) !== step.kind) this.steps.push(step.kind);
    await this.onStep(step);
    if (step.kind === "save") await this.#save(next, step.notes, sessions);
    else if (step.kind === "restart") {
      for (const note of step.notes) await sessions.get(note.pod)?.execute(note);
      await this.#restartAsCluster();
    } else for (const action of next.actions) await sessions.get(action.pod)?.execute(action);
    this.record = next.group?.record ?? this.record;
    return next;
  }

  async #save(next: Plan, notes: readonly Action[], sessions: ReadonlyMap<string, KvSession>): Promise<void> {
    for (const note of notes) await sessions.get(note.pod)?.execute(note);
    const states = await Promise.all([...sessions.values()].map((session) => session.pauseAndSave()));
    if (!states.every((state) => state === "saved")) return;
    const then = afterSave(next);
    if (then.kind === "restart") await this.#restartAsCluster();
    else for (const action of then.holds) await sessions.get(action.pod)?.execute(action);
  }

  async #restartAsCluster(): Promise<void> {
    this.mode = "Cluster";
    for (const server of this.servers) {
      const { process: child } = server;
      const isGone = child.exitCode !== null || child.signalCode !== null;
      const end = isGone ? undefined : once(child, "exit");
      child.kill("SIGTERM");
      await end;
    }
    for (const server of this.servers) this.restart(server);
  }

  async #passOfCluster(
    pods: readonly PodView[],
    sessions: ReadonlyMap<string, KvSession>,
    shards: number,
  ): Promise<Plan> {
    const fixed = { replicasPerShard: 1, isFormed: true, isEphemeral: false, isBackupRunning: false };
    const next = plan({ pods }, { shards, ...fixed, takeoverAfterSeconds: 60 });
    for (const action of next.actions) {
      await sessions
        .get(action.pod)
        ?.execute(action)
        .catch(() => undefined);
    }
    return next;
  }

  async #observe(server: Server, sessions: Map<string, KvSession>): Promise<PodView> {
    const { pod, shard, ordinal, host, port, bus, process: child } = server;
    const isGone = child.exitCode !== null || child.signalCode !== null;
    const address = { ip: host, port, busPort: bus, hostname: undefined };
    const known = { pod, shard, ordinal, process: isGone ? ("Gone" as const) : ("Running" as const), address };
    try {
      const session = await openKvSession(endpointOf(server));
      sessions.set(pod, session);
      const node = await (this.mode === "Cluster" ? session.observe() : session.observeMember());
      return { ...known, node };
    } catch {
      return { ...known, node: undefined };
    }
  }

  async until(shards: number, holds: (plan: Plan) => unknown): Promise<void> {
    const endMs = Date.now() + LIMIT_MS;
    for (let last: unknown; ; await delay(150)) {
      try {
        const next = await this.pass(shards);
        if (holds(next)) return;
        last = [next.actions, next.waits, next.problems];
      } catch (error) {
        last = error;
      }
      if (Date.now() > endMs) throw new Error(`Not done: ${JSON.stringify(last)} ${last}`);
    }
  }

  /** A client that goes from server to server, and where it is sent; nothing that has no answer is repeated. */
  async writeWhile(work: () => Promise<void>): Promise<void> {
    const client = new Client(this);
    let isDone = false;
    const writing = (async () => {
      while (!isDone) {
        const key = `key:${this.written.size}:${client.attempts++}`;
        if ((await client.send("SET", key, key)) === "OK") this.written.set(key, key);
      }
      client.close();
    })();
    await work().finally(() => {
      isDone = true;
      return writing;
    });
  }

  async expectAllWrites(): Promise<void> {
    expect(this.written.size).toBeGreaterThan(100);
    const client = new Client(this);
    for (const [key, value] of this.written) {
      await expect.poll(async () => String(await client.send("GET", key)), { timeout: 10_000 }).toBe(value);
    }
    client.close();
  }
}

class Client {
  readonly #world: World;
  readonly #connections = new Map<string, NodeConnection>();
  #at: { readonly host: string; readonly port: number } | undefined;
  attempts = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Undefined where there was no answer, or none that says that it was done. */
  async send(...words: readonly string[]): Promise<unknown> {
    const at = this.#at ?? (this.#world.servers[this.attempts % this.#world.servers.length] as Server);
    const name = `${at.host}:${at.port}`;
    try {
      const connection = this.#connections.get(name) ?? (await connectNode(endpointOf(at), TIMES));
      this.#connections.set(name, connection);
      const reply = await connection.command(...words);
      this.#at = at;
      return reply;
    } catch (error) {
      const moved = /MOVED \d+ ([^ :]+):(\d+)/.exec((error as Error).message);
      if (moved === null) {
        this.#connections.get(name)?.close();
        this.#connections.delete(name);
        this.#at = undefined;
        this.attempts++;
        await delay(20);
        return undefined;
      }
      this.#at = { host: moved[1] ?? "", port: Number(moved[2]) };
      return await this.send(...words);
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }
}

async function begin(mode: "Standalone" | "Replication", count: number, save?: string): Promise<World> {
  const world = new World(await tried.directory(), mode);
  if (save !== undefined) world.save = save;
  for (let ordinal = 0; ordinal < count; ordinal++) await world.add(0, ordinal);
  await world.until(0, (next) => next.isSettled);
  return world;
}

const isWhole = (next: Plan, shards: number) =>
  next.isSettled &&
  next.survey.unassigned.length === 0 &&
  next.survey.shards.filter(({ owners }) => owners.length === 1).length === shards;

describe("a group of our servers that becomes a cluster", { timeout: 3 * LIMIT_MS }, () => {
  it("keeps every acknowledged write, and shares its slots out to further shards", async () => {
    const world = await begin("Replication", 2);
    const [first] = world.servers as [Server];
    const leader = world.servers.find(({ pod }) => pod === world.record.primary) as Server;
    await world.writeWhile(async () => {
      await delay(500);
      await world.until(1, (next) => world.mode === "Cluster" && isWhole(next, 1));
      const roles = await Promise.all(
        world.servers.map(async (server) => String(await ask(endpointOf(server), "ROLE"))),
      );
      expect(roles.filter((role) => role.startsWith("master"))).toHaveLength(1);
      for (const shard of [1, 2]) for (const ordinal of [0, 1]) await world.add(shard, ordinal);
      await world.until(3, (next) => isWhole(next, 3));
    });
    await world.until(3, (next) => isWhole(next, 3));
    expect(leader.pod).toMatch(/^kv-0-/);
    await world.expectAllWrites();
    const last = await world.pass(3);
    expect([...last.survey.slotsOf.values()].map(countSlots).sort()).toEqual([5461, 5461, 5462]);
    expect(String(await ask(endpointOf(first), "CLUSTER", "INFO"))).toContain("cluster_state:ok");
  });

  it.each([
    ["with save points", "3600 1"],
    ["that saves nothing by itself", ""],
  ])("of one server alone %s keeps every acknowledged write", async (_, save) => {
    const world = await begin("Standalone", 1, save);
    await world.writeWhile(async () => {
      await delay(500);
      await world.until(1, (next) => world.mode === "Cluster" && isWhole(next, 1));
    });
    await world.expectAllWrites();
  });

  it("is found again when all servers are killed at the last step, and when one is in between", async () => {
    const world = await begin("Replication", 3, "");
    let kills = 0;
    world.onStep = async ({ kind }) => {
      // Saved and held once: it goes on as a group, with what it had. Then they die with all that was noted.
      if (kind !== "restart" || kills > 1) return;
      const victims = kills === 0 ? world.servers.slice(0, 1) : world.servers;
      kills++;
      for (const { process: child } of victims) {
        const end = once(child, "exit");
        child.kill("SIGKILL");
        await end;
      }
      for (const server of victims) world.restart(server);
      throw new Error("and the operator with them");
    };
    await world.writeWhile(async () => {
      await delay(300);
      await world.until(1, (next) => world.mode === "Cluster" && isWhole(next, 1));
    });
    expect(kills).toBe(2);
    await world.expectAllWrites();
  });

  it("is not held, nor restarted, while keys are in other databases", async () => {
    const world = await begin("Replication", 2);
    const leader = world.servers.find(({ pod }) => pod === world.record.primary) as Server;
    const connection = await connectNode(endpointOf(leader), TIMES);
    await connection.command("SELECT", 3);
    await connection.command("SET", "elsewhere", "1");
    const processes = world.servers.map(({ process: child }) => child);
    for (let round = 0; round < 10; round++) await world.pass(1);
    expect(world.steps.at(-1)).toBe("refused");
    expect(world.servers.map(({ process: child }) => child)).toEqual(processes);
    expect(await connection.command("SET", "elsewhere", "2")).toBe("OK");
    await connection.command("MOVE", "elsewhere", 0);
    connection.close();
    await world.until(1, (next) => world.mode === "Cluster" && isWhole(next, 1));
    expect(String(await new Client(world).send("GET", "elsewhere"))).toBe("2");
  });
});
