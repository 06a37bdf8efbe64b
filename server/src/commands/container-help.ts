/**
 * The HELP subcommand that every container has: its text comes from the rows beside it, so it cannot grow stale. Also the
 * function of containers themselves, which run only through their subcommands.
 */

import type { CommandFunction, CommandRow } from "./command.ts";
import { plainSyntax } from "./syntax.ts";

/** A container's own function: the dispatcher has refused the request before it gets here. */
export const containerOnly: CommandFunction = () => undefined;

/** Adds HELP to a container's subcommands. */
export function withHelp<const Rows extends readonly CommandRow[]>(
  container: string,
  group: string,
  since: string,
  rows: Rows,
): readonly CommandRow[] {
  const help: CommandRow = {
    name: "help",
    arity: 2,
    flags: ["loading", "stale"],
    ...(rows[0]?.categories === undefined ? {} : { categories: rows[0].categories }),
    group,
    since,
    complexity: "O(1)",
    summary: "Prints this help.",
    syntax: "",
    run(call) {
      const lines = helpLines(container, [...rows, help]);
      call.reply.array(lines.length);
      for (const line of lines) call.reply.status(line);
    },
  };
  return [...rows, help];
}

interface HelpEntry {
  readonly name: string;
  readonly syntax: string;
  readonly summary: string;
}

export function helpLines(container: string, rows: readonly HelpEntry[]): string[] {
  const title = `${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  return [
    title,
    ...rows.flatMap((row) => [`${row.name.toUpperCase()} ${helpSyntax(row.syntax)}`.trim(), `    ${row.summary}`]),
  ];
}

/** Arguments as help texts show them: names in angle brackets, `(YES|NO)` for a choice. */
function helpSyntax(syntax: string): string {
  const plain = plainSyntax(syntax).replaceAll(" | ", "|");
  const choices = /^[^\s<>[\]]+(\|[^\s<>[\]]+)+$/.test(plain) ? `(${plain})` : plain.replace(/<([^<>]*)>/g, "($1)");
  return choices.replace(/(?<![\w-])[a-z][a-z0-9_-]*/g, "<$&>");
}
