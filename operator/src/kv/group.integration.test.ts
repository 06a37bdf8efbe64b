// The plan of a group and its executor against processes of our own server: a client that waits for a replica loses no write while
// primaries are killed, stand still or are stopped, and one that comes back, or wakes up, follows.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { NodeObservation, PodView } from "../topology/cluster-view.ts";
import type { GroupRecord } from "../topology/group-view.ts";
import type { Plan } from "../topology/plan.ts";
import { planGroup } from "../topology/plan-group.ts";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode } from "./node-connection.ts";
import { observeMember } from "./observe-member.ts";

const SERVER = join(import.meta.dirname, "../../../server/bin/kv-server");
const LEASE_SECONDS = 4;
const LIMIT_MS = 60_000;
const TIMES = { connectTimeoutMs: 500, commandTimeoutMs: 700 };

interface Member {
  readonly pod: string;
  readonly ordinal: number;
  /** Each has its own: a replica is known by the host that it follows. */
  readonly host: string;
  readonly port: number;
  process: ChildProcess | undefined;
}

/** Passes over the servers, with the record that a status would keep; what every member says it would take is noted too. */
class Group {
  readonly members: Member[] = [];
  readonly written: string[] = [];
  directory = "";
  record: GroupRecord = { primary: undefined, replicationId: undefined, copies: [] };

  async start(count: number): Promise<void> {
    this.directory = await mkdtemp(join(tmpdir(), "kv-group-"));
    const ports = await freePorts(count);
    for (const [ordinal, port] of ports.entries()) {
      const member: Member = {
        pod: `kv-0-${ordinal}`,
        ordinal,
        host: `127.0.0.${ordinal + 11}`,
        port,
        process: undefined,
      };
      await mkdir(join(this.directory, member.pod), { recursive: true });
      this.members.push(member);
      this.run(member);
    }
  }

