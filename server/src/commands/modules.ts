/**
 * MODULE: there are no modules and none can be loaded, since they are C code for another server. Clients ask for the list all
 * the same, and get Redis' answers: an empty list, and the errors of a load or unload that failed.
 */

import type { CommandFunction } from "./command.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError } from "./errors.ts";
import { protectedRefusal } from "./protected-commands.ts";

const LOAD_FLAGS = ["admin", "noscript", "no_async_loading"] as const;
const LOAD_ERROR = "ERR Error loading the extension. Please check the server logs.";
const UNLOAD_ERROR = "ERR Error unloading module: no such module with that name";

export const moduleCommands = defineCommands([
  {
    name: "module",
    arity: -2,
    flags: [],
    group: "server",
    since: "4.0.0",
    complexity: "Depends on the subcommand",
    summary: "Looks at modules, of which there are none.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("module", "server", "5.0.0", [
      {
        name: "list",
        arity: 2,
        flags: ["admin", "noscript"],
        tips: ["nondeterministic_output_order"],
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Gives the modules: none.",
        syntax: "",
        run: (call) => call.reply.array(0),
      },
      {
        name: "load",
        arity: -3,
        flags: LOAD_FLAGS,
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Fails: modules cannot be loaded.",
        syntax: "path [arg [arg ...]]",
        run: refuse(LOAD_ERROR),
      },
      {
        name: "loadex",
        arity: -3,
        flags: LOAD_FLAGS,
        group: "server",
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Fails: modules cannot be loaded.",
        syntax: "path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]",
        run: refuse(LOAD_ERROR),
      },
      {
        name: "unload",
        arity: 3,
        flags: LOAD_FLAGS,
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Fails: there is no module.",
        syntax: "name",
        run: refuse(UNLOAD_ERROR),
      },
    ]),
  },
]);

function refuse(error: string): CommandFunction {
  return (call) => {
    throw new CommandError(protectedRefusal(call, call.server.table.fullNames[call.command] as string) ?? error);
  };
}
