/** The table against redis-server's: wrong numbers of arguments and unknown names. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers, type Step } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const SUBCOMMANDS_COLUMN = 9;

describe.runIf(hasReferenceServer)("the command table beside redis-server", () => {
  let pair: ServerPair;
  let ours: Map<string, number>;
  let theirs: Map<string, number>;
  beforeAll(async () => {
    pair = await startServerPair();
    [ours, theirs] = await Promise.all([aritiesOf(pair.ports.ours), aritiesOf(pair.ports.reference)]);
  });
  afterAll(() => pair.stop());

  test("a command with too few or too many arguments is refused in the same words", async () => {
    const steps: Step[] = [];
    for (const [name, arity] of ours) {
      if (!theirs.has(name)) continue;
      const words = name.split("|");
      const wrong = arity > 0 ? [arity - 1, arity + 1, arity + 7] : [-arity - 1];
      for (const count of wrong) {
        if (count < words.length) continue;
        steps.push({ args: [...words, ...Array.from({ length: count - words.length }, (_, i) => `a${i}`)] });
      }
    }
    expect(steps.length).toBeGreaterThan(150);
    expect(await compareServers({ ports: pair.ports, steps })).toBe(steps.length);
  });

  test("COMMAND's subcommands answer the same where the tables do not differ", async () => {
    const requests = [
      ...[
        "list filterby module x",
        "list filterby aclcat nosuch",
        "list filterby pattern xyz*",
        "list filterby foo bar",
      ],
      ...[
        "list x",
        "list filterby aclcat",
        "info nosuch",
        "info get nosuch config|nosuch",
        "info config|get lpush zadd",
      ],
      ...["docs nosuch", "count x", "getkeys get", "getkeys nosuch a b", "getkeys config get a", "getkeys get a b"],
      ...[
        "getkeys config nosuch a",
        "getkeys object encoding k",
        "getkeys sunion a b a",
        "getkeys ping a",
        "getkeys mset",
      ],
      ...[
        "getkeysandflags set k v",
        "getkeysandflags set k v get",
        "getkeysandflags smove a b c",
        "getkeysandflags get",
      ],
      ...[
        "getkeys zunionstore d 2 a b",
        "getkeys zunionstore d 3 a b",
        "getkeys zunionstore d x a b",
        "getkeys zunion 0 a",
      ],
      ...[
        "getkeysandflags memory usage k",
        "getkeysandflags msetnx a 1 b 2",
        "getkeys spublish a b",
        "getkeys mset a 1 b",
      ],
      ...["getkeysandflags zinter 02 a b", "getkeys lmpop 2 a b left"],
    ];
    const steps = requests.map((request) => ({ args: ["command", ...request.split(" ")] }));
    const inResp3 = [{ args: ["hello", "3"] }, ...steps];
    const normalisers = KNOWN_DIFFERENCES;
    expect(await compareServers({ ports: pair.ports, steps, normalisers })).toBe(steps.length);
    expect(await compareServers({ ports: pair.ports, steps: inResp3, normalisers })).toBe(inResp3.length);
  });

  test("unknown commands and subcommands are refused in the same words", async () => {
    const long = "x".repeat(200);
    const names = ["nosuch", "NoSuch", "", " ", "get ", "gett", "ge", "\0get", "a\r\nb", long, "GET'", 'a"b', "é"];
    const tails = [
      [],
      ["a"],
      ["a", "b", "c"],
      [long],
      ["", ""],
      ["a\r\nb"],
      ["x".repeat(127), "y"],
      new Array<string>(60).fill("a"),
      new Array<string>(60).fill(""),
      ["x".repeat(128), "y"],
    ];
    const many = Array.from({ length: 60 }, (_, i) => `argument${i}`);
    const steps: Step[] = [];
    for (const name of names) {
      for (const tail of [...tails, many]) steps.push({ args: [name, ...tail] });
      for (const container of ["CONFIG", "object", "Client", "CLUSTER", "PUBSUB"]) {
        steps.push({ args: [container, name] }, { args: [container, name, "a", "b"] });
      }
    }
    expect(await compareServers({ ports: pair.ports, steps })).toBe(steps.length);
  });
});

/** Names (`config|get` for a subcommand) and arities. */
async function aritiesOf(port: number): Promise<Map<string, number>> {
  const client = await ReferenceClient.connect(port);
  const [reply] = await client.send([["COMMAND"]]);
  client.close();
  const arities = new Map<string, number>();
  const visit = (row: unknown): void => {
    const columns = row as unknown[];
    arities.set(String(columns[0]), columns[1] as number);
    for (const subcommand of (columns[SUBCOMMANDS_COLUMN] ?? []) as unknown[]) visit(subcommand);
  };
  for (const row of reply as unknown[]) visit(row);
  return arities;
}
