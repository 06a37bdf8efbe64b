/**
 * A replica that reads its snapshot slowly while others write more than may wait for it in its connection, or than the backlog
 * is large: where Redis, with these limits, closes it and begins anew for ever, it comes through.
 */

import { connect, type Socket } from "node:net";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterEach, expect, test, vi } from "vitest";
import { readFile } from "../persistence/live-keyspace.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const MIB = 1 << 20;
const LIMITS = ["--client-output-buffer-limit", "replica 1mb 512kb 1", "--repl-backlog-size", "16kb"];
const READ_BYTES = 64 << 10;
const WRITE_BYTES = 100_000;
const KEYS = 240;

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function start(...directives: string[]): Promise<{ server: OwnServer; client: RawClient }> {
  const server = await startOwnServer("--repl-diskless-sync-delay", "0", "--rdbcompression", "no", ...directives);
  const client = await RawClient.connect(server.port);
  stops.push(
    () => server.stop(),
    () => client.close(),
  );
  // Far more than the sockets hold, so that the snapshot waits for who reads it.
  for (let k = 0; k < KEYS; k++) await client.command("SET", `old:${k}`, Buffer.alloc(WRITE_BYTES, "o"));
  return { server, client };
}

/** Reads only when it is told to. */
class SlowReplica {
  readonly socket: Socket;
  /** What came behind the snapshot. */
  streamed = "";
  /** The end of it. */
  tail = "";
  isSnapshotRead = false;
  /** All of it, once it is read. */
  snapshot = Buffer.alloc(0);
  readonly #chunks: Buffer[] = [];
  isClosed = false;
  #unread = "";
  #mark = "";
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.on("error", () => undefined);
    this.socket.on("readable", () => this.#wake());
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
    stops.push(() => this.socket.destroy());
    const words = [
      ["REPLCONF", "listening-port", "1", "capa", "eof", "capa", "psync2"],
      ["PSYNC", "?", "-1"],
    ];
    for (const command of words) this.socket.write(encodeCommand(command));
  }

