/** Lua scripts against redis-server: conversions, errors and their decoration, the sandbox, in RESP2 and RESP3. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const evaluations = (sources: readonly string[], ...rest: readonly string[]): Step[] =>
  sources.map((source) => ({ args: ["EVAL", source, ...(rest.length === 0 ? ["0"] : rest)] }));

const RETURNED = [
  ...[
    "return 1",
    "return 3.99",
    "return -3.99",
    "return 1e300",
    "return 0/0",
    "return 2^53",
    "return 2^62",
    "return -2^63",
  ],
  ...["return math.huge", "return -math.huge", "return 'a'", "return true", "return false", "return nil", "return", ""],
  ...["return {1,nil,3}", "return {1,2,{3,{4}},false,true}", "return {3.3,'a',4.9}", "return {}", "return {{}}"],
  ...[
    "return {double=3.5}",
    "return {double=1e20}",
    "return {double=1/0}",
    "return {double=-1/0}",
    "return {double='a'}",
  ],
  ...["return {map={a=1}}", "return {map={}}", "return {map=1}", "return {1,map={}}", "return {set={a=true}}"],
  ...[
    "return {big_number='123'}",
    "return {big_number='1\\r\\n2'}",
    "return {verbatim_string={string='a',format='txt'}}",
  ],
  ...["return {verbatim_string={string='a'}}", "return {ok='a'}", "return {ok='a\\r\\nb'}", "return {ok=1}"],
  ...[
    "return {err='foo'}",
    "return {err='foo bar'}",
    "return {err='-foo bar\\r\\nx'}",
    "return {err=1}",
    "return {ok='x',err='y'}",
  ],
  ...["return function() end", "return setmetatable({},{__index=function() return 'z' end})", "return 1,2,3"],
  ...["return {1,redis.error_reply('foo')}", "return {1,{err='foo'}}", "return unpack({1,2,3})"],
  ...["redis.setresp(3) return true", "redis.setresp(3) return false", "redis.setresp(3) return {true,false}"],
  ...["redis.setresp(3) return nil", "redis.setresp(3) return redis.call('get','nokey')"],
  ...["redis.setresp(3) return redis.call('hgetall','h')", "redis.setresp(3) return redis.call('smembers','s')"],
  ...[
    "redis.setresp(3) return redis.call('zscore','z','a')",
    "redis.setresp(3) return redis.call('zrange','z',0,-1,'withscores')",
  ],
  "redis.setresp(3) local t=redis.call('hgetall','h') return {type(t),type(t.map),t.map.f}",
  "redis.setresp(3) local t=redis.call('smembers','s') return {type(t.set),tostring(t.set.m)}",
  "redis.setresp(3) local t=redis.call('zscore','z','a') return {type(t.double),tostring(t.double)}",
  ...["return redis.call('hgetall','h')", "return redis.call('zscore','z','a')", "return redis.call('get','str')"],
  ...[
    "return redis.call('get','nokey')",
    "return redis.call('lrange','l',0,-1)",
    "return redis.call('mget','str','nokey')",
  ],
  ...["return redis.call('ping')", "return redis.call('ping').ok", "return type(redis.call('get','nokey'))"],
  ...[
    "return redis.call('incr','n')",
    "return redis.call('debug','sleep','0')",
    "return redis.call('object','encoding','str')",
  ],
];

const FAILING = [
  ...[
    "error('x')",
    "error('x',0)",
    "error('x',2)",
    "error()",
    "error(nil)",
    "error(5)",
    "error(true)",
    "error({err='FOO bar'})",
  ],
  ...[
    "error({err=5})",
    "local function f() error('x') end\nf()",
    "local function f() redis.call('incr','str') end\n\nf()",
  ],
  ...[
    "local a = nil; return a.b",
    "return 1 .. {}",
    "local a = {} a.a.a=1",
    "foo bar",
    "return x",
    "x=1",
    "KEYS=1",
    "redis=1",
  ],
  ...[
    "redis.x=1",
    "string.foo=1",
    "rawset(redis,'x',1)",
    "rawset(_G,'x',1)",
    "setmetatable(_G,{})",
    "_G.y=1",
    "return _G.nosuch",
  ],
  ...[
    "setmetatable(redis,{})",
    "getmetatable('').__index=1",
    "setmetatable({},1)",
    "setmetatable(1,{})",
    "rawset(1,2,3)",
    "rawset({},1)",
  ],
  ...[
    "return redis.call('xread','block',0,'streams','a','$')",
    "return redis.call()",
    "return redis.call({})",
    "return redis.call('nosuch')",
    "return redis.call('get')",
  ],
  ...[
    "return redis.call('multi')",
    "return redis.call('get','a','b')",
    "redis.call('incr','str')",
    "return redis.call(1)",
  ],
  ...["return redis.call('get',true)", "return redis.call('get',nil)", "return redis.call('set','a','b','c')"],
  ...["return redis.call('eval','return 1',0)", "return redis.call('subscribe','a')", "return redis.call('config')"],
  ...[
    "return redis.call('config','foo')",
    "return redis.call('config','get','maxmemory')",
    "return redis.call('client','id')",
  ],
  ...[
    "return redis.pcall()",
    "return redis.pcall({})",
    "return redis.pcall('nosuch')",
    "return redis.pcall('nosuch').err",
  ],
  ...[
    "return redis.pcall('incr','str')",
    "return redis.pcall('lpush','str','x')",
    "return redis.call('lpush','str','x')",
  ],
  ...[
    "return redis.sha1hex()",
    "return redis.sha1hex('a','b')",
    "return redis.log()",
    "return redis.log(1)",
    "return redis.log(10,'a')",
  ],
  ...[
    "return redis.log('a','a')",
    "return redis.setresp()",
    "return redis.setresp(4)",
    "redis.setresp(3,4)",
    "redis.setresp('a')",
  ],
  ...[
    "redis.set_repl(5)",
    "return redis.set_repl()",
    "return redis.acl_check_cmd()",
    "return redis.acl_check_cmd('foo')",
  ],
  ...[
    "return loadstring('return x')()",
    "return loadstring(string.dump(function() return 1 end))()",
    "coroutine.yield()",
  ],
  ...[
    "return table.concat({1,2,{}})",
    "string.rep()",
    "pairs('x')",
    "pairs()",
    "next(1)",
    "rawget(1,2)",
    "pcall()",
    "os.time()",
  ],
  ...["return math.random(5,3)", "print('a')", "dofile('a')", "return debug", "require('a')", "load(1)"],
  "local t = setmetatable({},{__index=function() error('deep') end}) return t.x",
];

const HOST = [
  ...["return redis.error_reply('foo')", "return redis.error_reply('foo bar')", "return redis.error_reply('-foo bar')"],
  ...[
    "return redis.error_reply('-foo')",
    "return redis.error_reply('')",
    "return redis.error_reply()",
    "return redis.error_reply(1)",
  ],
  ...[
    "return redis.status_reply('foo')",
    "return redis.status_reply()",
    "return redis.sha1hex('a')",
    "return redis.sha1hex(1)",
  ],
  ...["return redis.sha1hex('')", "return redis.log(1,'a')", "return redis.setresp('3')", "return redis.set_repl(3)"],
  ...[
    "return redis.replicate_commands()",
    "return redis.breakpoint()",
    "return redis.debug('a')",
    "return redis.acl_check_cmd('get','a')",
  ],
  ...["return {redis.LOG_DEBUG,redis.LOG_VERBOSE,redis.LOG_NOTICE,redis.LOG_WARNING}"],
  ...["return {redis.REPL_NONE,redis.REPL_SLAVE,redis.REPL_REPLICA,redis.REPL_AOF,redis.REPL_ALL}"],
  ...[
    "redis.call('set','a',3.1) return redis.call('get','a')",
    "redis.call('set','a',1e20) return redis.call('get','a')",
  ],
  ...[
    "redis.call('set','a',12345678901234) return redis.call('get','a')",
    "redis.call('set','a',1e15+0.3) return redis.call('get','a')",
  ],
  ...[
    "redis.call('set','a',-0.0) return redis.call('get','a')",
    "redis.call('set','a',1/0) return redis.call('get','a')",
  ],
  ...[
    "redis.call('set','a','x\\0y') return redis.call('get','a')",
    "redis.call('select',1) redis.call('set','other',1) return redis.call('dbsize')",
  ],
  ...[
    "return {type(select(2,pcall(error,{err='x'}))),type(select(2,pcall(error,{a=1})))}",
    "return {pcall(error,{err=1})}",
  ],
  ...[
    "return {pcall(redis.call,'incr','str')}",
    "return {pcall(redis.call)}",
    "return {pcall(function() error() end)}",
    "return pcall(error)",
  ],
  ...["return {xpcall(function() return redis.call('nosuch') end, function(e) return type(e)..tostring(e.err) end)}"],
  ...[
    "return select(2,pcall(error,'x'))",
    "return select(2, xpcall(function() error('a') end, function(e) return e..'!' end))",
  ],
  ...[
    "local n=0 for k in pairs(string) do n=n+1 end return n",
    "return #_G",
    "return type(_G._G)",
    "return _G.redis==redis",
  ],
  ...[
    "return rawget(_G,'redis')==redis",
    "return rawget(redis,'call')==redis.call",
    "return next({})",
    "return getmetatable('').__index==string",
  ],
  ...[
    "return tostring(1/3)",
    "return string.format('%q','a')",
    "return tostring({}):sub(1,6)",
    "return _VERSION",
    "return gcinfo()>1",
  ],
  ...[
    "return tonumber('0x10')",
    "local f=loadstring('return 1') return f()",
    "return type(loadstring('x y'))",
    "return ('abc'):upper()",
  ],
  ...["math.randomseed(5) return {math.random(1000),math.random(1000),tostring(math.random())}"],
  ...[
    "local t={} for w in ('a b c'):gmatch('%a') do t[#t+1]=w end return t",
    "return coroutine.wrap(function() coroutine.yield(5) end)()",
  ],
  ...[
    "local n=0 return load(function() n=n+1 return ({'return ','7'})[n] end)()",
    "return {load(function() return nil end)}",
  ],
  ...[
    "return redis.call('blpop','nolist',0)",
    "return redis.pcall('brpoplpush','nolist','b',0)",
    "return redis.call('bzpopmin','nozset',0)",
  ],
];

const SHEBANGS = [
  ...[
    "#!lua\nreturn 1",
    "#!lua flags=foo\nreturn 1",
    "#!foo\nreturn",
    "#!lua",
    "#!lua foo=1\nreturn 1",
    "#!lua flags=\nreturn 1",
  ],
  ...[
    "#!lua flags=no-writes\nreturn redis.call('set','a',1)",
    "#!lua flags=no-writes,allow-stale\nreturn redis.call('get','str')",
  ],
  ...[
    "#!lua flags=no-writes\nreturn redis.pcall('publish','a',1)",
    "#!lua  flags=allow-oom  flags=no-cluster\nerror('x')",
    "#! lua\nreturn 1",
  ],
  ...["#!lua flags=allow-cross-slot-keys\nreturn redis.call('get','str')", "#!lua flags=a b\nreturn 1"],
];

describe.runIf(hasReferenceServer)("scripts beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const PREPARED: readonly Step[] = [
    ...["SET str x", "SET n 1", "HSET h f v", "SADD s m", "ZADD z 1.5 a 2 b", "RPUSH l 1 2 3"].map((line) => ({
      args: line.split(" "),
    })),
  ];

  async function compareAll(steps: readonly Step[], seed?: number): Promise<void> {
    for (const protocol of ["2", "3"]) {
      const script = [...PREPARED, { args: ["HELLO", protocol] }, ...steps];
      const compared = await compareServers({
        ports: pair.ports,
        steps: script,
        normalisers: KNOWN_DIFFERENCES,
        seed,
      });
      expect(compared).toBe(script.length);
    }
  }

  test("what they return, in RESP2 and RESP3", () => compareAll(evaluations(RETURNED)));
  test("what they die of, and where", () => compareAll(evaluations(FAILING)));
  test("what they can call", () => compareAll(evaluations(HOST)));
  test("what their first line allows", () => compareAll(evaluations(SHEBANGS)));

  test("EVAL_RO writes nothing", () =>
    compareAll(
      [
        "return redis.call('set','a',1)",
        "return redis.pcall('set','a',1)",
        "return redis.call('get','str')",
        "#!lua\nreturn 1",
      ]
        .concat("#!lua flags=no-writes\nreturn 1", "return redis.pcall('publish','a',1)")
        .map((source) => ({ args: ["EVAL_RO", source, "0"] })),
    ));

  test("numbers of keys, digests, and the cache", () => {
    const digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    const lines = [
      ...[
        "EVAL a",
        "EVAL a b",
        "EVAL a -1",
        "EVAL a 5 b",
        "EVAL a 1.5",
        "EVAL a 99999999999999999999",
        "EVALSHA a",
        "EVALSHA a b",
      ],
      ...[
        `EVALSHA ${digest} 0`,
        `EVALSHA ${digest} -1`,
        `EVALSHA ${digest} 1`,
        "SCRIPT LOAD",
        "SCRIPT EXISTS",
        "SCRIPT KILL",
      ],
      ...[
        `SCRIPT EXISTS ${digest} ${digest.toUpperCase()} a`,
        "SCRIPT FLUSH foo",
        "SCRIPT FLUSH sync a",
        "SCRIPT FLUSH async",
      ],
      ...["SCRIPT NOSUCH", "SCRIPT", `EVALSHA_RO ${digest} 0`, "SCRIPT FLUSH", "SCRIPT FLUSH SYNC"],
    ].map((line): Step => ({ args: line.split(" ") }));
    const load: Step = { args: ["SCRIPT", "LOAD", "return 1"] };
    const wrong: Step = { args: ["SCRIPT", "LOAD", "x y"] };
    const evaluate: Step = { args: ["EVAL", "return 1", "0"] };
    return compareAll([...lines, load, wrong, ...lines, evaluate, ...lines, { args: ["SCRIPT", "FLUSH"] }, ...lines]);
  });

  test("inside a transaction", () =>
    compareAll([
      ...["MULTI", "SET a 1"].map((line): Step => ({ args: line.split(" ") })),
      ...evaluations([
        "return redis.call('incr','a')",
        "return redis.call('blpop','nolist',0)",
        "error('x')",
        "return x",
      ]),
      ...["EXEC", "GET a"].map((line): Step => ({ args: line.split(" ") })),
    ]));

  test("random values and calls, with keys and arguments", async () => {
    const seed = seedOf(20_261_125);
    const script = new Script(seed);
    const words = ["a", "b", "", "10", "-3", "1.5", "x\r\ny", "é", "str", "n", "l", "h"];
    const word = (): string => script.pick(words);
    const value = (depth: number): string => {
      const choice = script.random.below(depth > 3 ? 6 : 9);
      const leaves = [
        "nil",
        "true",
        "false",
        String((script.random.below(2_000_000) - 1_000_000) / 100),
        `KEYS[1]`,
        `ARGV[2]`,
      ];
      if (choice < leaves.length) return leaves[choice] as string;
      const items = Array.from({ length: script.random.below(4) }, () => value(depth + 1));
      return `{${items.join(",")}}`;
    };
    const calls = [
      ...["redis.call('set',KEYS[1],ARGV[1])", "redis.call('get',KEYS[1])", "redis.pcall('incrby',KEYS[2],ARGV[2])"],
      ...[
        "redis.call('incrby',KEYS[2],ARGV[2])",
        "redis.call('lpush',KEYS[1],unpack(ARGV))",
        "redis.call('lrange',KEYS[1],0,-1)",
      ],
      ...[
        "redis.pcall('hset',KEYS[2],ARGV[1],ARGV[2])",
        "redis.call('hgetall',KEYS[2])",
        "redis.call('del',KEYS[1],KEYS[2])",
      ],
      ...[
        "redis.call('type',KEYS[1])",
        "#KEYS + #ARGV",
        "redis.call('exists',unpack(KEYS))",
        "redis.call('append',KEYS[1],ARGV[1])",
      ],
    ];
    const steps = Array.from({ length: 1500 }, (): Step => {
      const body = script.once(2) ? value(0) : script.pick(calls);
      const prefix = script.once(5) ? "redis.setresp(3) " : "";
      const source = script.once(3) ? `local r = ${body} return {r, type(r)}` : `return ${body}`;
      return { args: ["EVAL", prefix + source, "2", word(), word(), word(), word()] };
    });
    await compareAll(steps, seed);
  });
});
