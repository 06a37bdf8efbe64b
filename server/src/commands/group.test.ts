/** Servers whose roles are given to them: what they do until then, for how long a primary takes writes, and who is believed. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { type OwnServer, startOwnServerWith } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const LEASE_MS = 10_000;
const PATIENCE = { timeout: 10_000 };
const READONLY = "-READONLY You can't write against a read only replica.\r\n";
const MASTERDOWN = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Member {
  readonly server: OwnServer;
  readonly say: (...words: readonly string[]) => Promise<string>;
  /** GROUP with a ticket of now. */
  readonly group: (...words: readonly string[]) => Promise<string>;
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-group-"));
  stops.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function member(clock: FakeClock, ...directives: readonly string[]): Promise<Member> {
  const fixed = ["--group-lease", String(LEASE_MS / 1000), "--repl-diskless-sync-delay", "0"];
  const server = await startOwnServerWith(clock, ...fixed, ...directives);
  stops.push(() => server.stop());
  const client = await RawClient.connect(server.port);
  stops.push(() => client.close());
  const say = (...words: readonly string[]) => client.text(...words);
  const ticket = () => String(server.context.replication.lease.ticket);
  return { server, say, group: (...words) => say("GROUP", ...words, ticket()) };
}

/** Lets a little time pass until that is so. */
function arrive(clock: FakeClock, holds: () => unknown) {
  const look = () => {
    clock.advance(1);
    return holds();
  };
  return expect.poll(look, { ...PATIENCE, interval: 1 });
}

async function pairOf(clock: FakeClock, ...ofFirst: readonly string[]): Promise<readonly [Member, Member]> {
  const [first, second] = [await member(clock, ...ofFirst), await member(clock)];
  await first.group("LEAD");
  await second.group("FOLLOW", "127.0.0.1", String(first.server.port));
  await arrive(clock, () => second.server.context.replication.link?.isUp).toBe(true);
  await first.group("RENEW");
  return [first, second];
}

/** Time goes on in both, by steps in which what they say to each other arrives. */
async function live(clock: FakeClock, [first, second]: readonly [Member, Member], seconds: number): Promise<void> {
  const { replicas } = first.server.context.replication;
  for (let passed = 0; passed < seconds; passed++) {
    const { heardMs } = replicas.heartbeat;
    clock.advance(990);
    await arrive(clock, () => replicas.heartbeat.heardMs).toBeGreaterThan(heardMs);
  }
  expect(second.server.context.replication.link?.isUp).toBe(true);
}

describe("a server that waits for its role", () => {
  test("neither writes nor reads nor is copied, and says so", async () => {
    const { say, server } = await member(new FakeClock());
    expect(await say("SET", "k", "v")).toBe(READONLY);
    expect(await say("GET", "k")).toBe(MASTERDOWN);
    expect(await say("PSYNC", "?", "-1")).toBe(MASTERDOWN);
    expect(await say("ROLE")).toContain("slave");
    const info = await say("INFO", "replication");
    expect(info).toContain("group_state:held\r\n");
    expect(info).toContain("master_link_status:down\r\n");
    expect(server.context.replication.isHeld).toBe(true);
  });

  test("takes no writes where its replicas may", async () => {
    const { say } = await member(new FakeClock(), "--replica-read-only", "no");
    expect(await say("SET", "k", "v")).toBe(READONLY);
  });

  test("has its data over a restart, with its place in the stream", async () => {
    const clock = new FakeClock();
    const directory = temporaryDirectory();
    const [first] = await pairOf(clock, "--dir", directory);
    await first.say("SET", "k", "v");
    expect(await first.say("SAVE")).toBe("+OK\r\n");
    const { id, offset } = first.server.context.replication.history;
    const again = await member(clock, "--dir", directory);
    expect(again.server.context.replication.history).toMatchObject({ id, offset });
    expect(await again.say("DBSIZE")).toBe(MASTERDOWN);
    await again.group("LEAD");
    expect(await again.say("GET", "k")).toBe("$1\r\nv\r\n");
  });

  test("says for how long it has waited since it was told so the last time", async () => {
    const clock = new FakeClock();
    const { group, server } = await member(clock);
    clock.advance(3000);
    expect(server.context.replication.heldForMs).toBe(3000);
    await group("HOLD");
    clock.advance(100);
    expect(server.context.replication.heldForMs).toBe(100);
    await group("LEAD");
    clock.advance(1000);
    await group("HOLD");
    clock.advance(500);
    expect(server.context.replication.heldForMs).toBe(500);
  });
});

