/** SLOWLOG: the commands that took long, with their arguments. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, wrongSubcommandArguments } from "./errors.ts";

const LOG_FLAGS = ["admin", "loading", "stale"] as const;
const DEFAULT_ENTRIES = 10;

export const slowlogCommands = defineCommands([
  {
    name: "slowlog",
    arity: -2,
    flags: [],
    group: "server",
    since: "2.2.12",
    complexity: "Depends on the subcommand",
    summary: "Looks at the log of slow commands.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("slowlog", "server", "6.2.0", [
      {
        name: "get",
        arity: -2,
        flags: LOG_FLAGS,
        tips: ["request_policy:all_nodes", "nondeterministic_output"],
        group: "server",
        since: "2.2.12",
        complexity: "O(N) in the number of entries",
        summary: "Gives the newest entries, 10 unless told, -1 for all.",
        syntax: "[count]",
        run: slowlogGet,
      },
      {
        name: "len",
        arity: 2,
        flags: LOG_FLAGS,
        tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        group: "server",
        since: "2.2.12",
        complexity: "O(1)",
        summary: "Gives the number of entries.",
        syntax: "",
        run: (call) => call.reply.integer(call.server.slowLog.length),
      },
      {
        name: "reset",
        arity: 2,
        flags: LOG_FLAGS,
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "server",
        since: "2.2.12",
        complexity: "O(N) in the number of entries",
        summary: "Empties the log.",
        syntax: "",
        run(call) {
          call.server.slowLog.reset();
          call.reply.ok();
        },
      },
    ]),
  },
]);

function slowlogGet(call: Call): void {
  if (call.argc > 3) throw new CommandError(wrongSubcommandArguments("slowlog", call.text(1)));
  const error = "ERR count should be greater than or equal to -1";
  const count = call.argc > 2 ? integerArgument(call, 2, error) : DEFAULT_ENTRIES;
  if (count < -1) throw new CommandError(error);
  const entries = call.server.slowLog.newest(count);
  const { reply } = call;
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.timestampSeconds);
    reply.integer(Math.round(entry.durationUs));
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulkBuffer(arg);
    reply.bulkString(entry.clientAddress);
    reply.bulkString(entry.clientName);
  }
}
