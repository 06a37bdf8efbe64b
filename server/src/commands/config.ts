/** CONFIG: the live configuration over the wire. Texts of arguments are UTF-8, as in the file. */

import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { isLocalClient } from "./local-client.ts";

const ADMIN = ["admin", "noscript", "loading", "stale"] as const;

export const configCommands = defineCommands([
  {
    name: "config",
    arity: -2,
    flags: [],
    group: "server",
    since: "2.0.0",
    complexity: "Depends on the subcommand",
    summary: "Reads and changes the configuration.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("config", "server", "5.0.0", [
      {
        name: "get",
        arity: -3,
        flags: ADMIN,
        group: "server",
        since: "2.0.0",
        complexity: "O(N) in the number of directives and patterns",
        summary: "Gives the directives that match any of the patterns, with their values.",
        syntax: "parameter [parameter ...]",
        run: configGet,
      },
      {
        name: "set",
        arity: -4,
        flags: ADMIN,
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "server",
        since: "2.0.0",
        complexity: "O(N) in the number of directives given",
        summary: "Changes directives at run time: all of them, or none if one is refused.",
        syntax: "parameter value [parameter value ...]",
        run: configSet,
      },
      {
        name: "rewrite",
        arity: 2,
        flags: ADMIN,
        group: "server",
        since: "2.8.0",
        complexity: "O(N) in the length of the file",
        summary: "Writes the live configuration into the configuration file.",
        syntax: "",
        run: configRewrite,
      },
      {
        name: "resetstat",
        arity: 2,
        flags: ADMIN,
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "server",
        since: "2.0.0",
        complexity: "O(N) in the number of commands",
        summary: "Sets the statistics of INFO back to zero.",
        syntax: "",
        run: configResetstat,
      },
    ]),
  },
]);

function configGet(call: Call): void {
  const patterns: string[] = [];
  for (let index = 2; index < call.argc; index++) patterns.push(call.copy(index).toString());
  const found = call.server.config.matching(patterns);
  call.reply.map(found.length);
  for (const [name, text] of found) {
    call.reply.bulkString(name);
    call.reply.bulkString(text);
  }
}

function configSet(call: Call): void {
  if (call.argc % 2 !== 0) throw new CommandError(ERRORS.syntax);
  const pairs: [string, string][] = [];
  for (let index = 2; index < call.argc; index += 2) {
    pairs.push([call.copy(index).toString(), call.copy(index + 1).toString()]);
  }
  const error = call.server.config.set(pairs, isLocalClient(call.client));
  if (error !== undefined) throw new CommandError(error);
  call.reply.ok();
}

function configRewrite(call: Call): void {
  const error = call.server.rewriteConfig();
  if (error !== undefined) throw new CommandError(error);
  call.reply.ok();
}

function configResetstat(call: Call): void {
  call.server.resetStatistics();
  call.reply.ok();
}
