/**
 * Users and their permissions against redis-server. A user's commands are described here by the rules that were given, as in
 * Redis 7.2 and later; 7.0 describes what followed from them, in an order of chance. So that text is left out of the
 * comparison, and what it stands for is compared by DRYRUN, and by giving it to redis-server.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step, seedOf } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const USERS = ["u1", "u2", "u3"] as const;

describe.runIf(hasReferenceServer)("ACL beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const compare = (steps: readonly Step[], seed?: number): Promise<number> =>
    compareServers({
      ports: pair.ports,
      steps: [{ args: ["ACL", "DELUSER", ...USERS] }, { args: ["ACL", "LOG", "RESET"] }, ...steps],
      normalisers: KNOWN_DIFFERENCES,
      ...(seed === undefined ? {} : { seed }),
    });

  /** A leading digit is the client; `·` is a blank within a word. */
  const lines = (...texts: string[]): Step[] =>
    texts.map((line) => ({
      client: Number(line[0]),
      args: line
        .slice(2)
        .split(" ")
        .map((word) => word.replaceAll("·", " ")),
    }));

  const compareLines = async (...texts: string[]): Promise<void> => {
    for (const hello of ["0 HELLO 2", "0 HELLO 3"]) {
      expect(await compare([...lines(hello), ...lines(...texts)])).toBe(texts.length + 3);
    }
  };

  test("rules that are none, each in Redis' words", async () => {
    const rules = [
      ...["foo", "+foo", "-foo", "+@foo", "-@foo", "+config|foo", "+config|get|foo", "-select|0", "+select|", "+|x"],
      ...["~* ~a", "allkeys %R~a", "&* &a", "allchannels &a", "<foo", "!foo", "#foo", "a·b", "~a·b", "&a·b", "+", "-"],
      ...[
        `#${"A".repeat(64)}`,
        `#${"a".repeat(63)}`,
        `!${"a".repeat(64)}`,
        "%",
        "%~a",
        "%R",
        "%RR~a",
        "%X~a",
        "%RWR~a",
      ],
      ...["(", "(+get", "(+get foo)", "( )", "()", "(+get (~a))", ")", "(+get ~a) (", '("+get)', "(~a·b)", "(on)"],
      ...["", "+@", "+@all·", "%rw~a %w~b %WR~a", "~ &", "(%R~a %W~a)", "(~* ~a)", "(reset)", "+GET +Config|GET"],
    ];
    await compareLines(
      ...rules.flatMap((rule) => [`0 ACL SETUSER u1 ${rule}`, "0 ACL GETUSER u1", "0 ACL DELUSER u1"]),
    );
  });

  test("names, and subcommands with wrong arguments", async () => {
    await compareLines(
      ...[
        "0 ACL SETUSER a·b on",
        "0 ACL SETUSER u1 ~a\0b",
        "0 ACL SETUSER default foo",
        "0 ACL DELUSER default",
        "0 ACL DELUSER nosuch u1",
      ],
      ...["0 ACL GETUSER nosuch", "0 ACL GETUSER default", "0 ACL LIST", "0 ACL USERS", "0 ACL WHOAMI", "0 ACL"],
      ...[
        "0 ACL FOO",
        "0 ACL CAT",
        "0 ACL CAT foo",
        "0 ACL CAT read x",
        "0 ACL LOG 1 2",
        "0 ACL LOG x",
        "0 ACL LOG -1",
      ],
      ...[
        "0 ACL LOG 0",
        "0 ACL LOG reset",
        "0 ACL GENPASS 0",
        "0 ACL GENPASS -1",
        "0 ACL GENPASS 4097",
        "0 ACL GENPASS x",
      ],
      ...["0 ACL GENPASS 1 1", "0 ACL LOAD", "0 ACL SAVE", "0 ACL LOAD x", "0 ACL WHOAMI x", "0 ACL SETUSER"],
      ...[
        "0 ACL SETUSER u1 on >p",
        "0 ACL SETUSER u2",
        "0 ACL USERS",
        "0 ACL LIST",
        "0 ACL DELUSER u1 u2 u1",
        "0 ACL USERS",
      ],
      ...["0 CLIENT KILL USER nosuch", "0 CLIENT KILL USER default SKIPME yes TYPE master"],
      ...["0 AUTH a b c", "0 AUTH x", "0 AUTH u1 x", "0 AUTH default x", "0 HELLO 3 AUTH u1 x", "0 ACL LOG"],
    );
  });

  test("passwords: added, taken away, as hashes, none at all, and a user that is off", async () => {
    const tries = ["1 AUTH u1 p", "1 AUTH u1 q", "1 AUTH u1 ", "1 ACL WHOAMI", "1 RESET", "0 ACL GETUSER u1"];
    const changes = [
      ">p",
      "on",
      ">q >q",
      "<p",
      "nopass",
      ">p",
      "resetpass",
      "off nopass",
      "on #",
      "reset",
      "on nopass",
    ];
    const hash = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
    await compareLines(
      ...["0 ACL SETUSER u1 +acl|whoami +reset"],
      ...[...changes, `#${hash}`, `!${hash}`, "skip-sanitize-payload", "sanitize-payload"].flatMap((change) => [
        `0 ACL SETUSER u1 ${change}`,
        ...tries,
      ]),
    );
  });

  test("a password for the default user counts for connections that come after it", async () => {
    await compareLines(
      ...[
        "1 PING",
        "0 CONFIG SET requirepass p",
        "1 PING",
        "2 PING",
        "2 ECHO x",
        "2 AUTH q",
        "2 HELLO 3",
        "2 AUTH p",
        "2 PING",
      ],
      ...[
        "2 RESET",
        "2 PING",
        "2 HELLO 2 AUTH default p",
        "2 PING",
        "0 ACL GETUSER default",
        "0 CONFIG GET requirepass",
      ],
      ...[
        "3 GET a",
        "0 ACL SETUSER default nopass",
        "3 GET a",
        "0 ACL SETUSER default >q",
        "3 GET a",
        "3 AUTH q",
        "3 GET a",
      ],
      ...["0 ACL SETUSER default off", "4 PING", "4 AUTH q", "1 PING", "0 ACL SETUSER default on", "4 PING"],
      ...["0 CONFIG SET requirepass ·", "0 CONFIG GET requirepass", "0 CONFIG SET requirepass p"],
      ...["0 ACL SETUSER default reset +@all ~* &* on nopass", "5 PING", "0 ACL LOG RESET"],
    );
  });

  test("ACL CAT lists the same categories, and in each the same of the commands that both have", async () => {
    const clients = await Promise.all(
      [pair.ports.ours, pair.ports.reference].map((port) => ReferenceClient.connect(port)),
    );
    const both = async (...args: string[]): Promise<string[][]> =>
      Promise.all(clients.map(async (client) => ((await client.send([args]))[0] as readonly unknown[]).map(String)));
    const all = await Promise.all(
      clients.map(async (client) => {
        const rows = (await client.send([["COMMAND"]]))[0] as readonly (readonly unknown[])[];
        return rows.flatMap((row) =>
          [row, ...(row[9] as readonly (readonly unknown[])[])].map(([name]) => String(name)),
        );
      }),
    );
    const isShared = (name: string): boolean => all.every((names) => names.includes(name));
    // Its own newer row: WAIT blocks.
    const isSame = (name: string): boolean => isShared(name) && name !== "wait";
    const [ours, theirs] = await both("ACL", "CAT");
    expect(ours).toEqual(theirs);
    let compared = 0;
    for (const category of ours ?? []) {
      const [left, right] = (await both("ACL", "CAT", category)).map((names) => names.filter(isSame).sort());
      expect(left, category).toEqual(right);
      compared += left?.length ?? 0;
    }
    expect(compared).toBeGreaterThan(600);
    for (const client of clients) client.close();
  });

  const CALLS = [
    ...[
      "GET a",
      "GET x:1",
      "SET x:1 v",
      "SET x:1 v GET",
      "SET r:1 v",
      "GET r:1",
      "GET w:1",
      "SET w:1 v",
      "SET w:1 v GET",
    ],
    ...[
      "MGET r:1 a",
      "MSET w:1 1 r:1 2",
      "COPY r:1 w:1",
      "COPY w:1 r:1",
      "RENAME r:1 w:1",
      "DEL w:1",
      "DEL r:1",
      "EXISTS w:1",
    ],
    ...["BITFIELD r:1 GET u1 0", "BITFIELD r:1 SET u1 0 1", "GETSET w:1 1", "GETDEL r:1", "APPEND w:1 x", "STRLEN w:1"],
    ...[
      "SUNIONSTORE w:1 r:1 r:2",
      "ZUNIONSTORE w:1 2 r:1 w:2",
      "LMPOP 1 r:1 LEFT",
      "XREAD STREAMS r:1 0",
      "XREAD STREAMS w:1 0",
    ],
    ...["SORT r:1", "SORT r:1 STORE w:1", "SORT r:1 BY foo", "SORT r:1 BY foo*", "SORT r:1 GET foo*", "SORT r:1 GET #"],
    ...[
      "SORT_RO r:1 GET foo*",
      "OBJECT ENCODING r:1",
      "OBJECT FREQ r:1 x",
      "MEMORY USAGE r:1",
      "DEBUG OBJECT r:1",
      "KEYS *",
      "SCAN 0",
    ],
    ...[
      "CONFIG GET maxmemory",
      "CONFIG SET maxmemory 0",
      "CONFIG NOSUCH",
      "CLIENT ID",
      "CLIENT INFO x",
      "SELECT 0",
      "SELECT 1",
    ],
    ...[
      "PUBLISH ch1 m",
      "PUBLISH other m",
      "SPUBLISH ch1 m",
      "SPUBLISH other m",
      "ACL WHOAMI",
      "ACL LIST x",
      "PING",
      "ECHO x",
    ],
    ...["WATCH r:1", "WATCH a", "UNWATCH", "NOSUCH a", "GET", "TOUCH r:1 w:1", "DUMP r:1", "TYPE r:1"],
    ...[
      "MIGRATE h 1 r:1 0 1",
      "EXPIRE w:1 100",
      "TTL r:1",
      "PFCOUNT r:1",
      "PFMERGE w:1 r:1",
      "GEOADD w:1 1 1 x",
      "LCS r:1 r:2",
    ],
  ];
  const RULES = [
    ...["+@all", "+@all -@dangerous", "+@read", "+@write -set", "+get +set +config|get", "+@all -config +config|get"],
    ...["+@all -select +select|0", "+@keyspace +@string -getset", "+@all -@all +ping", "+@pubsub +@connection"],
  ];
  const PATTERNS = ["~x:* %R~r:* %W~w:* &ch*", "~* &*", "%R~* %W~w:*", "(+@read ~x:*) (+@write %W~w:* &ch1)", "~ &"];

  test("which calls a user may make, with DRYRUN's answers, and the log of refusals", async () => {
    for (const rules of RULES) {
      for (const patterns of PATTERNS) {
        const calls = CALLS.filter((call) => !OTHERWISE_DIFFERENT.test(call));
        await compareLines(
          `0 ACL SETUSER u1 reset on nopass ${rules} ${patterns}`,
          ...CALLS.map((call) => `0 ACL DRYRUN u1 ${call}`),
          "1 AUTH u1 x",
          ...calls.map((call) => `1 ${call}`),
          "0 ACL LOG 40",
          "0 FLUSHALL",
        );
      }
    }
  });

  test("channels: subscribing, patterns letter by letter, and leaving without permission", async () => {
    await compareLines(
      "0 ACL SETUSER u1 on nopass +@all resetchannels &ch* &exact",
      ...["1 AUTH u1 x", "1 SUBSCRIBE ch1", "1 SUBSCRIBE exact", "1 SUBSCRIBE other", "1 SUBSCRIBE ch2 other"],
      ...[
        "1 PSUBSCRIBE ch*",
        "1 PSUBSCRIBE ch1*",
        "1 PSUBSCRIBE exact",
        "1 PSUBSCRIBE *",
        "1 SSUBSCRIBE ch3",
        "1 SSUBSCRIBE other",
      ],
      ...[
        "1 UNSUBSCRIBE other",
        "1 PUNSUBSCRIBE other",
        "1 SUNSUBSCRIBE other",
        "1 RESET",
        "1 ACL WHOAMI",
        "0 ACL LOG",
      ],
    );
  });

  test("MULTI: what is refused when it is queued, and what is refused when it runs", async () => {
    await compareLines(
      ...["0 ACL SETUSER u1 on nopass ~a* &ch +@all -del", "1 AUTH u1 x", "1 MULTI", "1 DEL a", "1 SET a 1", "1 EXEC"],
      ...["1 MULTI", "1 SET b 1", "1 EXEC", "1 MULTI", "1 PUBLISH x 1", "1 EXEC", "1 MULTI", "1 SET a 1", "1 GET a"],
      ...["1 PUBLISH ch 1", "1 INCR a", "0 ACL SETUSER u1 -set resetchannels", "1 EXEC", "1 MULTI", "1 INCR a"],
      ...[
        "0 ACL SETUSER u1 resetkeys ~b",
        "1 EXEC",
        "1 MULTI",
        "1 PING",
        "0 ACL SETUSER u1 -exec",
        "1 EXEC",
        "1 DISCARD",
      ],
      ...["0 ACL SETUSER u1 -multi", "1 MULTI", "1 PING", "0 ACL LOG 20"],
    );
  });

  test("scripts run with the rights of who calls them", async () => {
    const calls = [
      ...[
        "'set','a','1'",
        "'get','b'",
        "'get','a'",
        "'acl','whoami'",
        "'publish','x','y'",
        "'publish','ch','y'",
        "'get'",
      ],
      ...["'sort','a','by','x*'", "'sort','a','get','x*'", "'nosuch','a'"],
    ];
    const scripts = calls.flatMap((words) =>
      ["call", "pcall", "acl_check_cmd"].map((name) => `return·redis.${name}(${words})`),
    );
    await compareLines(
      ...["0 ACL SETUSER u1 on nopass ~a* &ch +@all -set", "1 AUTH u1 x", "1 EVAL return·1 1 b", "1 EVAL return·1 1 a"],
      ...scripts.flatMap((script) => [`1 EVAL ${script} 0`, `0 EVAL ${script} 0`]),
      ...["0 ACL LOG 20", "1 MULTI", "1 EVAL return·redis.call('get','b') 0", "1 EXEC", "0 ACL LOG"],
    );
  });

  test("a user that is deleted, or loses a channel, is cut off", async () => {
    await compareLines(
      ...[
        "0 ACL SETUSER u1 on nopass +@all ~* &*",
        "0 ACL SETUSER u2 on nopass +@all &c1 &p*",
        "1 AUTH u1 x",
        "2 AUTH u2 x",
      ],
      ...[
        "3 AUTH u2 x",
        "2 SUBSCRIBE c1",
        "3 PSUBSCRIBE p*",
        "0 ACL SETUSER u2 &c2",
        "2 SUBSCRIBE c2",
        "0 ACL SETUSER u2 resetchannels &c1 &c2",
      ],
      ...["0 CLIENT KILL USER u1", "0 CLIENT KILL USER u2", "0 PUBLISH c1 x", "4 AUTH u1 x", "0 ACL DELUSER u1"],
      ...["5 AUTH u2 x", "5 ACL DELUSER u2"],
    );
  });

  test("a change of rights counts at once for connections that are there", async () => {
    await compareLines(
      ...[
        "0 ACL SETUSER u1 on nopass",
        "1 AUTH u1 x",
        "1 GET a",
        "0 ACL SETUSER u1 +get",
        "1 GET a",
        "0 ACL SETUSER u1 ~a",
      ],
      ...[
        "1 GET a",
        "0 ACL SETUSER u1 allkeys allcommands allchannels",
        "1 SET b 1",
        "0 ACL SETUSER u1 -set",
        "1 SET b 1",
      ],
      ...["0 ACL SETUSER u1 nocommands", "1 GET a", "1 AUTH default x", "1 GET a", "1 RESET", "1 PING"],
    );
  });

  test.each([41, 42, 43])("random rules agree in what they allow (seed %i)", async (fallback) => {
    const seed = seedOf(fallback);
    const script = new Script(seed);
    const steps: Step[] = [];
    for (let round = 0; round < 150; round++) {
      const user = script.pick(USERS);
      steps.push({ args: ["ACL", "SETUSER", user, ...randomRules(script)] }, { args: ["ACL", "GETUSER", user] });
      for (const call of script.some(CALLS, 30)) steps.push({ args: ["ACL", "DRYRUN", user, ...call.split(" ")] });
    }
    steps.push({ args: ["ACL", "LIST"] });
    expect(await compare(steps, seed)).toBe(steps.length + 2);
  });

  test.each([44, 45])(
    "redis-server makes of our description the user that it made of the rules (seed %i)",
    async (fallback) => {
      const seed = seedOf(fallback);
      const script = new Script(seed);
      const [ours, reference] = await Promise.all(
        [pair.ports.ours, pair.ports.reference].map((port) => ReferenceClient.connect(port)),
      );
      if (ours === undefined || reference === undefined) throw new Error("Both servers are there");
      for (let round = 0; round < 150; round++) {
        const rules = randomRules(script);
        const make = ["ACL", "SETUSER", "u1", "reset", ...rules];
        await Promise.all([ours.send([make]), reference.send([make])]);
        const [description] = await ours.send([["ACL", "GETUSER", "u1"]]);
        const commands = commandsOf(description);
        const [made, copied, left, right] = await reference.send([
          ["ACL", "SETUSER", "u2", "reset"],
          ["ACL", "SETUSER", "u2", ...commands.split(" ")],
          ["ACL", "GETUSER", "u1"],
          ["ACL", "GETUSER", "u2"],
        ]);
        expect([made, copied], `seed ${seed}: ${rules.join(" ")}`).toEqual(["OK", "OK"]);
        const sorted = [left, right].map((reply) => commandsOf(reply).split(" ").sort().join(" "));
        expect(sorted[0], `seed ${seed}: ${rules.join(" ")}`).toBe(sorted[1]);
      }
      ours.close();
      reference.close();
    },
  );
});