describe("the lease of a primary", () => {
  test("ends without operator and replicas; it takes no writes then, and goes on reading", async () => {
    const clock = new FakeClock();
    const { say, group } = await member(clock);
    await group("LEAD");
    expect(await say("SET", "k", "v")).toBe("+OK\r\n");
    clock.advance(LEASE_MS - 1);
    expect(await say("SET", "k", "w")).toBe("+OK\r\n");
    clock.advance(1);
    expect(await say("SET", "k", "x")).toBe(READONLY);
    expect(await say("EVAL", "return redis.call('SET', 'k', 'y')", "0")).toContain("READONLY");
    expect(await say("GET", "k")).toBe("$1\r\nw\r\n");
    expect(await group("RENEW")).toBe("+OK\r\n");
    expect(await say("SET", "k", "x")).toBe("+OK\r\n");
  });

  test("goes on while a replica of the group follows, and ends when that is held", async () => {
    const clock = new FakeClock();
    const pair = await pairOf(clock);
    const [first, second] = pair;
    await live(clock, pair, 25);
    expect(await first.say("SET", "k", "v")).toBe("+OK\r\n");
    await second.group("HOLD");
    expect(await second.say("GET", "k")).toBe(MASTERDOWN);
    clock.advance(LEASE_MS);
    expect(await first.say("SET", "k", "w")).toBe(READONLY);
  });

  test("does not go on for a replica that is not of the group: it may follow whom it likes", async () => {
    const clock = new FakeClock();
    const { say, group, server } = await member(clock, "--min-replicas-max-lag", "60");
    await group("LEAD");
    const stranger = await startOwnServerWith(
      clock,
      "--repl-timeout",
      "3600",
      "--replicaof",
      `127.0.0.1 ${server.port}`,
    );
    stops.push(() => stranger.stop());
    await arrive(clock, () => stranger.context.replication.link?.isUp).toBe(true);
    const { replicas } = server.context.replication;
    await arrive(clock, () => replicas.sessions[0]?.state).toBe("online");
    clock.advance(1000);
    const { offset } = server.context.replication;
    clock.advance(990);
    await arrive(clock, () => replicas.sessions[0]?.acknowledgedOffset).toBeGreaterThanOrEqual(offset);
    clock.advance(LEASE_MS - 1);
    expect(replicas.goodCount).toBe(1);
    expect(await say("SET", "k", "v")).toBe(READONLY);
  });
});

describe("GROUP", () => {
  test("believes no ticket that is too old, or not of this server", async () => {
    const clock = new FakeClock();
    const { say, server } = await member(clock);
    const { ticket } = server.context.replication.lease;
    clock.advance(LEASE_MS / 2);
    const old = "-ERR GROUP ticket is too old.\r\n";
    expect(await say("GROUP", "LEAD", String(ticket))).toBe(old);
    expect(await say("GROUP", "LEAD", String(ticket + LEASE_MS))).toBe(old);
    expect(await say("GROUP", "FOLLOW", "127.0.0.1", "1", String(ticket))).toBe(old);
    expect(await say("GROUP", "LEAD", String(ticket + 1))).toBe("+OK\r\n");
    expect(await say("GROUP", "RENEW", String(ticket))).toBe(old);
    expect(await say("GROUP", "HOLD", String(ticket))).toBe(old);
  });

  test("makes only one that waits the primary: a replica may have been left out of the choice", async () => {
    const [first, second] = await pairOf(new FakeClock());
    const refusal = "-ERR GROUP LEAD needs a server that waits for its role.\r\n";
    expect(await second.group("LEAD")).toBe(refusal);
    expect(await first.group("LEAD")).toBe(refusal);
    expect(await second.group("RENEW")).toBe("-ERR GROUP RENEW needs a primary.\r\n");
  });

  test("is for servers with group-lease, and those take no REPLICAOF", async () => {
    const clock = new FakeClock();
    const plain = await member(clock, "--group-lease", "0");
    expect(await plain.say("GROUP", "HOLD", "1")).toBe("-ERR GROUP needs group-lease to be set.\r\n");
    expect(await plain.say("SET", "k", "v")).toBe("+OK\r\n");
    const { say } = await member(clock);
    const refusal = "-ERR REPLICAOF not allowed where roles are given by GROUP.\r\n";
    expect(await say("REPLICAOF", "NO", "ONE")).toBe(refusal);
    expect(await say("REPLICAOF", "127.0.0.1", "1")).toBe(refusal);
  });
});

