/**
 * `repl-diskless-load swapdb` on a replica of a primary made for the test: what redis-server and ours answer while a snapshot
 * is loaded beside the old data, one load a key so slow that there is time to ask.
 */

import type { Socket } from "node:net";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LiveKeyspace } from "../persistence/live-keyspace.ts";
import { ReferenceRedis } from "../persistence/reference-redis.ts";
import { FakePrimary } from "../testing/fake-primary.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const ID = "a".repeat(40);
const OTHER_ID = "b".repeat(40);
const START = 1000;
const PATIENCE = { timeout: 20_000 };
const KEYS = 1500;
const KEY_DELAY_US = "1000";
const SWAPPING = ["--repl-diskless-load", "swapdb", "--loading-process-events-interval-bytes", "1024"];
const LOADING = "-LOADING Redis is loading the dataset in memory\r\n";

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

/** Keys `all` with this value, `name` with the same, and enough others. */
function snapshot(name: string, fillers = KEYS): Buffer {
  const live = new LiveKeyspace();
  const put = (key: string, value: string): void => {
    const bytes = Buffer.from(key + value);
    live.keyspace.database(0).setString(bytes, 0, key.length, bytes, key.length, value.length, 0);
  };
  put("all", name);
  put(name, name);
  for (let k = 0; k < fillers; k++) put(`filler:${k}`, "value");
  return live.save();
}

function send(socket: Socket, file: Buffer, id: string, offset: number): void {
  socket.write(Buffer.concat([Buffer.from(`+FULLRESYNC ${id} ${offset}\r\n$${file.length}\r\n`), file]));
}

function silenceWarnings(): void {
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  stops.push(() => written.mockRestore());
}

interface Scene {
  readonly primary: FakePrimary;
  readonly client: RawClient;
  readonly port: number;
  /** The link on which the first snapshot came. */
  readonly first: Socket;
}

type Start = (...directives: string[]) => Promise<{ readonly port: number; stop(): Promise<void> }>;
const SERVERS: readonly (readonly [string, Start])[] = [
  ["ours", (...directives) => startOwnServer(...directives)],
  ["redis-server", (...directives) => ReferenceRedis.start(directives)],
];

async function info(client: RawClient, field: string): Promise<string> {
  const all = await client.text("INFO", "everything");
  return new RegExp(`^${field}:(.*)\r$`, "m").exec(all)?.[1] ?? "";
}

interface SceneOptions {
  readonly directives?: readonly string[];
  /** Of the second snapshot. */
  readonly id?: string;
  readonly file?: Buffer;
}

/** A replica that has the data `old`. */
async function loadFirst(start: Start, directives: readonly string[] = []): Promise<Scene> {
  const primary = new FakePrimary();
  await primary.start();
  stops.push(() => primary.stop());
  const server = await start(...SWAPPING, "--replicaof", "127.0.0.1", String(primary.port), ...directives);
  stops.push(() => server.stop());
  const { socket: first } = await primary.follower();
  send(first, snapshot("old"), ID, START);
  const client = await connect(server.port);
  await expect.poll(() => info(client, "master_link_status"), PATIENCE).toBe("up");
  return { primary, client, port: server.port, first };
}

/** The same, and it has begun to load a second snapshot. */
async function loadSecond(start: Start, options: SceneOptions = {}): Promise<Scene> {
  const { directives = [], id = ID, file = snapshot("new") } = options;
  const scene = await loadFirst(start, directives);
  const { primary, client, first } = scene;
  await client.text("CONFIG", "SET", "key-load-delay", KEY_DELAY_US);
  first.destroy();
  send((await primary.follower()).socket, file, id, START + 5000);
  const loads = async (): Promise<string> => (await info(client, "async_loading")) + (await info(client, "loading"));
  await expect.poll(loads, PATIENCE).toBe(id === ID ? "10" : "01");
  return scene;
}

/** At once: a server that loads looks after its clients now and then only. */
async function ask(client: RawClient, ...commands: readonly string[]): Promise<string[]> {
  client.write(Buffer.concat(commands.map((command) => encodeCommand(command.split(" ")))));
  return (await client.replies(commands.length)).map((reply) => reply.toString("latin1"));
}

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  stops.push(() => client.close());
  return client;
}

