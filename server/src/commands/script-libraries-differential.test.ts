/** The libraries cjson, cmsgpack, struct and bit in scripts, against redis-server. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const SHOW = `local function show(v, d)
  if type(v) == 'table' then
    local keys = {}
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for i, k in ipairs(keys) do keys[i] = tostring(k) .. '=' .. show(v[k]) end
    return '{' .. table.concat(keys, ',') .. '}'
  end
  if v == cjson.null then return 'null' end
  return type(v) .. ':' .. tostring(v)
end
`;

const JSON_VALUES = [
  ...[
    "nil",
    "true",
    "false",
    "1",
    "1.5",
    "-0.0",
    "1e20",
    "1e15",
    "123456789012345",
    "0.1",
    "1/3",
    "1e-7",
    "'a'",
    "''",
    "{}",
    "{{}}",
  ],
  ...[
    "{1,2,3}",
    "{1,nil,3}",
    "{a=1}",
    "{[5]=1}",
    "{[100]=1}",
    "{[1.5]=2}",
    "{1,2,a=3}",
    "cjson.null",
    "{cjson.null}",
    "print",
  ],
  ...[
    "'a\"b\\\\c/d'",
    "'\\0\\1\\8\\9\\10\\12\\13\\31\\127\\128\\255'",
    "1/0",
    "-1/0",
    "0/0",
    "{[true]=1}",
    "function() end",
  ],
  ...["{[1]=1,[2]=2,[4]=4}", "{[0]=1}", "{[-1]=1}", "{[3]='x',[11]='y'}", "{['1']=1}", "redis.error_reply('x')"],
];

const JSON_TEXTS = [
  ...[
    "",
    " ",
    "1",
    "-1",
    "1.5",
    "01",
    "0x10",
    "1e5",
    "1e",
    "-",
    "+1",
    "nan",
    "inf",
    "-inf",
    "NaN",
    "Infinity",
    "true",
    "false",
    "null",
  ],
  ...[
    "tru",
    "[]",
    "[1,2,3]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{}",
    '{"a":1}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{1:2}",
    '{"a":{"b":[1,{"c":null}]}}',
  ],
  ...[
    '"abc"',
    '"abc',
    '"a\\u0041b"',
    '"\\u00e9"',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\ude00"',
    '"\\u12"',
    '"\\x"',
    '"\\/\\b\\f\\n\\r\\t"',
  ],
  ...[
    "[1] x",
    "1 2",
    "\t[ 1 , 2 ]\n",
    '{"a":1,"a":2}',
    "[[[[]]]]",
    "]",
    "}",
    ":",
    ",",
    "[1",
    '{"a":1',
    "[1}",
    "1.2.3",
    ".5",
    "5.",
  ],
];

const FIXED = [
  ...[
    "return cjson.encode()",
    "return cjson.encode(1,2)",
    "return cjson.decode()",
    "return cjson.decode(5)",
    "return cjson.decode({})",
  ],
  ...["local t={} t[1]=t return cjson.encode(t)", "return cjson.decode(string.rep('[',1001)..string.rep(']',1001))"],
  ...[
    "return #cjson.encode(cjson.decode(string.rep('[',1000)..string.rep(']',1000)))",
    "return cjson._NAME",
    "return type(cjson.null)",
  ],
  ...["return cjson.decode('null')==cjson.null", "return {cjson.encode_sparse_array()}"],
  ...["cjson.encode_sparse_array(true) local r=cjson.encode({[100]=1}) cjson.encode_sparse_array(false) return r"],
  ...[
    "local r=cjson.encode_max_depth() return r",
    "return cjson.encode_max_depth(0)",
    "return cjson.encode_number_precision(3)",
  ],
  ...[
    "local r=cjson.encode(1/3) cjson.encode_number_precision(14) return r",
    "return cjson.encode_number_precision(15)",
  ],
  ...[
    "return bit.tohex(255)",
    "return bit.tohex(255,4)",
    "return bit.tohex(-1,-8)",
    "return bit.tohex(1,0)",
    "return bit.tohex('x')",
  ],
  ...["return bit.band()", "return bit.band(1)", "return bit.bnot({})"],
  ...[
    "return cmsgpack.pack()",
    "return cmsgpack.unpack('')",
    "return cmsgpack.unpack('\\193')",
    "return cmsgpack.unpack('\\146\\1')",
  ],
  ...[
    "return {cmsgpack.unpack('\\1\\2\\3')}",
    "return {cmsgpack.unpack_one('\\1\\2\\3')}",
    "return {cmsgpack.unpack_one('\\1\\2\\3',2)}",
  ],
  ...[
    "return {cmsgpack.unpack_limit('\\1\\2\\3',2)}",
    "return {cmsgpack.unpack_limit('\\1\\2\\3',2,1)}",
    "return {cmsgpack.unpack_one('a',5)}",
  ],
  ...[
    "return {cmsgpack.unpack_one('a',-1)}",
    "return {cmsgpack.unpack_limit('a',-1)}",
    "return cmsgpack.pack(1,2,'a',nil,true)",
    "return cmsgpack.unpack(5)",
  ],
  ...[
    "local t={} t[1]=t return cmsgpack.pack(t)",
    "return cmsgpack.pack(print)",
    "return cmsgpack._NAME",
    "return cmsgpack.pack(cjson.null)",
  ],
  ...[
    "return cmsgpack.pack(string.rep('x',40))",
    "return #cmsgpack.pack(string.rep('x',300))",
    "return #cmsgpack.pack(string.rep('x',70000))",
  ],
  ...[
    "local t={} for i=1,20 do t[i]=i end return cmsgpack.pack(t)",
    "local t={} for i=1,20 do t['k'..i]=i end return #cmsgpack.pack(t)",
  ],
  ...[
    "return struct.pack('>I2i4','1',-2)",
    "return struct.pack('<hHlLbBT',1,2,3,4,5,6,7)",
    "return struct.pack('>d',1.5)",
    "return struct.pack('f',1.5)",
  ],
  ...[
    "return struct.pack('s','abc')",
    "return struct.pack('c0','abc')",
    "return struct.pack('c2','abc')",
    "return struct.pack('c5','abc')",
  ],
  ...[
    "return struct.pack('Bc0',3,'abc')",
    "return struct.pack('!4bi',1,2)",
    "return struct.pack('!bi',1,2)",
    "return struct.pack('!3b',1)",
  ],
  ...[
    "return struct.pack('q',1)",
    "return struct.pack('i33',1)",
    "return struct.pack('i',{})",
    "return struct.pack('i')",
    "return struct.pack('bxb',1,2)",
  ],
  ...[
    "return {struct.unpack('>I2i4',struct.pack('>I2i4',1,-2))}",
    "return {struct.unpack('<hHlLbBT',struct.pack('<hHlLbBT',-1,2,-3,4,-5,6,7))}",
  ],
  ...[
    "return {struct.unpack('s','abc\\0def')}",
    "return {struct.unpack('s','abc')}",
    "return {struct.unpack('Bc0','\\3abcd')}",
    "return {struct.unpack('c0','abc')}",
  ],
  ...[
    "return {struct.unpack('i','abc')}",
    "return {struct.unpack('b','abc',2)}",
    "return {struct.unpack('b','abc',0)}",
    "return {struct.unpack('b','abc',4)}",
  ],
  ...[
    "return struct.size('i')",
    "return struct.size('!8bd')",
    "return struct.size('s')",
    "return struct.size('c0')",
    "return struct.size('c10b')",
    "return struct.size('>x')",
  ],
  ...[
    "return {struct.unpack('b b','ab')}",
    "return tostring(struct.unpack('d',struct.pack('d',0.1)))",
    "return struct.pack('i3',-2)",
    "return {struct.unpack('i3I3','\\255\\255\\255\\255\\255\\255')}",
  ],
];

describe.runIf(hasReferenceServer)("libraries of scripts beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  async function compare(sources: readonly string[], seed?: number): Promise<void> {
    const steps = sources.map((source): Step => ({ args: ["EVAL", source, "0"] }));
    const options = { ports: pair.ports, steps, ...(seed === undefined ? {} : { seed }) };
    expect(await compareServers(options)).toBe(steps.length);
  }

  test("cjson writes", () => compare(JSON_VALUES.map((value) => `return cjson.encode(${value})`)));
  test("cjson reads", async () => {
    const steps = JSON_TEXTS.map(
      (text): Step => ({ args: ["EVAL", `${SHOW} return show(cjson.decode(ARGV[1]))`, "0", text] }),
    );
    expect(await compareServers({ ports: pair.ports, steps })).toBe(steps.length);
  });
  test("calls, settings and errors", () => compare(FIXED));

  test("random values survive cjson and cmsgpack, and are written alike", async () => {
    const seed = seedOf(42);
    const script = new Script(seed);
    const scalars = [
      "true",
      "false",
      "0",
      "1",
      "-1",
      "127",
      "128",
      "255",
      "256",
      "-32",
      "-33",
      "-129",
      "65535",
      "65536",
      "4294967296",
    ];
    scalars.push(
      "-32769",
      "2147483648",
      "-2147483649",
      "1.5",
      "0.1",
      "1e100",
      "'a'",
      "''",
      "'\\0x'",
      "string.rep('y',33)",
      "9007199254740993",
    );
    const value = (depth: number): string => {
      if (depth > 3 || script.once(2)) return script.pick(scalars);
      const items = Array.from(
        { length: script.random.below(4) },
        (_, i) => (script.once(3) ? `k${i}=` : "") + value(depth + 1),
      );
      return `{${items.join(",")}}`;
    };
    const sources = Array.from({ length: 400 }, () => {
      const text = value(0);
      return script.pick([
        `return cmsgpack.pack(${text})`,
        `${SHOW} return show(cmsgpack.unpack(cmsgpack.pack(${text})))`,
        `${SHOW} return show(cjson.decode(cjson.encode(${text})))`,
      ]);
    });
    // The order of pairs in a table is nobody's promise: what is written is compared where there is one key at most.
    await compare(
      sources.filter((source) => source.includes("show") || source.split("=").length <= 2),
      seed,
    );
  });

  test("random operations of bit", async () => {
    const seed = seedOf(7);
    const script = new Script(seed);
    const numbers = [
      "0",
      "1",
      "-1",
      "2147483647",
      "-2147483648",
      "4294967295",
      "4294967296",
      "1.5",
      "2.5",
      "-0.5",
      "12345678901",
      "31",
      "32",
      "33",
    ];
    const names = ["tobit", "bnot", "bswap", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror"];
    const sources = Array.from({ length: 300 }, () => {
      return `return bit.${script.pick(names)}(${script.pick(numbers)},${script.pick(numbers)})`;
    });
    await compare(sources, seed);
  });
});
