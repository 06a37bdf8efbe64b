/** MIGRATE of keys of a slot that is being moved, to a target that answers when the test says so. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const SLOT_OF_TAG = "15891"; // of {t}

let source: OwnServer;
let other: OwnServer;
let target: ManualTarget;
let client: RawClient;
let migrator: RawClient;

beforeAll(async () => {
  const directives = ["--cluster-enabled", "yes", "--cluster-node-timeout", "500"];
  source = await startOwnServer(...directives);
  other = await startOwnServer(...directives);
  target = await ManualTarget.start();
  client = await RawClient.connect(source.port);
  migrator = await RawClient.connect(source.port);
  await client.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const busPort = other.context.cluster?.state.settings.busPort;
  await client.command("CLUSTER", "MEET", "127.0.0.1", String(other.port), String(busPort));
  await eventually("the nodes have met and serve", async () => {
    const info = await client.text("CLUSTER", "INFO");
    return info.includes("cluster_state:ok") && source.context.cluster?.state.nodes.has(await idOf(other)) === true;
  });
});

beforeEach(async () => {
  await client.command("CLUSTER", "SETSLOT", SLOT_OF_TAG, "STABLE");
  await client.command("FLUSHALL");
  expect(await client.text("SET", "{t}k", "1")).toBe("+OK\r\n");
  expect(await client.text("CLUSTER", "SETSLOT", SLOT_OF_TAG, "MIGRATING", await idOf(other))).toBe("+OK\r\n");
});

afterAll(async () => {
  for (const each of [client, migrator]) each.close();
  target.stop();
  await Promise.all([source.stop(), other.stop()]);
});

async function idOf({ context }: OwnServer): Promise<string> {
  return context.cluster?.myId ?? "";
}

/** Takes the part of the other node on the wire. */
class ManualTarget {
  readonly #server: Server;
  readonly #decoder = new RespDecoder();
  #socket: Socket | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#socket = socket;
      socket.on("error", () => undefined);
      socket.on("data", (bytes: Buffer) => this.#decoder.push(bytes));
    });
  }

  static async start(): Promise<ManualTarget> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ManualTarget(server);
  }

  get port(): string {
    return String((this.#server.address() as AddressInfo).port);
  }

  /** The next command, without its payload. */
  async received(): Promise<string> {
    let command: unknown;
    await eventually("a command has come", () => {
      command = this.#decoder.next();
      return command !== undefined;
    });
    const words = (command as Buffer[]).map(String);
    return (words[0]?.startsWith("RESTORE") ? [...words.slice(0, 3), ...words.slice(4)] : words).join(" ");
  }

  reply(...lines: readonly string[]): void {
    this.#socket?.write(`${lines.join("\r\n")}\r\n`);
  }

  stop(): void {
    this.#socket?.destroy();
    this.#server.close();
  }
}

function migrate(...keys: readonly string[]): Promise<string> {
  return migrator.text("MIGRATE", "127.0.0.1", target.port, "", "0", "10000", "KEYS", ...keys);
}

test("a key on its way is served by its source, also while it does not exist, until the target has its last state", async () => {
  const migrating = migrate("{t}k");
  expect(await target.received()).toBe("SELECT 0");
  target.reply("+OK");
  expect(await target.received()).toBe("RESTORE-ASKING {t}k 0");
  expect(await client.text("DEL", "{t}k")).toBe(":1\r\n");
  expect(await client.text("GET", "{t}k")).toBe("$-1\r\n");
  expect(await client.text("SET", "{t}k", "2", "NX")).toBe("+OK\r\n");
  target.reply("+OK");
  expect(await target.received()).toBe("RESTORE-ASKING {t}k 0 REPLACE");
  expect(await client.text("DEL", "{t}k")).toBe(":1\r\n");
  target.reply("+OK");
  expect(await target.received()).toBe("ASKING");
  expect(await target.received()).toBe("DEL {t}k");
  expect(await client.text("RPUSH", "{t}k", "again")).toBe(":1\r\n");
  target.reply("+OK", ":1");
  expect(await target.received()).toBe("RESTORE-ASKING {t}k 0 REPLACE");
  expect(await client.text("LLEN", "{t}k")).toBe(":1\r\n");
  target.reply("+OK");
  expect(await migrating).toBe("+OK\r\n");
  expect(await client.text("LLEN", "{t}k")).toBe(`-ASK ${SLOT_OF_TAG} 127.0.0.1:${other.port}\r\n`);
});

test("a key that is gone with its last state is asked for at the target from then on", async () => {
  const migrating = migrate("{t}k");
  await target.received();
  target.reply("+OK");
  await target.received();
  await client.command("DEL", "{t}k");
  target.reply("+OK");
  expect([await target.received(), await target.received()]).toEqual(["ASKING", "DEL {t}k"]);
  target.reply("+OK", ":1");
  expect(await migrating).toBe("+OK\r\n");
  expect(await client.text("GET", "{t}k")).toMatch(/^-ASK /);
});

test("of the keys it names it takes those that are here, each once, without TRYAGAIN", async () => {
  const migrating = migrate("{t}k", "{t}none", "{t}k");
  await target.received();
  target.reply("+OK");
  expect(await target.received()).toBe("RESTORE-ASKING {t}k 0");
  target.reply("+OK");
  expect(await migrating).toBe("+OK\r\n");
  expect(await client.text("MGET", "{t}k", "{t}none")).toMatch(/^-ASK /);
  expect(await migrate("{t}k", "{t}none")).toBe("+NOKEY\r\n");
});

test("it takes keys from a node that only imports their slot", async () => {
  const importer = await RawClient.connect(other.port);
  await eventually("the owner is known", async () => (await importer.text("GET", "{t}k")).startsWith("-MOVED"));
  await importer.command("CLUSTER", "SETSLOT", SLOT_OF_TAG, "IMPORTING", await idOf(source));
  const ways = ["MIGRATE", "127.0.0.1", target.port, "{t}k", "0", "1000"];
  expect(await importer.text(...ways)).toBe("+NOKEY\r\n");
  await importer.command("CLUSTER", "SETSLOT", SLOT_OF_TAG, "STABLE");
  expect(await importer.text(...ways)).toMatch(/^-MOVED /);
  importer.close();
});

test("two at once do not take the same key", async () => {
  const migrating = migrate("{t}k");
  await target.received();
  expect(await client.text("MIGRATE", "127.0.0.1", target.port, "{t}k", "0", "1000")).toBe(
    "-ERR MIGRATE of another client has a key on its way\r\n",
  );
  target.reply("-ERR no");
  expect(await migrating).toBe("-ERR Target instance replied with error: ERR no\r\n");
  expect(await client.text("GET", "{t}k")).toBe("$1\r\n1\r\n");
});