describe.each(SERVERS)("while %s loads beside served data", (_, start) => {
  test("reads get the old data, what may not run says so, and the new data is there at once", async () => {
    const { client, port } = await loadSecond(start);
    const answers: readonly (readonly [string, RegExp | string])[] = [
      ["GET all", "$3\r\nold\r\n"],
      ["GET new", "$-1\r\n"],
      ["DBSIZE", `:${KEYS + 2}\r\n`],
      ["PING", "+PONG\r\n"],
      ["SET a b", /^-READONLY /],
      ["BGSAVE", LOADING],
      ["SAVE", LOADING],
      ["BGREWRITEAOF", LOADING],
      ["REPLICAOF NO ONE", LOADING],
      ["PSYNC ? -1", LOADING],
      ["ROLE", /^\*5\r\n\$5\r\nslave\r\n/],
      ["CONFIG GET repl-diskless-load", /swapdb/],
      ["EVAL return(redis.call('GET','all')) 0", "$3\r\nold\r\n"],
      ["WATCH all", "+OK\r\n"],
      ["MULTI", "+OK\r\n"],
      ["GET all", "+QUEUED\r\n"],
      ["EXEC", "*1\r\n$3\r\nold\r\n"],
      ["MULTI", "+OK\r\n"],
      ["BGSAVE", LOADING],
      ["EXEC", /^-EXECABORT /],
    ];
    const got = await ask(client, ...answers.map(([command]) => command));
    expect(await info(client, "async_loading")).toBe("1");
    for (const [index, [command, expected]] of answers.entries()) {
      if (typeof expected === "string") expect([command, got[index]]).toEqual([command, expected]);
      else expect(got[index], command).toMatch(expected);
    }

    const [watching, tracking, idle] = [await connect(port), await connect(port), await connect(port)];
    await ask(watching, "WATCH all", "MULTI", "GET all");
    await ask(idle, "WATCH nowhere", "MULTI", "GET all");
    await ask(tracking, "HELLO 3", "CLIENT TRACKING on", "GET all");
    expect(await info(client, "async_loading")).toBe("1");
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    expect(await tracking.until("_\r\n")).toBe(">2\r\n$10\r\ninvalidate\r\n_\r\n");
    await expect.poll(() => info(client, "master_link_status"), PATIENCE).toBe("up");
    expect(await client.text("MGET", "all", "old", "new")).toBe("*3\r\n$3\r\nnew\r\n$-1\r\n$3\r\nnew\r\n");
    expect(await watching.text("EXEC")).toBe("*-1\r\n");
    expect(await idle.text("EXEC")).toBe("*1\r\n$3\r\nnew\r\n");
    expect((await info(client, "async_loading")) + (await info(client, "loading"))).toBe("00");
    expect(await info(client, "slave_repl_offset")).toBe(String(START + 5000));
  });

  test("a snapshot of another history is loaded beside data that is kept and not served", async () => {
    const { client } = await loadSecond(start, { id: OTHER_ID });
    expect(await client.text("GET", "all")).toBe(LOADING);
    expect(await client.text("REPLICAOF", "NO", "ONE")).toBe(LOADING);
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    await expect.poll(() => info(client, "master_link_status"), PATIENCE).toBe("up");
    expect(await client.text("GET", "all")).toBe("$3\r\nnew\r\n");
    expect(await info(client, "master_replid")).toBe(OTHER_ID);
  });

  test("a link that breaks in the middle of a snapshot leaves the old data", async () => {
    const { primary, client, first } = await loadFirst(start);
    first.destroy();
    const { socket: second } = await primary.follower();
    const file = snapshot("new");
    second.write(`+FULLRESYNC ${ID} ${START + 5000}\r\n$${file.length}\r\n`);
    second.write(file.subarray(0, file.length / 2));
    await expect.poll(() => info(client, "master_sync_in_progress"), PATIENCE).toBe("1");
    second.destroy();
    const { socket: third } = await primary.follower();
    expect(await client.text("MGET", "all", "new")).toBe("*2\r\n$3\r\nold\r\n$-1\r\n");
    send(third, snapshot("newer"), ID, START + 6000);
    await expect.poll(() => client.text("GET", "all"), PATIENCE).toBe("$5\r\nnewer\r\n");
  });
});