  async read(): Promise<void> {
    const chunk = this.socket.read(Math.min(READ_BYTES, this.socket.readableLength) || READ_BYTES) as Buffer | null;
    if (chunk === null) {
      if (!this.isClosed) await new Promise<void>((resolve) => (this.#wake = resolve));
      return;
    }
    if (this.isSnapshotRead) this.#readStream(chunk.toString("latin1"));
    else this.#readSnapshot(chunk.toString("latin1"));
  }

  #readStream(text: string): void {
    this.streamed += text;
    this.tail = (this.tail + text).slice(-2 * WRITE_BYTES);
  }

  #readSnapshot(text: string): void {
    this.#chunks.push(Buffer.from(text, "latin1"));
    this.#unread += text;
    this.#mark ||= /\$EOF:([0-9a-f]{40})\r\n/.exec(this.#unread)?.[1] ?? "";
    const end = this.#mark === "" ? -1 : this.#unread.indexOf(this.#mark, this.#unread.indexOf(this.#mark) + 40);
    if (end < 0) {
      // The mark stands at its beginning; of the rest only what may be the start of the other is of interest.
      if (this.#mark !== "") this.#unread = `$EOF:${this.#mark}\r\n${this.#unread.slice(-40)}`;
      return;
    }
    this.isSnapshotRead = true;
    const all = Buffer.concat(this.#chunks);
    this.snapshot = all.subarray(all.indexOf(this.#mark) + this.#mark.length + 2, all.lastIndexOf(this.#mark));
    this.#readStream(this.#unread.slice(end + 40));
    this.socket.write(encodeCommand(["REPLCONF", "ACK", "0"]));
  }
}

test("a replica that reads slowly comes through though far more changes than may wait for it", async () => {
  const { server, client } = await start("--maxmemory", "256mb", ...LIMITS);
  const { replicas } = server.context.replication;
  const replica = new SlowReplica(server.port);
  await expect.poll(() => replicas.fullSyncs).toBe(1);
  const written: string[] = [];
  let longest = 0;
  let most = 0;
  const write = async (): Promise<void> => {
    const key = `new:${written.length}`;
    const value = String(written.length % 10).repeat(WRITE_BYTES);
    await client.command("SET", key, value);
    written.push(encodeCommand(["SET", key, value]).toString("latin1"));
    longest = Math.max(longest, replicas.backlog?.length ?? 0);
    most = Math.max(most, ...replicas.sessions.map(({ peer }) => peer.connection.outputBytes));
  };
  // 8 MB while it takes the snapshot, 2 MB while it takes those.
  while (!replica.isSnapshotRead && !replica.isClosed) {
    await replica.read();
    if (written.length < 80) await write();
  }
  for (let k = 0; k < 20; k++) {
    await replica.read();
    await write();
  }
  const last = written.at(-1) as string;
  while (!replica.tail.includes(last) && !replica.isClosed) await replica.read();
  expect(replica.isClosed).toBe(false);
  const expected = encodeCommand(["SELECT", 0]).toString("latin1") + written.join("");
  // Compared by hand: ten megabytes of difference are no use to anybody.
  expect(replica.streamed.replaceAll("*1\r\n$4\r\nPING\r\n", "") === expected).toBe(true);
  expect(replicas.fullSyncs).toBe(1);
  // Kept for it: all that came, once; in its connection never more than it may have.
  expect(longest).toBeGreaterThan(7 * MIB);
  expect(most).toBeLessThanOrEqual(MIB);
  await expect.poll(() => replicas.backlog?.grownBytes).toBe(0);
});

test("values that are overwritten while a replica reads slowly are in its snapshot as they were, and it comes through", async () => {
  const { server, client } = await start("--maxmemory", "1gb", ...LIMITS);
  const { replicas } = server.context.replication;
  const replica = new SlowReplica(server.port);
  await expect.poll(() => replicas.fullSyncs).toBe(1);
  let [mostInConnection, mostWaiting] = [0, 0];
  // All that there is, twice, while it reads next to nothing.
  for (let round = 0; round < 2; round++) {
    for (let k = 0; k < KEYS; k++) {
      expect(await client.text("SET", `old:${k}`, Buffer.alloc(WRITE_BYTES, String(round)))).toBe("+OK\r\n");
      mostInConnection = Math.max(
        mostInConnection,
        ...replicas.sessions.map(({ peer }) => peer.connection.outputBytes),
      );
      mostWaiting = Math.max(mostWaiting, replicas.waitingBytes);
    }
    await replica.read();
  }
  const last = encodeCommand(["SET", `old:${KEYS - 1}`, "1".repeat(WRITE_BYTES)]).toString("latin1");
  while (!replica.tail.includes(last) && !replica.isClosed) await replica.read();
  expect([replica.isClosed, replicas.fullSyncs]).toEqual([false, 1]);
  const { keys } = readFile(replica.snapshot);
  const old = "o".repeat(WRITE_BYTES);
  expect(Object.keys(keys)).toHaveLength(KEYS);
  expect(Object.values(keys).every(({ value }) => value === old)).toBe(true);
  // Two rounds of changes, and what the first of them overwrote.
  expect(mostWaiting).toBeGreaterThan(2.5 * KEYS * WRITE_BYTES);
  expect(mostInConnection).toBeLessThanOrEqual(MIB);
  await expect.poll(() => replicas.waitingBytes).toBe(0);
});

test("a replica for which more changes than is kept is parted with, and what is kept stays bounded", async () => {
  const { server, client } = await start("--maxmemory", "80mb", ...LIMITS);
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  stops.push(() => written.mockRestore());
  const { replicas } = server.context.replication;
  const replica = new SlowReplica(server.port);
  await expect.poll(() => replicas.fullSyncs).toBe(1);
  let longest = 0;
  for (let k = 0; k < 150; k++) {
    expect(await client.text("SET", `new:${k}`, Buffer.alloc(WRITE_BYTES, "n"))).toBe("+OK\r\n");
    longest = Math.max(longest, replicas.backlog?.length ?? 0);
  }
  expect(longest).toBeGreaterThan(8 * MIB);
  expect(longest).toBeLessThanOrEqual(10 * MIB);
  while (!replica.isClosed) await replica.read();
  expect(written.mock.calls.map(([text]) => String(text)).join("")).toContain(
    "raise repl-backlog-size, or the hard limit",
  );
  await expect.poll(() => client.text("INFO", "persistence")).toContain("rdb_bgsave_in_progress:0");
  // It asks again at once, and is told to wait.
  const again = new SlowReplica(server.port);
  await expect.poll(() => replicas.sessions.map(({ state }) => state)).toEqual(["waiting"]);
  replicas.tick();
  expect([replicas.fullSyncs, again.isClosed]).toEqual([1, false]);
});

test("CONFIG SET repl-backlog-size keeps what fits, so that who comes back goes on", async () => {
  const server = await startOwnServer("--repl-diskless-sync-delay", "0");
  const client = await RawClient.connect(server.port);
  stops.push(
    () => server.stop(),
    () => client.close(),
  );
  const { replicas, history } = server.context.replication;
  const replica = await RawClient.connect(server.port);
  replica.write("SYNC\r\n");
  await expect.poll(() => client.text("INFO", "replication")).toContain("state=online");
  const { offset } = history;
  for (let k = 0; k < 20; k++) await client.command("SET", `key:${k}`, "v".repeat(1000));
  replica.close();
  for (const [size, isCovered] of [
    ["2mb", true],
    ["30000", true],
    ["10000", false],
  ] as const) {
    expect(await client.text("CONFIG", "SET", "repl-backlog-size", size)).toBe("+OK\r\n");
    const back = await RawClient.connect(server.port);
    stops.push(() => back.close());
    const reply = await back.text("PSYNC", history.id, String(offset + 1));
    expect(reply.startsWith("+CONTINUE")).toBe(isCovered);
    if (isCovered) expect(await back.until(`${"v".repeat(1000)}\r\n`)).toContain("key:0\r\n");
  }
  expect(replicas.partialSyncs).toBe(2);
});
