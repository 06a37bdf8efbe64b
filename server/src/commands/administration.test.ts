/**
 * The same requests to redis-server and to ours must give the same replies: connection, configuration, publish/subscribe,
 * introspection. Where replies hold what must differ (ids, times, addresses), that part is masked first.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { METADATA_DIFFERENCES } from "../testing/known-differences.ts";
import type { OwnServer } from "../testing/own-server.ts";
import { startOwnServer } from "../testing/own-server.ts";
import type { ReferenceServer } from "../testing/reference-server.ts";
import { hasReferenceServer, ReferenceClient, startReferenceServer } from "../testing/reference-server.ts";

let theirs: ReferenceServer;
let ours: OwnServer;

beforeAll(async () => {
  if (hasReferenceServer) theirs = await startReferenceServer();
  ours = await startOwnServer();
});

afterAll(async () => {
  if (hasReferenceServer) await theirs.stop();
  await ours.stop();
});

async function run(port: number, script: readonly string[]): Promise<string[]> {
  const client = await RawClient.connect(port);
  const replies: string[] = [];
  for (const line of script) replies.push(`${line} => ${mask(await client.ask(line))}`);
  client.close();
  return replies;
}

/** Sends inline requests one by one, and takes everything that comes before the reply to a marker. */
class RawClient {
  readonly #client: ReferenceClient;

  constructor(client: ReferenceClient) {
    this.#client = client;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await ReferenceClient.connect(port));
  }

  async ask(line: string): Promise<string> {
    const [reply] = await this.#client.send([splitWords(line)]);
    return JSON.stringify(reply, (_key, value) => printable(value));
  }

  close(): void {
    this.#client.close();
  }
}

function splitWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? (match[2] as string));
}

function printable(value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return `-${value.message}`;
  if (typeof value === "object" && value !== null && (value as { type?: string }).type === "Buffer") {
    return Buffer.from((value as { data: number[] }).data).toString("latin1");
  }
  return value;
}

