/** A stand-alone primary has come back without its data: whether its replica copies that is a matter of a setting. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { FakePrimary, type Follower } from "../testing/fake-primary.ts";
import { type OwnServer, startOwnServerWith } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const PATIENCE = { timeout: 10_000 };
const CHECKSUM = Buffer.alloc(8);
const file = (text: string): Buffer => Buffer.concat([Buffer.from(`REDIS0010${text}\xff`, "latin1"), CHECKSUM]);
const AUX = "\xfa\x09redis-ver\x06" + "7.0.15";
const EMPTY = file(AUX);
const LIBRARY = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
const EMPTY_WITH_FUNCTIONS = file(`${AUX}\xf5\x40${String.fromCharCode(LIBRARY.length)}${LIBRARY}`);
const ONE_KEY = file(`${AUX}\xfe\x00\xfb\x01\x00\x00\x03new\x01v`);
const RETRY_MS = 2000;

const primary = new FakePrimary();
const clock = new FakeClock();
let replica: OwnServer;
let client: RawClient;
let attempts = 0;
let warnings: ReturnType<typeof vi.spyOn>;

beforeEach(async () => {
  warnings = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  await primary.start();
  replica = await startOwnServerWith(clock, "--replica-refuse-empty-primary", "yes");
  client = await RawClient.connect(replica.port);
});

afterEach(async () => {
  client.close();
  primary.stop();
  await replica.stop();
  warnings.mockRestore();
});

function sendTo({ socket }: Follower, snapshot: Buffer): void {
  const id = String(++attempts).padStart(40, "a");
  socket.write(Buffer.concat([Buffer.from(`+FULLRESYNC ${id} 1\r\n$${snapshot.length}\r\n`), snapshot]));
}

const state = () => replica.context.replication.link?.state;

async function follow(): Promise<Follower> {
  await client.command("REPLICAOF", "127.0.0.1", String(primary.port));
  return primary.follower();
}

describe("with replica-refuse-empty-primary", () => {
  test.each([
    ["of no keys", EMPTY],
    ["of functions alone", EMPTY_WITH_FUNCTIONS],
  ])("a replica that has keys does not take a snapshot %s, says why, and asks again later", async (_what, snapshot) => {
    await client.command("SET", "kept", "1");
    sendTo(await follow(), snapshot);
    await expect.poll(state, PATIENCE).toBe("connect");
    expect(await client.text("GET", "kept")).toBe("$1\r\n1\r\n");
    expect(String(warnings.mock.calls)).toContain("it has no keys, this replica has some");
    clock.advance(RETRY_MS);
    sendTo(await primary.follower(), ONE_KEY);
    await expect.poll(state, PATIENCE).toBe("connected");
    expect(await client.text("KEYS", "*")).toBe("*1\r\n$3\r\nnew\r\n");
  });

  test("one that has none takes it", async () => {
    sendTo(await follow(), EMPTY);
    await expect.poll(state, PATIENCE).toBe("connected");
  });

  test("one that is told otherwise meanwhile takes it, as a replica does without the setting", async () => {
    await client.command("SET", "given up", "1");
    sendTo(await follow(), EMPTY);
    await expect.poll(state, PATIENCE).toBe("connect");
    await client.command("CONFIG", "SET", "replica-refuse-empty-primary", "no");
    clock.advance(RETRY_MS);
    sendTo(await primary.follower(), EMPTY);
    await expect.poll(state, PATIENCE).toBe("connected");
    expect(await client.text("DBSIZE")).toBe(":0\r\n");
  });
});