describe("a load beside the old data", () => {
  const [[, startOurs]] = SERVERS as [(typeof SERVERS)[number]];

  test.each([
    ["of the same history", ID],
    ["of another history", OTHER_ID],
  ])("a damaged snapshot %s leaves that, and the link asks to go on from there", async (_, id) => {
    silenceWarnings();
    const file = snapshot("new", 4 * KEYS);
    file[file.length - 1] = (file[file.length - 1] as number) ^ 1;
    const { client, primary } = await loadSecond(startOurs, { id, file });
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    const { socket, askedFor } = await primary.follower();
    expect(askedFor).toEqual([ID, String(START + 1)]);
    expect(await client.text("GET", "all")).toBe("$3\r\nold\r\n");
    expect(await client.text("DBSIZE")).toBe(`:${KEYS + 2}\r\n`);
    send(socket, snapshot("newer"), id, START + 6000);
    await expect.poll(() => info(client, "master_link_status"), PATIENCE).toBe("up");
    expect(await client.text("GET", "all")).toBe("$5\r\nnewer\r\n");
  });

  test("a promotion in the middle gives it up: the old data is what the new primary has, and goes on changing", async () => {
    let server: OwnServer | undefined;
    const { client } = await loadSecond(async (...directives) => {
      server = await startOwnServer(...directives);
      return server;
    });
    server?.context.replication.promote();
    expect((await info(client, "async_loading")) + (await info(client, "loading"))).toBe("00");
    expect(await client.text("SET", "written", "here")).toBe("+OK\r\n");
    expect(await client.text("MGET", "all", "new", "written")).toBe("*3\r\n$3\r\nold\r\n$-1\r\n$4\r\nhere\r\n");
    expect(await info(client, "master_replid2")).toBe(ID);
  });

  test("DEBUG RELOAD and a final save are of the old data, and the load goes on", async () => {
    let server: OwnServer | undefined;
    const { client } = await loadSecond(
      async (...directives) => {
        server = await startOwnServer(...directives);
        return server;
      },
      { directives: ["--enable-debug-command", "yes"] },
    );
    expect(await client.text("DEBUG", "RELOAD")).toBe("+OK\r\n");
    expect(server?.hasData).toBe(true);
    await server?.save();
    expect(await client.text("DEBUG", "RELOAD", "NOSAVE")).toBe("+OK\r\n");
    expect(await client.text("MGET", "all", "new")).toBe("*2\r\n$3\r\nold\r\n$-1\r\n");
    expect(await info(client, "async_loading")).toBe("1");
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    await expect.poll(() => client.text("GET", "all"), PATIENCE).toBe("$3\r\nnew\r\n");
  });

  test("the append-only file goes on with the old data, then holds the new", async () => {
    const { client } = await loadSecond(startOurs, {
      directives: ["--appendonly", "yes", "--replica-read-only", "no", "--enable-debug-command", "yes"],
    });
    const loadAppended = async (): Promise<string> => {
      await expect.poll(() => info(client, "aof_rewrite_scheduled"), PATIENCE).toBe("0");
      await expect.poll(() => info(client, "aof_rewrite_in_progress"), PATIENCE).toBe("0");
      return client.text("DEBUG", "LOADAOF");
    };
    expect(await client.text("SET", "written", "here")).toBe("+OK\r\n");
    silenceWarnings();
    expect(await client.text("DEBUG", "LOADAOF")).toMatch(/^-ERR /);
    expect(await info(client, "async_loading")).toBe("1");
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    await expect.poll(() => client.text("GET", "all"), PATIENCE).toBe("$3\r\nnew\r\n");
    expect(await loadAppended()).toBe("+OK\r\n");
    expect(await client.text("MGET", "all", "old", "written")).toBe("*3\r\n$3\r\nnew\r\n$-1\r\n$-1\r\n");
  });

  test("libraries of functions are replaced together with the data, and who waits for a stream is served from it", async () => {
    const source = (name: string): string => `#!lua name=lib\nredis.register_function{function_name='${name}',
      callback=function() return '${name}' end, flags={'no-writes'}}`;
    const primary = await startOwnServer("--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16kb");
    stops.push(() => primary.stop());
    const writer = await connect(primary.port);
    await writer.text("FUNCTION", "LOAD", source("before"));
    await writer.text("XADD", "stream", "1-1", "field", "value");
    const server = await startOwnServer(...SWAPPING, "--replicaof", "127.0.0.1", String(primary.port));
    stops.push(() => server.stop());
    const [client, waiting] = [await connect(server.port), await connect(server.port)];
    await expect.poll(() => info(client, "master_link_status"), PATIENCE).toBe("up");
    await client.text("CONFIG", "SET", "key-load-delay", "100000000");
    waiting.write(encodeCommand(["XREAD", "BLOCK", "0", "STREAMS", "stream", "1-1"]));
    await expect.poll(() => info(client, "blocked_clients"), PATIENCE).toBe("1");
    // More than the backlog keeps, while the replica is away.
    await writer.text("CLIENT", "KILL", "TYPE", "replica");
    await writer.text("MULTI");
    await writer.text("FUNCTION", "LOAD", "REPLACE", source("after"));
    await writer.text("XADD", "stream", "2-1", "field", "value");
    await writer.text("SET", "large", "x".repeat(100_000));
    await writer.text("EXEC");
    await expect.poll(() => info(client, "async_loading"), PATIENCE).toBe("1");
    expect(await client.text("FCALL_RO", "before", "0")).toBe("$6\r\nbefore\r\n");
    expect(await client.text("FCALL_RO", "after", "0")).toMatch(/^-ERR Function not found/);
    await client.text("CONFIG", "SET", "key-load-delay", "0");
    expect(String((await waiting.replies(1))[0])).toContain("2-1");
    expect(await client.text("FCALL_RO", "after", "0")).toBe("$5\r\nafter\r\n");
    expect(await client.text("FCALL_RO", "before", "0")).toMatch(/^-ERR Function not found/);
  });
});
