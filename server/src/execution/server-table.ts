/** The command table of a server, under the names that its configuration gives the commands. */

import { ALL_COMMANDS } from "../commands/all-commands.ts";
import { CommandTable } from "../commands/command-table.ts";
import { ConfigFileError } from "../config/config-file.ts";

/** `renamed`: new names by old ones, "" for none. Throws a ConfigFileError if there is no such command, or the new name is one's. */
export function createServerTable(renamed: ReadonlyMap<string, string> = new Map()): CommandTable {
  const table = new CommandTable(ALL_COMMANDS);
  for (const [name, newName] of renamed) {
    const problem = table.rename(name, newName);
    if (problem !== undefined) throw new ConfigFileError(`rename-command ${name}: ${problem}`);
  }
  return table;
}
