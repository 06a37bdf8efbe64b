/** CONFIG: the live configuration over the wire. Texts of arguments are UTF-8, as in the file. */

import { findDirective } from "../config/config.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
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
  const { config, listening, facts } = call.server;
  if (pairs.some(([name]) => findDirective(name)?.isKeptWhileLoading) && facts.persistence().loading !== undefined) {
    throw new CommandError(ERRORS.loading);
  }
  const before = pairs.flatMap(([name]): [string, string][] => config.matching([name]));
  const isLocal = isLocalClient(call.client);
  const error = config.set(pairs, isLocal);
  if (error !== undefined) throw new CommandError(error);
  if (listening.ports?.isOutdated === true) listenElsewhere(call, () => config.set(before, isLocal));
  else call.reply.ok();
}

/** The reply waits until the new places are open; if they cannot be, every directive is set back. */
function listenElsewhere(call: Call, undo: () => void): void {
  const { client } = call;
  const { ports } = call.server.listening;
  if (client.has(ClientFlag.inExec | ClientFlag.script)) {
    undo();
    throw new CommandError("ERR CONFIG SET of what the server listens on cannot be part of a transaction");
  }
  client.set(ClientFlag.blocked, true);
  client.connection.pause();
  void ports?.change().then((refusal) => {
    if (refusal !== undefined) undo();
    client.set(ClientFlag.blocked, false);
    client.connection.send(Buffer.from(refusal === undefined ? "+OK\r\n" : `-${refusedSetting(refusal)}\r\n`));
    client.connection.resume();
  });
}

function refusedSetting({ directive, reason }: { readonly directive: string; readonly reason: string }): string {
  return `ERR CONFIG SET failed (possibly related to argument '${directive}') - ${reason}`;
}

function configRewrite(call: Call): void {
  const error = call.server.rewriteConfig(false);
  if (error !== undefined) throw new CommandError(error);
  call.reply.ok();
}

function configResetstat(call: Call): void {
  call.server.resetStatistics();
  call.reply.ok();
}