function mask(reply: string): string {
  return reply.replace(/("id"\s*,\s*)\d+/g, "$1N").replace(/("version"\s*,\s*")[\d.]+/g, "$1V");
}

describe.runIf(hasReferenceServer)("the same as redis-server", () => {
  test.each([
    ["ping and echo", ["ping", "ping hi", "ping a b", "echo x", "echo", 'echo ""']],
    ["select", ["select 3", "select 15", "select 16", "select -1", "select x", "select"]],
    [
      "hello",
      [
        "hello",
        "hello 4",
        "hello x",
        "hello 3 foo",
        'hello 2 setname "a b"',
        "hello 2 auth default x",
        "hello 3 setname z",
        "client getname",
        "hello 2",
      ],
    ],
    ["auth without a password", ["auth x", "auth default x", "auth foo x", "auth a b c", "auth"]],
    [
      "client names",
      ["client setname abc", "client getname", 'client setname "a b"', 'client setname ""', "client getname"],
    ],
    [
      "client errors",
      [
        "client",
        "client foo",
        "client list type foo",
        "client list id",
        "client list id x",
        "client list foo",
        "client list type normal id 3",
        "client kill 1.2.3.4:5",
        "client kill id 99999",
        "client kill id x",
        "client kill id 0",
        "client kill foo bar",
        "client kill type xx",
        "client kill skipme maybe",
        "client kill user nobody",
        "client kill id 1 foo",
        "client kill",
        "client no-evict maybe",
        "client no-evict on",
        "client pause x",
        "client pause 10 foo",
        "client pause -1",
        "client unblock 1",
        "client unblock x",
        "client unblock 1 foo",
        "client getredir",
        "client trackinginfo",
        "client caching yes",
        "client caching foo",
        "client tracking off",
        "client tracking foo",
        "client reply foo",
        "client unpause x",
        "client unpause",
      ],
    ],
    [
      "config get",
      [
        "config get maxmemory",
        "config get save",
        "config get client-output-buffer-limit",
        "config get MAXMEMORY-pol*",
        "config get nosuch",
        "config get dbfilename",
        "config get",
        "config",
        "config foo",
      ],
    ],
    [
      "config set",
      [
        "config set maxmemory 1gb",
        "config get maxmemory",
        "config set maxmemory 0 hz 20",
        "config get hz",
        "config set hz 10",
        "config set foo 1",
        "config set hz",
        "config set hz 1 foo",
        "config set databases 3",
        "config set dir /tmp",
        "config set hz 1 hz 2",
        "config set maxmemory x",
        "config set notify-keyspace-events KEA",
        "config get notify-keyspace-events",
        'config set notify-keyspace-events ""',
        "config set appendfsync foo",
        "config set maxmemory-clients 101%",
        'config set shutdown-on-sigterm "nosave force"',
        "config get shutdown-on-sigterm",
        "config set shutdown-on-sigterm default",
        "config rewrite",
        "config resetstat x",
        "config resetstat",
      ],
    ],
    [
      "command",
      [
        "command info get nosuch",
        "command info config|get",
        "command info memory|usage",
        "command info auth",
        "command info ping",
        "command info select",
        "command info info",
        "command info monitor",
        "command info ssubscribe",
        "command info publish",
        "command info spublish",
        "command info subscribe",
        "command info slowlog|get",
        "command info time",
        "command info config|set",
        "command info client|list",
        "command info lolwut",
        "command getkeys mset a 1 b 2",
        "command getkeys get",
        "command getkeys nosuch a",
        "command getkeys ping",
        "command getkeysandflags getdel a",
        "command list filterby aclcat foo",
        "command list filterby module foo",
        "command list filterby foo x",
        "command foo",
        "command count x",
      ],
    ],
    [
      "pubsub",
      [
        "pubsub channels",
        "pubsub numsub a b",
        "pubsub numpat",
        "pubsub numpat x",
        "pubsub foo",
        "pubsub shardchannels",
        "pubsub shardnumsub x",
        "publish nobody hi",
        "spublish nobody hi",
        "publish x",
      ],
    ],
    [
      "slowlog and latency",
      [
        "slowlog get x",
        "slowlog get -2",
        "slowlog reset",
        "slowlog len",
        "slowlog foo",
        "latency latest",
        "latency reset",
        "latency reset x y",
        "latency histogram nosuch",
        "latency history x",
        "latency graph x",
        "latency foo",
        "latency",
      ],
    ],
    [
      "module",
      ["module", "module list", "module list x", "module load x", "module loadex x", "module unload x", "module foo"],
    ],
    [
      "memory and debug",
      [
        "memory usage nosuch",
        "memory usage k samples -1",
        "memory usage k samples",
        "memory foo",
        "memory",
        "memory purge",
        "debug sleep 0",
        "shutdown foo",
        "shutdown save nosave",
        "shutdown abort",
      ],
    ],
    ["reset", ["multi", "select 3", "reset", "get x", "client getname", "subscribe a", "reset", "get x"]],
  ])("%s", async (_name, script) => {
    expect(await run(ours.port, script)).toEqual(await run(theirs.port, script));
  });

  test("LATENCY keeps spikes above its threshold, with the replies of redis-server", async () => {
    const script = [
      "config set latency-monitor-threshold 5",
      "debug sleep 0.03",
      "latency latest",
      "latency history command",
      "latency reset fast-command command",
      "latency latest",
      "config set latency-monitor-threshold 0",
      "debug sleep 0.01",
      "latency latest",
    ];
    const [own, reference] = await Promise.all([run(ours.port, script), run(theirs.port, script)]);
    expect(own[2]?.length).toBeGreaterThan(0);
    const shape = (replies: unknown): string => JSON.stringify(replies).replace(/\d{2,}/g, "n");
    expect(shape(own)).toBe(shape(reference));
  });

  test("LATENCY HISTOGRAM and INFO latencystats know what was called since CONFIG RESETSTAT", async () => {
    const script = ["config resetstat", "time", "time", "latency histogram time"];
    for (const port of [ours.port, theirs.port]) {
      const reply = JSON.stringify((await run(port, script)).at(-1));
      expect(reply).toMatch(/time.*calls.*2.*histogram_usec/s);
    }
    const [text] = await run(ours.port, ["info latencystats"]);
    expect(String(text)).toMatch(/latency_percentiles_usec_time:p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+/);
  });

  test("CONFIG RESETSTAT sets commands, connections and traffic back", async () => {
    for (const port of [ours.port, theirs.port]) {
      const replies = await run(port, ["time", "time", "time", "config resetstat", "info stats"]);
      const text = String(replies.at(-1));
      expect(text).toMatch(/total_connections_received:0\\r/);
      expect(text).toMatch(/total_commands_processed:1\\r/);
      expect(text).toMatch(/instantaneous_ops_per_sec:\d{1,5}\\r/);
    }
  });

  test("INFO stats counts reads and writes of sockets, and the time above the memory limit", async () => {
    for (const port of [ours.port, theirs.port]) {
      const field = async (name: string): Promise<number> =>
        Number(new RegExp(`${name}:(\\d+)`).exec(String(await run(port, ["info stats"])))?.[1]);
      await run(port, ["config resetstat", "config set maxmemory 1", "set k v"]);
      await expect.poll(() => field("current_eviction_exceeded_time")).toBeGreaterThan(0);
      expect(await field("total_eviction_exceeded_time")).toBeGreaterThan(0);
      await run(port, ["config set maxmemory 0"]);
      // Redis looks again when something is to be evicted.
      if (port === ours.port) expect(await field("current_eviction_exceeded_time")).toBe(0);
      for (const kind of ["reads", "writes"]) expect(await field(`total_${kind}_processed`)).toBeGreaterThan(5);
    }
  });

  test("COMMAND LIST names subcommands too", async () => {
    const [names] = await run(ours.port, ["command list"]);
    expect(String(JSON.stringify(names))).toContain("config|get");
  });

  test("COMMAND INFO of every command both have", async () => {
    const client = await ReferenceClient.connect(theirs.port);
    const own = await ReferenceClient.connect(ours.port);
    const [names] = await own.send([["COMMAND", "LIST"]]);
    const differing: string[] = [];
    for (const name of (names as Buffer[]).map(String).sort()) {
      if (NEWER.has(name)) continue;
      const request = [["COMMAND", "INFO", name]];
      const [expected] = await client.send(request);
      if (String(JSON.stringify(expected)) === "[null]") continue;
      const [actual] = await own.send(request);
      if (headOf(actual) !== headOf(expected)) differing.push(`${headOf(actual)} instead of ${headOf(expected)}`);
    }
    client.close();
    own.close();
    expect(differing).toEqual([]);
  });
});

/** Those of which a column that `headOf` shows is another one than in 7.0.15. */
const NEWER: ReadonlySet<string> = new Set(
  METADATA_DIFFERENCES.filter(({ column }) => ["arity", "flags", "categories"].includes(column)).map(
    ({ command }) => command,
  ),
);

/** Name, arity, flags, key range and categories. */
function headOf(reply: unknown): string {
  const [row] = reply as [unknown[]];
  return JSON.stringify(row.slice(0, 7), (_key, value) => printable(value));
}

describe("of one server", () => {
  test("CLIENT LIST, INFO, KILL and REPLY act on connections", async () => {
    const admin = await ReferenceClient.connect(ours.port);
    const victim = await ReferenceClient.connect(ours.port);
    const [id] = await victim.send([["CLIENT", "ID"]]);
    await victim.send([["CLIENT", "SETNAME", "victim"]]);
    const [list] = await admin.send([["CLIENT", "LIST", "ID", String(id)]]);
    expect(String(list)).toMatch(
      new RegExp(
        `^id=${id} addr=127.0.0.1:\\d+ laddr=127.0.0.1:${ours.port} fd=\\d+ name=victim .* cmd=client\\|setname user=default redir=-1 resp=2`,
      ),
    );
    const [killed] = await admin.send([["CLIENT", "KILL", "ID", String(id)]]);
    expect(killed).toBe(1);
    const [gone] = await admin.send([["CLIENT", "LIST", "ID", String(id)]]);
    expect(String(gone)).toBe("");
    const replies = await admin.send([["CLIENT", "REPLY", "ON"]]);
    expect(replies.map(String)).toEqual(["OK"]);
    admin.close();
    victim.close();
  });

  test("a password is asked for, compared, and needed by HELLO", async () => {
    const server = await startOwnServer("--requirepass", "s3cret");
    const client = await ReferenceClient.connect(server.port);
    const replies = await client.send([
      ["PING"],
      ["HELLO", "3"],
      ["AUTH", "wrong"],
      ["AUTH", "nobody", "s3cret"],
      ["AUTH", "default", "s3cret"],
      ["PING"],
    ]);
    expect(replies.map((reply) => (reply as { message?: string })?.message?.split(" ")[0] ?? String(reply))).toEqual([
      "NOAUTH",
      "NOAUTH",
      "WRONGPASS",
      "WRONGPASS",
      "OK",
      "PONG",
    ]);
    client.close();
    await server.stop();
  });

  test("messages reach subscribers of channels and patterns, RESP3 ones as pushes", async () => {
    const subscriber = await ReferenceClient.connect(ours.port);
    const publisher = await ReferenceClient.connect(ours.port);
    await subscriber.send([["SUBSCRIBE", "news"]]);
    const [receivers] = await publisher.send([["PUBLISH", "news", "hello"]]);
    expect(receivers).toBe(1);
    const [message] = await subscriber.send([["PING"]]);
    expect((message as Buffer[]).map(String)).toEqual(["message", "news", "hello"]);
    const [numbers] = await publisher.send([["PUBSUB", "NUMSUB", "news", "none"]]);
    expect((numbers as unknown[]).map(String)).toEqual(["news", "1", "none", "0"]);
    subscriber.close();
    publisher.close();
  });

  test("CONFIG SET of the slow log takes effect, and secrets stay out of it", async () => {
    const client = await ReferenceClient.connect(ours.port);
    await client.send([["CONFIG", "SET", "slowlog-log-slower-than", "0"]]);
    await client.send([["CONFIG", "SET", "masterauth", "s3cret"]]);
    const [entries] = await client.send([["SLOWLOG", "GET", "-1"]]);
    const text = JSON.stringify(entries, (_key, value) => printable(value));
    expect(text).toContain('"masterauth"');
    expect(text).not.toContain("s3cret");
    await client.send([["CONFIG", "SET", "slowlog-log-slower-than", "10000"]]);
    client.close();
  });

  test("a pause of writes holds writes back, of anybody, in their order, and lets everything else pass", async () => {
    const server = await startOwnServer();
    const admin = await ReferenceClient.connect(server.port);
    const other = await ReferenceClient.connect(server.port);
    await other.send([["SET", "k", "old"]]);
    await admin.send([["CLIENT", "PAUSE", "60000", "WRITE"]]);
    const order: string[] = [];
    const note = (name: string) => (replies: unknown[]) => order.push(`${name}: ${replies.map(String).join(" ")}`);
    const held = [
      other
        .send([
          ["GET", "k"],
          ["APPEND", "k", "er"],
          ["GET", "k"],
        ])
        .then(note("pipeline")),
      ReferenceClient.connect(server.port).then(async (client) => {
        note("transaction")(await client.send([["MULTI"], ["GET", "k"], ["EXEC"]]));
        note("script")(await client.send([["EVAL", "return 1", "0"]]));
        client.close();
      }),
    ];
    const third = await ReferenceClient.connect(server.port);
    note("reader")(await third.send([["GET", "k"]]));
    for (let turn = 0; turn < 10 && order.length < 2; turn++) await admin.send([["PING"]]);
    order.push("unpause");
    await admin.send([["CLIENT", "UNPAUSE"]]);
    await Promise.all(held);
    expect(order.slice(0, 2).sort()).toEqual(["reader: old", "transaction: OK QUEUED old"]);
    expect(order[2]).toBe("unpause");
    expect(order.slice(3).sort()).toEqual(["pipeline: old 5 older", "script: 1"]);
    for (const client of [admin, other, third]) client.close();
    await server.stop();
  });

  test("a pause of everything holds the requests of others back until it ends", async () => {
    const server = await startOwnServer();
    const other = await ReferenceClient.connect(server.port);
    const paused = await ReferenceClient.connect(server.port);
    await other.send([["PING"]]);
    await paused.send([["CLIENT", "PAUSE", "100", "ALL"]]);
    const beganAt = performance.now();
    await other.send([["GET", "k"]]);
    expect(performance.now() - beganAt).toBeGreaterThan(50);
    for (const client of [paused, other]) client.close();
    await server.stop();
  });
});
