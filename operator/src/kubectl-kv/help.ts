/** The texts of --help, out of the table of commands. */

import { COMMON_OPTIONS, type CommandRow, type OptionRow } from "./arguments.ts";

export function generalHelp(commands: readonly CommandRow[]): string {
  const lines = commands.map((command) => `  ${synopsis(command).padEnd(40)} ${command.summary}`);
  return `Looks after clusters of the kvcluster operator.

Usage: kubectl kv COMMAND

${lines.join("\n")}

Each command has options of its own: kubectl kv COMMAND --help
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 not done in time.
`;
}

export function commandHelp(command: CommandRow): string {
  return `${command.help}

Usage: kubectl kv ${synopsis(command)} [options]

${[...command.options, ...COMMON_OPTIONS].map(optionLine).join("\n")}
`;
}

function synopsis({ name, words, takesRest }: CommandRow): string {
  return [name, ...words, ...(takesRest ? ["[-- WORD…]"] : [])].join(" ");
}

function optionLine({ name, short, value, help }: OptionRow): string {
  const names = `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
  return `  ${names.padEnd(30)} ${help}`;
}
