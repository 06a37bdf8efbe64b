/** COMMAND: the command table as clients see it. Every answer derives from the rows. */

import { globMatchBuffer } from "@kvcluster/protocol/glob";
import { aclCategories } from "./acl-categories.ts";
import type { Call } from "./call.ts";
import type { CommandRow } from "./command.ts";
import { defineCommands } from "./command.ts";
import { describeRow } from "./command-description.ts";
import { describeDocumentation } from "./command-documentation.ts";
import { withHelp } from "./container-help.ts";
import { CommandError, ERRORS } from "./errors.ts";
import type { KeyPosition } from "./key-positions.ts";
import { keyPositions } from "./key-positions.ts";

const LOOK = ["loading", "stale"] as const;
const UNORDERED = ["nondeterministic_output_order"] as const;

export const introspectionCommands = defineCommands([
  {
    name: "command",
    arity: -1,
    flags: LOOK,
    categories: ["connection"],
    tips: UNORDERED,
    group: "server",
    since: "2.8.13",
    complexity: "O(N) in the number of commands",
    summary: "Describes all commands.",
    syntax: "",
    run: (call) => describeAll(call, topLevelIds(call), describeRow),
    subcommands: withHelp("command", "server", "5.0.0", [
      {
        name: "count",
        arity: 2,
        flags: LOOK,
        categories: ["connection"],
        group: "server",
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Gives the number of commands.",
        syntax: "",
        run: (call) => call.reply.integer(topLevelIds(call).length),
      },
      {
        name: "info",
        arity: -2,
        flags: LOOK,
        categories: ["connection"],
        tips: UNORDERED,
        group: "server",
        since: "2.8.13",
        complexity: "O(N) in the number of commands asked for",
        summary: "Describes commands, or all of them.",
        syntax: "[command-name [command-name ...]]",
        run: commandInfo,
      },
      {
        name: "docs",
        arity: -2,
        flags: LOOK,
        categories: ["connection"],
        tips: UNORDERED,
        group: "server",
        since: "7.0.0",
        complexity: "O(N) in the number of commands asked for",
        summary: "Documents commands, or all of them.",
        syntax: "[command-name [command-name ...]]",
        run: commandDocs,
      },
      {
        name: "list",
        arity: -2,
        flags: LOOK,
        categories: ["connection"],
        tips: UNORDERED,
        group: "server",
        since: "7.0.0",
        complexity: "O(N) in the number of commands",
        summary: "Names all commands, or those of a category or like a pattern.",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        run: commandList,
      },
      {
        name: "getkeys",
        arity: -4,
        flags: LOOK,
        categories: ["connection"],
        group: "server",
        since: "2.8.13",
        complexity: "O(N) in the number of arguments",
        summary: "Finds the keys in a whole command.",
        syntax: "command [arg [arg ...]]",
        run: (call) => replyKeys(call, (found) => call.reply.bulkBuffer(call.copy(found.argument))),
      },
      {
        name: "getkeysandflags",
        arity: -4,
        flags: LOOK,
        categories: ["connection"],
        group: "server",
        since: "7.0.0",
        complexity: "O(N) in the number of arguments",
        summary: "Finds the keys in a whole command, and what it does to each.",
        syntax: "command [arg [arg ...]]",
        run: (call) => replyKeys(call, (found) => replyKeyAndFlags(call, found)),
      },
    ]),
  },
]);

function topLevelIds(call: Call): number[] {
  const { table } = call.server;
  const ids: number[] = [];
  for (let id = 1; id < table.size; id++) if (table.hasName(id)) ids.push(id);
  return ids;
}

type Describe = (call: Call, row: CommandRow, fullName: string) => void;

function describeAll(call: Call, ids: readonly number[], describe: Describe): void {
  const { table } = call.server;
  call.reply.array(ids.length);
  for (const id of ids) {
    if (id === 0) call.reply.nil();
    else describe(call, table.rows[id] as CommandRow, table.fullNames[id] as string);
  }
}

function namedIds(call: Call): number[] {
  const ids: number[] = [];
  for (let index = 2; index < call.argc; index++) ids.push(call.server.table.named(call.text(index)));
  return ids;
}

function commandInfo(call: Call): void {
  describeAll(call, call.argc === 2 ? topLevelIds(call) : namedIds(call), describeRow);
}

function commandDocs(call: Call): void {
  const { table } = call.server;
  const ids = call.argc === 2 ? topLevelIds(call) : namedIds(call).filter((id) => id !== 0);
  call.reply.map(ids.length);
  for (const id of ids) {
    const fullName = table.fullNames[id] as string;
    call.reply.bulkString(fullName);
    describeDocumentation(call, table.rows[id] as CommandRow, fullName);
  }
}

function commandList(call: Call): void {
  const { table } = call.server;
  const isMatch = listFilter(call);
  const names: string[] = [];
  for (let id = 1; id < table.size; id++) {
    const fullName = table.fullNames[id] as string;
    if (isMatch(table.rows[id] as CommandRow, fullName)) names.push(fullName);
  }
  call.reply.array(names.length);
  for (const name of names) call.reply.bulkString(name);
}

function listFilter(call: Call): (row: CommandRow, fullName: string) => boolean {
  if (call.argc === 2) return () => true;
  if (call.argc !== 5 || !call.is(2, "filterby")) throw new CommandError(ERRORS.syntax);
  if (call.is(3, "module")) return () => false;
  if (call.is(3, "aclcat")) {
    const category = call.text(4).toLowerCase();
    return (row) => aclCategories(row).some((candidate) => candidate === category);
  }
  if (!call.is(3, "pattern")) throw new CommandError(ERRORS.syntax);
  const pattern = call.copy(4);
  return (_row, fullName) => globMatchBuffer(pattern, Buffer.from(fullName), true);
}

/** Treats the arguments from the third on as a request of their own, and answers with its keys. */
function replyKeys(call: Call, replyOne: (found: KeyPosition) => void): void {
  let mayHaveNone = false;
  const found = withInnerRequest(call, () => {
    const row = innerRow(call);
    if (row === undefined) throw new CommandError("ERR Invalid command specified");
    if (!(row.keys ?? []).some((spec) => !spec.flags.includes("not_key"))) {
      throw new CommandError("ERR The command has no key arguments");
    }
    const isRightCount = row.arity > 0 ? call.argc === row.arity : call.argc >= -row.arity;
    if (!isRightCount) throw new CommandError("ERR Invalid number of arguments specified for command");
    mayHaveNone = row.flags.includes("no_mandatory_keys");
    return keyPositions(row, call);
  });
  if (found.length === 0 && !mayHaveNone) throw new CommandError("ERR Invalid arguments specified for command");
  call.reply.array(found.length);
  for (const { argument, flags } of found) replyOne({ argument: argument + INNER_START, flags });
}

const INNER_START = 2;
/** No command has this id. */

function withInnerRequest<Result>(call: Call, run: () => Result): Result {
  const { argc, offset, length } = call;
  call.argc = argc - INNER_START;
  call.offset = offset.subarray(INNER_START);
  call.length = length.subarray(INNER_START);
  try {
    return run();
  } finally {
    Object.assign(call, { argc, offset, length });
  }
}

function innerRow(call: Call): CommandRow | undefined {
  const { table } = call.server;
  const id = table.requested(call);
  return id === 0 ? undefined : table.rows[id];
}

function replyKeyAndFlags(call: Call, { argument, flags }: KeyPosition): void {
  call.reply.array(2);
  call.reply.bulkBuffer(call.copy(argument));
  call.reply.set(flags.length);
  for (const flag of flags) call.reply.status(flag);
}