function commandsOf(reply: unknown): string {
  const fields = (reply as readonly unknown[]).map((field) => (Buffer.isBuffer(field) ? field.toString() : field));
  return String(fields[fields.indexOf("commands") + 1]);
}

/** What they answer depends on more than on permissions. */
const OTHERWISE_DIFFERENT = /^(MIGRATE|CLIENT ID|MEMORY|DEBUG|KEYS|SCAN|DUMP)/;

const COMMANDS = [
  "get",
  "set",
  "config",
  "config|get",
  "select",
  "acl",
  "client|id",
  "object",
  "sort",
  "publish",
  "GET",
];
const CATEGORIES = [
  "all",
  "read",
  "write",
  "string",
  "slow",
  "fast",
  "dangerous",
  "admin",
  "keyspace",
  "pubsub",
  "nosuch",
];

function randomRules(script: Script): string[] {
  const rule = (): string => {
    const sign = script.pick(["+", "-"]);
    return script.pick([
      () => `${sign}@${script.pick(CATEGORIES)}`,
      () => `${sign}${script.pick(COMMANDS)}`,
      () => `+${script.pick(["select|0", "select|1", "config|set", "get|a", "config|nosuch", "acl|whoami|x"])}`,
      () => script.pick(["~*", "~r:*", "~x:?", "%R~r:*", "%W~w:*", "%RW~a", "resetkeys", "allkeys", "%~q"]),
      () => script.pick(["&*", "&ch*", "&other", "resetchannels", "allchannels"]),
      () => script.pick(["on", "off", ">p", "<p", ">q", "nopass", "resetpass", "reset", "clearselectors"]),
    ])();
  };
  const rules = Array.from({ length: 1 + script.random.below(4) }, rule);
  if (script.once(4)) rules.push(`(${rule()} ${rule()})`);
  return rules;
}
