/** One row of the command table as the nested reply of COMMAND DOCS, without anything that the row does not say. */

import type { Call } from "./call.ts";
import type { CommandRow } from "./command.ts";
import { COMMAND_HISTORY, DEPRECATIONS, SYSTEM_COMMANDS } from "./command-history.ts";
import { type Argument, parseSyntax } from "./syntax.ts";

/** A field of a map, and what appends its value. */
type Field = readonly [name: string, append: () => void];

export function describeDocumentation(call: Call, row: CommandRow, fullName: string): void {
  const { reply } = call;
  const text = (name: string, value: string): Field => [name, () => reply.bulkString(value)];
  const fields: Field[] = [];
  if (row.summary !== "") fields.push(text("summary", row.summary));
  fields.push(text("since", row.since), text("group", row.group));
  if (row.complexity !== "") fields.push(text("complexity", row.complexity));
  const deprecation = DEPRECATIONS[fullName];
  const flags = [
    ...(deprecation === undefined ? [] : ["deprecated"]),
    ...(SYSTEM_COMMANDS.has(fullName) ? ["syscmd"] : []),
  ];
  if (flags.length > 0) fields.push(["doc_flags", () => replyStatusSet(call, flags)]);
  if (deprecation !== undefined) {
    fields.push(text("deprecated_since", deprecation.since), text("replaced_by", deprecation.replacedBy));
  }
  const history = COMMAND_HISTORY[fullName] ?? [];
  if (history.length > 0) fields.push(["history", () => describeHistory(call, history)]);
  const argumentTrees = parseSyntax(row.syntax, row.keys?.length ?? 0);
  if (argumentTrees.length > 0) fields.push(["arguments", () => describeArguments(call, argumentTrees)]);
  const subcommands = row.subcommands ?? [];
  if (subcommands.length > 0) fields.push(["subcommands", () => describeSubcommands(call, subcommands, fullName)]);
  replyMap(call, fields);
}

function describeSubcommands(call: Call, rows: readonly CommandRow[], container: string): void {
  call.reply.map(rows.length);
  for (const row of rows) {
    const fullName = `${container}|${row.name}`;
    call.reply.bulkString(fullName);
    describeDocumentation(call, row, fullName);
  }
}

function describeHistory(call: Call, history: readonly (readonly [string, string])[]): void {
  call.reply.set(history.length);
  for (const [version, change] of history) {
    call.reply.array(2);
    call.reply.bulkString(version);
    call.reply.bulkString(change);
  }
}

function describeArguments(call: Call, trees: readonly Argument[]): void {
  call.reply.array(trees.length);
  for (const argument of trees) describeArgument(call, argument);
}

function describeArgument(call: Call, argument: Argument): void {
  const { reply } = call;
  const { keySpecIndex, token, arguments: inner } = argument;
  const fields: Field[] = [
    ["name", () => reply.bulkString(argument.name)],
    ["type", () => reply.bulkString(argument.type)],
  ];
  if (inner === undefined) fields.push(["display_text", () => reply.bulkString(argument.name)]);
  if (keySpecIndex !== undefined) fields.push(["key_spec_index", () => reply.integer(keySpecIndex)]);
  if (token !== undefined) fields.push(["token", () => reply.bulkString(token)]);
  const flags: string[] = [];
  if (argument.isOptional) flags.push("optional");
  if (argument.isMultiple) flags.push("multiple");
  if (argument.isTokenRepeated) flags.push("multiple_token");
  if (flags.length > 0) fields.push(["flags", () => replyStatusSet(call, flags)]);
  if (inner !== undefined) fields.push(["arguments", () => describeArguments(call, inner)]);
  replyMap(call, fields);
}

function replyMap(call: Call, fields: readonly Field[]): void {
  call.reply.map(fields.length);
  for (const [name, append] of fields) {
    call.reply.bulkString(name);
    append();
  }
}

export function replyStatusSet(call: Call, words: readonly string[]): void {
  call.reply.set(words.length);
  for (const word of words) call.reply.status(word);
}
