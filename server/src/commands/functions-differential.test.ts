/** Functions against redis-server: what a library may do and say while it is loaded, and its functions when they run. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const ONE = "redis.register_function('f', function(keys, args) return 1 end)";
const CALLBACK = "callback=function() end";

const HEADERS = [
  ...["#!lua", "#!lua name=", "#!lua name=a b=c", "#!lua name=a name=b", "#!lua name=a-b", "#!lua  name=a", "#!"],
  ...["#!foo name=a", "#!foo", "#!foo name=a-b", "lua name=a", "", "#!LUA name=xyz", "#!lua NAME=q", "#!lua name='q'"],
  ...['#!lua name="q"', '#!lua name="a', "#! lua name=a", '#!lua name="\\x41"', "#!lua\tname=t", "#!lua name=é"],
];

const TOP_LEVELS = [
  ...["return 1", "local call = redis.call", "x = 1", "return foo", "redis.log(redis.LOG_WARNING, 'x')", "print(1)"],
  ...["redis.setresp(3)", "redis.sha1hex('')", "redis.acl_check_cmd('get')", "math.random()", "error('boom')"],
  ...["local t = {} t.x.y = 1", "return redis.REDIS_VERSION", "redis.foo = 1", "local x = KEYS", "redis.set_repl(1)"],
  ...[
    "cjson.encode({})",
    "string.foo = 1",
    "redis = nil",
    "_G.x = 1",
    "setmetatable(_G, {})",
    "loadstring('return 1')",
  ],
  ...["syntax error here", "return pcall(redis.register_function, 1)", "redis.log('x')", "redis.log(9, 'x')"],
];

const REGISTRATIONS = [
  ...["", "'f'", "'f', 1", "1, function() end", "'f g', function() end", "nil, function() end", "'', function() end"],
  ...["function() end, 'f'", "'f', function() end, 1", "{}", "{function_name='f'}", "{function_name='f', callback=1}"],
  ...[`{function_name=1, ${CALLBACK}}`, `{function_name='f', ${CALLBACK}, foo=1}`, "{1, 2}", "{[true]=1}", "{[1]=2}"],
  ...[
    `{function_name='f', ${CALLBACK}, flags=1}`,
    `{function_name='f', ${CALLBACK}, flags={'foo'}}`,
    `{function_name='f', ${CALLBACK}, flags={'constructor'}}`,
    `{function_name='f', ${CALLBACK}, flags={1}}`,
    `{function_name='f', ${CALLBACK}, flags={}}`,
    `{function_name='f', ${CALLBACK}, description={}}`,
    `{function_name='f', ${CALLBACK}, description=1}`,
    `{FUNCTION_NAME='f', ${CALLBACK}, flags={'no-writes', 'allow-oom', 'allow-stale', 'no-cluster'}, description='d'}`,
    `{function_name='f', ${CALLBACK}, flags={'allow-cross-slot-keys'}}`,
  ],
];

const BODIES = [
  ...[
    "return {k, a}",
    "return {#k, #a}",
    "return KEYS",
    "return redis.call('set', 'x', '1')",
    "return redis.call('get')",
  ],
  ...[
    "return redis.call('nope')",
    "error('boom')",
    "error({err='boom x'})",
    "return {err='a b'}",
    "return {err='boom'}",
  ],
  ...["return redis.error_reply('MY err')", "x = 1", "return foo", "redis.register_function('g', function() end)"],
  ...["return redis.register_function", "redis.foo = 1", "string.foo = 1", "return tostring(_G.redis == redis)"],
  ...["return redis.sha1hex('')", "return redis.setresp(3)", "redis.setresp(3) return redis.call('hgetall', 'h')"],
  ...["return redis.acl_check_cmd('get', 'x') and 1 or 0", "return {pcall(redis.call, 'nope')}"],
  ...["return redis.pcall('nope')", "local t = nil t.x = 1", "return redis.call('function', 'list')"],
  ...["return redis.call('fcall', 'f', 0)", "return redis.call('eval', 'return 1', 0)", "k[1] = 'z' return k"],
  ...["return getmetatable(redis)", "coroutine.yield(1)", "return redis.replicate_commands()", "return {1, 2, nil, 4}"],
  ...["return redis.set_repl(1)", "return redis.breakpoint()", "return redis.debug(1)", "return {map={a=1}}"],
  ...["return {double=3.5}", "return true", "return false", "return 3.99", "return", "return nil, 2", "return 1, 2"],
  "local t = {} for n in pairs(_G) do t[#t + 1] = n end table.sort(t) return t",
  "local t = {} for n in pairs(redis) do t[#t + 1] = n end table.sort(t) return t",
];

const load = (body: string, name = "l", ...options: string[]): Step => ({
  args: ["FUNCTION", "LOAD", ...options, `#!lua name=${name}\n${body}`],
});
const steps = (...lines: string[]): Step[] => lines.map((line) => ({ args: line.split(" ") }));
const FLUSH: Step = { args: ["FUNCTION", "FLUSH"] };

describe.runIf(hasReferenceServer)("Functions beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  async function compare(...compared: Step[]): Promise<void> {
    for (const version of ["2", "3"]) {
      const all = [{ args: ["HELLO", version] }, { args: ["FLUSHALL"] }, FLUSH, ...compared];
      const count = await compareServers({ ports: pair.ports, steps: all, normalisers: KNOWN_DIFFERENCES });
      expect(count).toBe(all.length);
    }
  }

  test("the first line of a library", () =>
    compare(
      ...HEADERS.flatMap((header) => [
        { args: ["FUNCTION", "LOAD", `${header}\n${ONE}`] },
        { args: ["FUNCTION", "LIST"] },
        FLUSH,
      ]),
      { args: ["FUNCTION", "LOAD", `#!lua name=a ${ONE}`] },
    ));

  test("what a library may do while it is loaded", () =>
    compare(
      ...[...TOP_LEVELS, `${ONE} ${ONE}`].flatMap((body) => [load(body), { args: ["FUNCTION", "LIST"] }, FLUSH]),
    ));

  test("how functions are registered", () =>
    compare(
      ...REGISTRATIONS.flatMap((words) => [
        load(`redis.register_function(${words})`),
        { args: ["FUNCTION", "LIST", "WITHCODE"] },
        FLUSH,
      ]),
    ));

  test("an endless top level ends by itself", () => compare(load("while true do end"), ...steps("FUNCTION LIST")));

  test("what functions give and die of", () =>
    compare(
      { args: ["HSET", "h", "f", "1"] },
      ...BODIES.flatMap((body) => [
        load(`redis.register_function('f', function(k, a)\n${body}\nend)`, "l", "REPLACE"),
        ...steps("FCALL f 0", "FCALL f 2 a b c d", "FCALL_RO f 0"),
      ]),
      ...steps("FCALL f -1", "FCALL f x", "FCALL f 3 a", "FCALL f", "FCALL nope 0", "FCALL nope x", "FCALL nope 5"),
    ));

  test("flags hold", () =>
    compare(
      load(`
        local write = function(keys) return redis.call('SET', keys[1], 'v') end
        redis.register_function{function_name='reads', flags={'no-writes'}, callback=function(keys) return redis.call('GET', keys[1]) end}
        redis.register_function{function_name='lies', flags={'no-writes'}, callback=write}
        redis.register_function('writes', write)`),
      ...["reads", "lies", "writes"].flatMap((name) => steps(`FCALL ${name} 1 key`, `FCALL_RO ${name} 1 key`)),
    ));

  test("what was captured at load cannot register later, and state of a library lives on", () =>
    compare(
      load(`
        local register, count = redis.register_function, 0
        register('late', function() register('g', function() end) end)
        register('count', function() count = count + 1 return count end)`),
      ...steps("FCALL late 0", "FCALL count 0", "FCALL count 0", "FUNCTION STATS"),
    ));

  test("libraries come, are replaced and go", () =>
    compare(
      load(ONE),
      load(ONE),
      load(ONE, "l2"),
      load(ONE, "l", "REPLACE"),
      load("return 1", "l", "REPLACE"),
      load(ONE, "l", "FOO"),
      load("redis.register_function('g', function() return 2 end)", "other"),
      load(`${ONE} redis.register_function('g', function() return 3 end)`, "l", "replace"),
      ...steps("FCALL f 0", "FCALL g 0", "FUNCTION STATS", "FUNCTION DELETE other", "FUNCTION LIST WITHCODE"),
      ...steps("FUNCTION LIST LIBRARYNAME L*", "FUNCTION LIST LIBRARYNAME x*", "FUNCTION LIST LIBRARYNAME"),
      ...steps("FUNCTION LIST FOO", "FUNCTION LIST WITHCODE WITHCODE", "FUNCTION LIST LIBRARYNAME a LIBRARYNAME b"),
      ...steps("FUNCTION DELETE nope", "FUNCTION DELETE l", "FCALL f 0", "FUNCTION STATS", "FUNCTION KILL"),
      ...steps("FUNCTION FLUSH FOO", "FUNCTION FLUSH SYNC x", "FUNCTION FLUSH ASYNC", "FUNCTION FLUSH SYNC"),
      ...steps("FUNCTION LOAD", "FUNCTION LOAD REPLACE", "FUNCTION FOO", "FUNCTION", "FUNCTION RESTORE x"),
      ...steps("FUNCTION RESTORE x FOO", "FUNCTION RESTORE x FLUSH y", "FUNCTION DUMP"),
    ));

  test("in a transaction, and by a user who may not", () =>
    compare(
      ...steps("MULTI"),
      load(ONE),
      ...steps("FCALL f 0", "FUNCTION DELETE l", "FCALL f 0", "EXEC"),
      load("redis.register_function('f', function(k) return redis.pcall('GET', k[1]) end)"),
      ...steps("ACL SETUSER u on nopass +fcall ~mine", "AUTH u x", "FCALL f 1 mine", "FCALL f 1 other"),
      ...steps("FUNCTION LIST", "AUTH default x"),
    ));

  test("payloads are those of redis-server", async () => {
    await compare(load(ONE), load("redis.register_function('g', function() return 'g' end)", "other"), FLUSH);
    const big = `--[[${"comment ".repeat(100)}]] ${ONE}`;
    for (const [from, to] of [
      [pair.ports.ours, pair.ports.reference],
      [pair.ports.reference, pair.ports.ours],
    ] as const) {
      const [giver, taker] = await Promise.all([from, to].map((port) => RawClient.connect(port)));
      if (giver === undefined || taker === undefined) throw new Error("no clients");
      for (const client of [giver, taker]) await client.text("FUNCTION", "FLUSH");
      expect(await giver.text("FUNCTION", "LOAD", `#!lua name=l\n${big}`)).toBe("$1\r\nl\r\n");
      giver.write(encodeCommand(["FUNCTION", "DUMP"]));
      const [reply] = await giver.replies(1);
      if (reply === undefined) throw new Error("no payload");
      const payload = reply.subarray(reply.indexOf("\n") + 1, reply.length - 2);
      const restore = async (bytes: Buffer, ...policy: string[]): Promise<string> => {
        taker.write(encodeCommand(["FUNCTION", "RESTORE", bytes, ...policy]));
        return String((await taker.replies(1))[0]);
      };
      expect(await restore(payload)).toBe("+OK\r\n");
      expect(await taker.text("FCALL", "f", "0")).toBe(":1\r\n");
      expect(await restore(payload)).toBe("-ERR Library l already exists\r\n");
      expect(await restore(payload, "REPLACE")).toBe("+OK\r\n");
      expect(await restore(payload, "FLUSH")).toBe("+OK\r\n");
      expect(await restore(payload.subarray(1))).toBe("-ERR DUMP payload version or checksum are wrong\r\n");
      await taker.text("FUNCTION", "FLUSH");
      expect(await taker.text("FUNCTION", "LOAD", `#!lua name=n\n${ONE}`)).toBe("$1\r\nn\r\n");
      expect(await restore(payload, "REPLACE")).toBe("-ERR Function f already exists\r\n");
      expect(await taker.text("FUNCTION", "STATS")).toContain("$15\r\nlibraries_count\r\n:1\r\n");
      for (const client of [giver, taker]) client.close();
    }
  });
});
