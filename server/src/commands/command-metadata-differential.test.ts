/** COMMAND INFO and COMMAND DOCS beside those of redis-server, column by column. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { METADATA_DIFFERENCES } from "../testing/known-differences.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const INFO_COLUMNS = ["arity", "flags", "first", "last", "step", "categories", "tips", "keys"] as const;
const SUBCOMMANDS_COLUMN = 9;

/** One command's columns as text, those that are sets sorted. */
type Columns = Map<string, string>;

describe.runIf(hasReferenceServer)("the description of commands beside redis-server's", () => {
  let pair: ServerPair;
  let ours: Map<string, Columns>;
  let theirs: Map<string, Columns>;
  beforeAll(async () => {
    pair = await startServerPair();
    [ours, theirs] = await Promise.all([describedBy(pair.ports.ours), describedBy(pair.ports.reference)]);
  });
  afterAll(() => pair.stop());

  test("every column is the same, or a known difference that is still one", () => {
    const differences: string[] = [];
    for (const [command, columns] of ours) {
      const reference = theirs.get(command);
      if (reference === undefined) continue;
      for (const [column, value] of columns) {
        if (value !== reference.get(column)) differences.push(`${command} ${column}`);
      }
    }
    const known = METADATA_DIFFERENCES.filter(({ command }) => ours.has(command));
    expect(differences.sort()).toEqual(known.map(({ command, column }) => `${command} ${column}`).sort());
    expect(ours.size).toBeGreaterThan(200);
  });

  test("every command says what it does, since when, and how long it takes", async () => {
    const client = await ReferenceClient.connect(pair.ports.ours);
    const [docs] = await client.send([["COMMAND", "DOCS"]]);
    client.close();
    const bare: string[] = [];
    const visit = (name: string, documentation: unknown): void => {
      const fields = new Map(pairs(documentation));
      for (const field of ["summary", "since", "group", "complexity"]) {
        if (String(fields.get(field) ?? "") === "") bare.push(`${name} ${field}`);
      }
      for (const [subcommand, inner] of pairs(fields.get("subcommands"))) visit(subcommand, inner);
    };
    for (const [name, documentation] of pairs(docs)) visit(name, documentation);
    expect(bare).toEqual([]);
  });
});

async function describedBy(port: number): Promise<Map<string, Columns>> {
  const client = await ReferenceClient.connect(port);
  const [info, docs] = await client.send([["COMMAND"], ["COMMAND", "DOCS"]]);
  client.close();
  const commands = new Map<string, Columns>();
  for (const row of info as unknown[][]) readInfo(commands, row);
  for (const [name, documentation] of pairs(docs)) readDocs(commands, name, documentation);
  return commands;
}

function readInfo(commands: Map<string, Columns>, row: readonly unknown[]): void {
  const columns: Columns = new Map();
  INFO_COLUMNS.forEach((name, i) => {
    const value = row[i + 1];
    if (name === "keys") columns.set(name, (value as unknown[]).map(keySpecText).join(" "));
    else columns.set(name, (Array.isArray(value) ? value.map(String).sort() : [value]).join(" "));
  });
  commands.set(String(row[0]), columns);
  for (const subcommand of row[SUBCOMMANDS_COLUMN] as unknown[][]) readInfo(commands, subcommand);
}

/** Notes are prose of Redis and have no part in it. */
function keySpecText(spec: unknown): string {
  const fields = pairs(spec).filter(([name]) => name !== "notes");
  return JSON.stringify(fields, (_, value: unknown) => (Buffer.isBuffer(value) ? value.toString() : value));
}

function readDocs(commands: Map<string, Columns>, name: string, documentation: unknown): void {
  const columns = commands.get(name);
  const fields = new Map(pairs(documentation));
  for (const field of ["since", "group", "deprecated_since"]) columns?.set(field, String(fields.get(field) ?? ""));
  const versions = ((fields.get("history") ?? []) as unknown[][]).map(([version]) => String(version));
  columns?.set("history", versions.filter((version) => version < "7.2").join(" "));
  columns?.set("doc_flags", ((fields.get("doc_flags") ?? []) as unknown[]).join(" "));
  columns?.set("arguments", sequenceText(fields.get("arguments")));
  for (const [subcommand, inner] of pairs(fields.get("subcommands"))) readDocs(commands, subcommand, inner);
}

function sequenceText(args: unknown): string {
  return ((args ?? []) as unknown[]).map(argumentText).join(" ");
}

/** The structure of an argument: type, key, token, flags and what is inside. */
function argumentText(argument: unknown): string {
  const fields = new Map(pairs(argument));
  const flags = ((fields.get("flags") ?? []) as unknown[]).map(String).sort();
  const parts = [fields.get("type"), fields.get("key_spec_index"), fields.get("token"), flags.join(",")];
  return `(${parts.map((part) => String(part ?? "")).join(":")} ${sequenceText(fields.get("arguments"))})`;
}

/** A map of RESP2: names and values in turn. */
function pairs(reply: unknown): [string, unknown][] {
  const flat = (reply ?? []) as unknown[];
  return Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]]);
}
