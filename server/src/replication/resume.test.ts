/**
 * A replica of a primary made for the test: where it goes on after its link broke, exactly behind what it has run, and what it
 * says of a stream it cannot follow.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, expect, test, vi } from "vitest";
import { type Clock, systemClock } from "../platform/clock.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { FakePrimary, type Follower } from "../testing/fake-primary.ts";
import { type OwnServer, startOwnServer, startOwnServerWith } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { FileSpool } from "./snapshot-spool.ts";

const ID = "a".repeat(40);
const START = 1000;
const MIB = 1 << 20;
const PATIENCE = { timeout: 10_000 };
const EMPTY_SNAPSHOT = Buffer.concat([Buffer.from("REDIS0010\xff", "latin1"), Buffer.alloc(8)]);

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function startPrimary(): Promise<FakePrimary> {
  const primary = new FakePrimary();
  await primary.start();
  stops.push(() => primary.stop());
  return primary;
}

/** Gives what is written instead. */
function silenceWarnings() {
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  stops.push(() => written.mockRestore());
  return written;
}

async function replicaOf(primary: FakePrimary, clock: Clock = systemClock): Promise<OwnServer> {
  const server = await startOwnServerWith(clock, "--replicaof", "127.0.0.1", String(primary.port));
  stops.push(() => server.stop());
  return server;
}