  run(member: Member): void {
    const options = {
      ...{
        port: member.port,
        "admin-port": 0,
        bind: member.host,
        dir: join(this.directory, member.pod),
        save: "3600 1",
      },
      ...{ "group-lease": LEASE_SECONDS, "repl-diskless-sync-delay": 0, "replica-announce-ip": member.host },
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    member.process = spawn(SERVER, args, { stdio: "ignore" });
  }

  async end(): Promise<void> {
    for (const { process: child } of this.members) child?.kill("SIGKILL");
    await rm(this.directory, { recursive: true, force: true });
  }

  async ask(member: Member, ...words: readonly string[]): Promise<unknown> {
    const connection = await connectNode(endpointOf(member), TIMES);
    return await connection.command(...words).finally(() => connection.close());
  }

  async pass(): Promise<Plan> {
    const pods = await Promise.all(this.members.map((member) => this.#view(member)));
    const spec = { replicas: this.members.length - 1, leaseSeconds: LEASE_SECONDS };
    const plan = planGroup({ pods, record: this.record, unfenced: new Set() }, spec);
    for (const action of [plan.group?.renewal, ...plan.actions]) {
      const member = this.members.find(({ pod }) => pod === action?.pod);
      if (member === undefined || action === undefined) continue;
      const session = await openKvSession(endpointOf(member));
      await session.execute(action).finally(() => session.close());
    }
    this.record = plan.group?.record ?? this.record;
    return plan;
  }

  async until(holds: (plan: Plan) => boolean | Promise<boolean>): Promise<void> {
    const endMs = Date.now() + LIMIT_MS;
    for (;;) {
      const plan = await this.pass().catch(() => undefined);
      if (plan !== undefined && (await holds(plan))) return;
      if (Date.now() > endMs)
        throw new Error(`Not done: ${JSON.stringify([plan?.actions, plan?.waits, plan?.problems])}`);
      await delay(100);
    }
  }

  get settled(): Promise<void> {
    return this.until((plan) => plan.isSettled);
  }

  leader(): Member {
    const found = this.members.find(({ pod }) => pod === this.record.primary);
    if (found === undefined) throw new Error("nobody leads");
    return found;
  }

  /** Whether it was taken, and a replica has it. */
  async write(member: Member): Promise<boolean> {
    const key = `key:${this.written.length}`;
    const connection = await connectNode(endpointOf(member), TIMES).catch(() => undefined);
    try {
      await connection?.command("SET", key, key);
      if (!(Number(await connection?.command("WAIT", 1, 500)) >= 1)) return false;
      this.written.push(key);
      return true;
    } catch {
      return false;
    } finally {
      connection?.close();
    }
  }

  async writeSome(): Promise<void> {
    for (let count = 0; count < 20; count++) expect(await this.write(this.leader())).toBe(true);
  }

  async expectAllWrites(): Promise<void> {
    const values = (await this.ask(this.leader(), "MGET", ...this.written)) as readonly unknown[];
    expect(values.map(String)).toEqual(this.written);
  }

  async #view(member: Member): Promise<PodView> {
    const { pod, ordinal, host, port, process: child } = member;
    const address = { ip: host, port, busPort: 0, hostname: undefined };
    const isGone = child === undefined || child.exitCode !== null || child.signalCode !== null;
    const node = await observe(member).catch(() => undefined);
    return { pod, shard: 0, ordinal, process: isGone ? "Gone" : "Running", address, node };
  }
}

const endpointOf = ({ host, port }: Member) => ({ host, port, password: undefined });

async function observe(member: Member): Promise<NodeObservation> {
  const connection = await connectNode(endpointOf(member), TIMES);
  return await observeMember(connection).finally(() => connection.close());
}

let group = new Group();
afterEach(async () => {
  await group.end();
  group = new Group();
});

describe("a group of our servers", { timeout: 3 * LIMIT_MS }, () => {
  it("gets a primary, and a killed one is replaced by its best copy; it comes back as a replica", async () => {
    await group.start(3);
    await group.settled;
    await group.writeSome();
    const old = group.leader();
    old.process?.kill("SIGKILL");
    await group.until(() => group.write(group.leader()));
    expect(group.leader()).not.toBe(old);
    await group.expectAllWrites();
    group.run(old);
    await group.settled;
    expect(await group.ask(old, "ROLE")).toMatchObject({ 0: Buffer.from("slave") });
    await expect(group.ask(old, "SET", "k", "v")).rejects.toThrow("READONLY");
    await group.writeSome();
    await group.expectAllWrites();
  });

  it("replaces a primary that stands still only when its lease is over, and that takes no write when it wakes up", async () => {
    await group.start(2);
    await group.settled;
    await group.writeSome();
    const old = group.leader();
    const other = group.members.find((member) => member !== old) as Member;
    old.process?.kill("SIGSTOP");
    const startMs = Date.now();
    await group.until(async () => String(await group.ask(other, "INFO", "replication")).includes("role:master"));
    expect(Date.now() - startMs).toBeGreaterThan(LEASE_SECONDS * 1000);
    old.process?.kill("SIGCONT");
    await expect(group.ask(old, "SET", "late", "1")).rejects.toThrow("READONLY");
    await group.settled;
    await group.writeSome();
    expect(group.leader()).toBe(other);
    await group.expectAllWrites();
    expect(await group.ask(other, "EXISTS", "late")).toBe(0);
  });

  it("comes back with its data when all are killed at once", async () => {
    await group.start(3);
    await group.settled;
    await group.writeSome();
    for (const member of group.members) await group.ask(member, "SAVE");
    for (const member of group.members) member.process?.kill("SIGKILL");
    await delay(200);
    for (const member of group.members) group.run(member);
    await group.settled;
    await group.expectAllWrites();
    await group.writeSome();
  });

  it("takes writes without the operator while a replica follows, and none without both", async () => {
    await group.start(2);
    await group.settled;
    const leader = group.leader();
    await delay(1000 * (LEASE_SECONDS + 2));
    expect(await group.write(leader)).toBe(true);
    group.members.find((member) => member !== leader)?.process?.kill("SIGKILL");
    await delay(1000 * (LEASE_SECONDS + 2));
    await expect(group.ask(leader, "SET", "k", "v")).rejects.toThrow("READONLY");
    await group.until((plan) => plan.group?.renewal !== undefined);
    expect(await group.ask(leader, "SET", "k", "v")).toBe("OK");
  });
});
