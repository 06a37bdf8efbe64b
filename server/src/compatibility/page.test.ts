import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ALL_COMMANDS } from "../commands/all-commands.ts";
import { COMMAND_HISTORY, DEPRECATIONS } from "../commands/command-history.ts";
import { DIRECTIVES } from "../config/directives.ts";
import { hasReferenceServer, ReferenceClient, startReferenceServer } from "../testing/reference-server.ts";
import { catalogue } from "./catalogue.ts";
import { PARTLY_DONE, REASONS_FOR_MISSING } from "./exceptions.ts";
import { compatibilityPage, standings } from "./page.ts";
import { STANDING_FIELDS } from "./standing-fields.ts";

const DATA_GROUPS = new Set([
  ...[
    "string",
    "bitmap",
    "hyperloglog",
    "list",
    "set",
    "sorted-set",
    "geo",
    "hash",
    "stream",
    "transactions",
    "pubsub",
  ],
]);

describe("the catalogue of commands", () => {
  test("names each command once", () => {
    const names = catalogue().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.runIf(hasReferenceServer)("has every command of redis-server 7.0.15", async () => {
    const server = await startReferenceServer();
    const client = await ReferenceClient.connect(server.port);
    const [reply] = await client.send([["COMMAND", "LIST"]]);
    client.close();
    await server.stop();
    const known = new Set(catalogue().map(({ name }) => name));
    const theirs = (reply as Buffer[]).map(String);
    expect(theirs.length).toBeGreaterThan(200);
    expect(theirs.filter((name) => !known.has(name))).toEqual([]);
  });

  test("every row of the table is in it, with the same group and version", () => {
    const known = new Map(catalogue().map((entry) => [entry.name, entry]));
    const differing = ALL_COMMANDS.flat().filter(
      ({ name, group, since }) => known.get(name)?.group !== group || known.get(name)?.since !== since,
    );
    expect(differing.map(({ name }) => name)).toEqual([]);
  });

  test("histories, deprecations and notes are about commands that exist", () => {
    const known = new Set(catalogue().map(({ name }) => name));
    const named = [COMMAND_HISTORY, DEPRECATIONS, PARTLY_DONE, REASONS_FOR_MISSING].flatMap((table) =>
      Object.keys(table),
    );
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("the compatibility page", () => {
  test("a command is done as soon as it has a row", () => {
    const get = standings().find(({ name }) => name === "get");
    expect(get?.standing).toEqual({ kind: "done" });
    expect(compatibilityPage()).toContain("`GET`");
  });

  test("no command of a data type is missing, and every other says why", () => {
    const missing = standings().filter(({ standing }) => standing.kind === "missing");
    expect(missing.filter(({ group }) => DATA_GROUPS.has(group)).map(({ name }) => name)).toEqual([]);
    const silent = missing.filter(({ standing }) => standing.kind === "missing" && standing.reason === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test("a note is only about a command that is there", () => {
    const partly = standings().filter(({ standing }) => standing.kind === "partly");
    expect(partly.map(({ name }) => name).sort()).toEqual(Object.keys(PARTLY_DONE).sort());
  });
});

/** What is so whatever they say: see the page. */
const ALWAYS_SO = /^(lazyfree-lazy-.*|replica-lazy-flush|sanitize-dump-payload)$/;

test("each directive that is called honoured is read somewhere", () => {
  const root = path.join(import.meta.dirname, "..");
  const files = globSync("**/*.ts", { cwd: root }).filter(
    (file) => !/\.(test|fuzz)\.ts$|^testing\/|^config\/directives\.ts$/.test(file),
  );
  const source = files.map((file) => readFileSync(path.join(root, file), "utf8")).join("\n");
  const honoured = DIRECTIVES.filter(({ name, effect }) => effect === "full" && !ALWAYS_SO.test(name));
  expect(honoured.length).toBeGreaterThan(100);
  expect(honoured.map(({ name }) => name).filter((name) => !source.includes(`"${name}"`))).toEqual([]);
});

test("the fields of INFO that are called constant are those whose values stand in the source", () => {
  const source = readFileSync(path.join(import.meta.dirname, "../observability/info-sections.ts"), "utf8");
  const constant = Array.from(source.matchAll(/\["(\w+)", (?:0|"[^"]*")\]/g), ([, name]) => name);
  expect(constant.length).toBeGreaterThan(20);
  expect(STANDING_FIELDS.flatMap(({ fields }) => fields).sort()).toEqual(constant.sort());
});