function sendSnapshot({ socket }: Follower, snapshot = EMPTY_SNAPSHOT): void {
  const head = `+FULLRESYNC ${ID} ${START}\r\n$${snapshot.length}\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), snapshot]));
}

test("a link that breaks inside a transaction goes on behind the last command before it", async () => {
  const primary = await startPrimary();
  const replica = await replicaOf(primary);
  const first = await primary.follower();
  expect(first.askedFor).toEqual(["?", "-1"]);
  const before = Buffer.concat(
    [
      ["SELECT", "0"],
      ["INCR", "outside"],
    ].map(encodeCommand),
  );
  const open = Buffer.concat([["MULTI"], ["INCR", "inside"]].map(encodeCommand));
  sendSnapshot(first);
  first.socket.write(Buffer.concat([before, open]));
  const client = await RawClient.connect(replica.port);
  stops.push(() => client.close());
  await expect.poll(() => client.text("GET", "outside"), PATIENCE).toBe("$1\r\n1\r\n");
  first.socket.destroy();

  const second = await primary.follower();
  expect(second.askedFor).toEqual([ID, String(START + before.length + 1)]);
  second.socket.write(Buffer.concat([Buffer.from("+CONTINUE\r\n"), open, encodeCommand(["EXEC"])]));
  await expect.poll(() => client.text("GET", "inside"), PATIENCE).toBe("$1\r\n1\r\n");
  expect(await client.text("GET", "outside")).toBe("$1\r\n1\r\n");
});

test("a lost link is tried again at once, then less and less often", async () => {
  const primary = await startPrimary();
  const clock = new FakeClock();
  const { replication } = (await replicaOf(primary, clock)).context;
  const first = await primary.follower();
  sendSnapshot(first);
  await expect.poll(() => replication.link?.state, PATIENCE).toBe("connected");
  let attempt = first;
  for (const waitMs of [25, 50, 100, 200]) {
    attempt.socket.destroy();
    await expect.poll(() => replication.link?.state, PATIENCE).toBe("connect");
    clock.advance(waitMs - 1);
    expect(replication.link?.state).toBe("connect");
    clock.advance(1);
    attempt = await primary.follower();
    expect(attempt.askedFor).toEqual([ID, String(START + 1)]);
  }
});

test("a full sync that breaks is asked for again after 2 s, then ever later, and at once after one that came through", async () => {
  const primary = await startPrimary();
  silenceWarnings();
  const clock = new FakeClock();
  const { replication } = (await replicaOf(primary, clock)).context;
  let attempt = await primary.follower();
  const failsAgainAfter = async (waitMs: number, fail: () => void): Promise<void> => {
    fail();
    await expect.poll(() => replication.link?.state, PATIENCE).toBe("connect");
    clock.advance(waitMs - 1);
    expect(replication.link?.state).toBe("connect");
    clock.advance(1);
    attempt = await primary.follower();
  };
  const breakInTheMiddle = async (): Promise<void> => {
    attempt.socket.write(`+FULLRESYNC ${ID} ${START}\r\n$100\r\nREDIS`);
    await expect.poll(() => replication.link?.state, PATIENCE).toBe("sync");
  };
  for (const waitMs of [2000, 4000, 8000]) {
    await breakInTheMiddle();
    await failsAgainAfter(waitMs, () => attempt.socket.destroy());
  }
  await failsAgainAfter(16_000, () => sendSnapshot(attempt, Buffer.from("REDIS0010 and nothing good")));
  for (const waitMs of [32_000, 64_000, 120_000, 120_000]) {
    await breakInTheMiddle();
    await failsAgainAfter(waitMs, () => attempt.socket.destroy());
  }
  await failsAgainAfter(25, () => attempt.socket.destroy());
  sendSnapshot(attempt);
  await expect.poll(() => replication.link?.state, PATIENCE).toBe("connected");
  await failsAgainAfter(25, () => attempt.socket.destroy());
  await breakInTheMiddle();
  await failsAgainAfter(2000, () => attempt.socket.destroy());
});

test("a command of the primary that fails is logged as a difference", async () => {
  const primary = await startPrimary();
  const written = silenceWarnings();
  await replicaOf(primary);
  const follower = await primary.follower();
  sendSnapshot(follower);
  follower.socket.write(encodeCommand(["NOSUCH", "key"]));
  await expect
    .poll(() => written.mock.calls.map(([text]) => String(text)).join(""), PATIENCE)
    .toMatch(/this replica may differ from it now: "ERR unknown command 'NOSUCH'/);
});

test("a replica whose snapshot cannot be loaded has no data to be elected with, until one can", async () => {
  const primary = await startPrimary();
  silenceWarnings();
  const { replication } = (await replicaOf(primary)).context;
  sendSnapshot(await primary.follower(), Buffer.from("REDIS0010 and nothing good"));
  await expect.poll(() => replication.dataAgeMs, PATIENCE).toBe(Number.POSITIVE_INFINITY);
  sendSnapshot(await primary.follower());
  await expect.poll(() => replication.dataAgeMs, PATIENCE).toBeLessThan(60_000);
});

test("while a save is behind, the stream waits with the primary, and the link stays up", async () => {
  const primary = await startPrimary();
  const replica = await replicaOf(primary);
  const follower = await primary.follower();
  const isBehind = vi.spyOn(replica.context.persistence, "isBehind", "get").mockReturnValue(true);
  sendSnapshot(follower);
  const client = await RawClient.connect(replica.port);
  stops.push(() => client.close());
  await expect.poll(() => client.text("INFO", "replication"), PATIENCE).toContain("master_link_status:up");
  const count = 20_000;
  const change = encodeCommand(["INCRBY", "sum", "1"]);
  follower.socket.write(encodeCommand(["SELECT", "0"]));
  for (let k = 0; k < count; k++) follower.socket.write(change);
  await expect.poll(() => client.text("EXISTS", "sum"), PATIENCE).toBe(":1\r\n");
  const held = (await client.text("GET", "sum")).split("\r\n")[1];
  expect(Number(held)).toBeLessThan(count);
  isBehind.mockReturnValue(false);
  await expect.poll(() => client.text("GET", "sum"), PATIENCE).toBe(`$5\r\n${count}\r\n`);
});

test("while the disk is behind with a snapshot, the rest of it waits with the primary, and the link stays up", async () => {
  const primary = await startPrimary();
  const isFull = vi.spyOn(FileSpool.prototype, "isFull", "get").mockReturnValue(true);
  stops.push(() => isFull.mockRestore());
  const clock = new FakeClock();
  const { replication } = (await replicaOf(primary, clock)).context;
  const snapshotBytes = 64 * MIB;
  const { socket } = await primary.follower();
  socket.write(`+FULLRESYNC ${ID} ${START}\r\n$${snapshotBytes}\r\n`);
  for (let sent = 0; sent < snapshotBytes; sent += MIB) socket.write(Buffer.alloc(MIB));
  const received = (): number => replication.link?.transfer?.readBytes ?? 0;
  await expect.poll(received, PATIENCE).toBeGreaterThan(0);
  const held = received();
  // Longer than the link may be silent.
  clock.advance(100_000);
  expect(replication.link?.state).toBe("sync");
  expect(received()).toBeLessThan(held + MIB);
  isFull.mockReturnValue(false);
  clock.advance(10);
  await expect.poll(received, PATIENCE).toBeGreaterThan(held + 32 * MIB);
});

test("a replica whose sync failed and that is promoted appends again", async () => {
  const primary = await startPrimary();
  silenceWarnings();
  const words = ["--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"];
  const replica = await startOwnServer(...words);
  stops.push(() => replica.stop());
  const client = await RawClient.connect(replica.port);
  stops.push(() => client.close());
  await client.text("SET", "old", "1");
  await client.text("REPLICAOF", "127.0.0.1", String(primary.port));
  sendSnapshot(await primary.follower(), Buffer.from("REDIS0010 and nothing good"));
  await expect.poll(() => replica.context.replication.dataAgeMs, PATIENCE).toBe(Number.POSITIVE_INFINITY);
  await client.text("REPLICAOF", "NO", "ONE");
  expect(await client.text("SET", "new", "1")).toBe("+OK\r\n");
  const info = (): Promise<string> => client.text("INFO", "persistence");
  await expect
    .poll(info, PATIENCE)
    .toMatch(/aof_rewrite_in_progress:0[\s\S]*aof_rewrite_scheduled:0[\s\S]*aof_rewrites:1/);
  expect(await client.text("DEBUG", "LOADAOF")).toBe("+OK\r\n");
  expect(await client.text("EXISTS", "old", "new")).toBe(":1\r\n");
  expect(await client.text("EXISTS", "new")).toBe(":1\r\n");
});

test("what is written after a failed sync and a promotion is a data set, and stays one whoever is followed next", async () => {
  const primary = await startPrimary();
  silenceWarnings();
  const replica = await replicaOf(primary);
  const client = await RawClient.connect(replica.port);
  stops.push(() => client.close());
  sendSnapshot(await primary.follower(), Buffer.from("REDIS0010 and nothing good"));
  await expect.poll(() => replica.context.replication.dataAgeMs, PATIENCE).toBe(Number.POSITIVE_INFINITY);
  expect(await client.text("SAVE")).toMatch(/^-ERR/);
  await client.text("REPLICAOF", "NO", "ONE");
  expect(await client.text("SET", "new", "1")).toBe("+OK\r\n");
  await client.text("REPLICAOF", "127.0.0.1", "1");
  expect(await client.text("SAVE")).toBe("+OK\r\n");
});

test("CLIENT KILL TYPE master ends the link, which is listed as a client, and it goes on where it was", async () => {
  const primary = await startPrimary();
  silenceWarnings();
  const replica = await replicaOf(primary);
  sendSnapshot(await primary.follower());
  const client = await RawClient.connect(replica.port);
  stops.push(() => client.close());
  const listed = () => client.text("CLIENT", "LIST", "TYPE", "master");
  await expect
    .poll(listed, PATIENCE)
    .toMatch(new RegExp(`addr=127.0.0.1:${primary.port} .* flags=M .* user=\\(superuser\\)`));
  expect(await client.text("CLIENT", "KILL", "TYPE", "master")).toBe(":1\r\n");
  expect((await primary.follower()).askedFor).toEqual([ID, String(START + 1)]);
});