describe("GROUP NODES", () => {
  const NODES = [
    `${"a".repeat(40)} 10.0.0.1:6379@16379,kv-0-0.example myself,master - 0 0 1 connected 0-16383`,
    `${"b".repeat(40)} 10.0.0.2:6379@16379,kv-0-1.example slave ${"a".repeat(40)} 0 0 1 connected`,
    "vars currentEpoch 1 lastVoteEpoch 0\n",
  ].join("\n");

  async function inDirectory(...directives: readonly string[]) {
    const clock = new FakeClock();
    const directory = temporaryDirectory();
    const file = path.join(directory, "nodes.conf");
    return { ...(await member(clock, "--dir", directory, ...directives)), file, clock };
  }

  test("writes what this server will start with in a cluster, and writes it anew", async () => {
    const { say, group, file, server, clock } = await inDirectory();
    expect(await say("GROUP", "NODES", NODES)).toBe("-ERR syntax error\r\n");
    const { ticket } = server.context.replication.lease;
    expect(await say("GROUP", "NODES", NODES, String(ticket - LEASE_MS))).toBe("-ERR GROUP ticket is too old.\r\n");
    expect(existsSync(file)).toBe(false);
    expect(await group("NODES", NODES.replace("10.0.0.1", "10.0.0.3"))).toBe("+OK\r\n");
    clock.advance(1);
    expect(await group("NODES", NODES)).toBe("+OK\r\n");
    expect(readFileSync(file, "latin1")).toBe(NODES);
  });

  test("lets a server that waits for its role have no other by what was decided before", async () => {
    const clock = new FakeClock();
    const { say, group, server } = await member(clock, "--dir", temporaryDirectory());
    const before = String(server.context.replication.lease.ticket);
    clock.advance(100);
    expect(await group("NODES", NODES)).toBe("+OK\r\n");
    const old = "-ERR GROUP ticket is too old.\r\n";
    expect(await say("GROUP", "LEAD", before)).toBe(old);
    expect(await say("GROUP", "NODES", NODES, before)).toBe(old);
    clock.advance(1);
    expect(await group("LEAD")).toBe("+OK\r\n");
    expect(await group("NODES", NODES)).toBe("+OK\r\n");
    expect(await group("RENEW")).toBe("+OK\r\n");
  });

  test("takes no text that would keep it from starting", async () => {
    const { group, file } = await inDirectory();
    expect(await group("NODES", "garbage")).toBe("-ERR GROUP NODES: line 1: 1 fields where at least 8 are needed\r\n");
    expect(await group("NODES", NODES.replace("myself,", ""))).toBe('-ERR GROUP NODES: no node is marked "myself"\r\n');
    expect(existsSync(file)).toBe(false);
  });

  test("is for a server alone too, and not for one that is in a cluster", async () => {
    const { say, file } = await inDirectory("--group-lease", "0");
    expect(await say("GROUP", "NODES", NODES)).toBe("+OK\r\n");
    expect(readFileSync(file, "latin1")).toBe(NODES);
    const node = await inDirectory("--group-lease", "0", "--cluster-enabled", "yes");
    expect(await node.say("GROUP", "NODES", NODES)).toBe("-ERR GROUP NODES is for servers outside of a cluster.\r\n");
  });

  test("is refused while there are keys that a cluster has no place for", async () => {
    const { say, file } = await inDirectory("--group-lease", "0");
    await say("SELECT", "1");
    await say("SET", "k", "v");
    expect(await say("GROUP", "NODES", NODES)).toBe(
      "-ERR GROUP NODES needs all keys in database 0, a cluster has no other.\r\n",
    );
    expect(existsSync(file)).toBe(false);
    await say("MOVE", "k", "0");
    expect(await say("GROUP", "NODES", NODES)).toBe("+OK\r\n");
  });
});

describe("FAILOVER in a group", () => {
  test("hands over with a lease, and the old primary follows", async () => {
    const clock = new FakeClock();
    const [first, second] = await pairOf(clock);
    await first.say("SET", "k", "v");
    expect(await first.say("FAILOVER", "TO", "127.0.0.1", String(second.server.port), "TIMEOUT", "5000")).toBe(
      "+OK\r\n",
    );
    await arrive(clock, () => second.server.context.replication.isReplica).toBe(false);
    expect(await second.say("SET", "k", "w")).toBe("+OK\r\n");
    await arrive(clock, () => first.server.context.replication.link?.isUp).toBe(true);
    expect(first.server.context.replication.isHeld).toBe(false);
  });

  test("is not taken up by a replica that is held: another may have been chosen", async () => {
    const clock = new FakeClock();
    const [first, second] = await pairOf(clock);
    const { history } = second.server.context.replication;
    expect(history.id).toBe(first.server.context.replication.history.id);
    await second.group("HOLD");
    expect(await second.say("PSYNC", history.id, String(history.offset + 1), "FAILOVER")).toBe(MASTERDOWN);
    expect(second.server.context.replication.isHeld).toBe(true);
  });

  test("that gets no answer leaves the old primary waiting for its role: the other may have taken over", async () => {
    const clock = new FakeClock();
    const [first, second] = await pairOf(clock);
    await first.say("FAILOVER", "TO", "127.0.0.1", String(second.server.port), "TIMEOUT", "5000");
    const { replication } = first.server.context;
    await arrive(clock, () => replication.failover.state).toBe("failover-in-progress");
    replication.failover.abort("as if the answer was lost");
    expect([replication.isHeld, replication.isReadOnly]).toEqual([true, true]);
  });
});
