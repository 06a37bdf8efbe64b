/** SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF. */

import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { defineCommands } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const MS = 1000;
const NOT_BEGUN = "ERR Background save not started: there is no whole data set in memory to be saved";
const OTHER_CHILD =
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";

export const persistenceCommands = defineCommands([
  {
    name: "save",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading", "no_multi"],
    group: "server",
    since: "1.0.0",
    complexity: "O(N) in the number of keys",
    summary: "Saves the data set to disk; nothing else runs meanwhile.",
    syntax: "",
    run: save,
  },
  {
    name: "bgsave",
    arity: -1,
    flags: ["admin", "noscript", "no_async_loading"],
    group: "server",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Saves the data set to disk in the background.",
    syntax: "[SCHEDULE]",
    run: backgroundSave,
  },
  {
    name: "bgrewriteaof",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading"],
    group: "server",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Writes the append-only file anew in the background, as short as the data allows.",
    syntax: "",
    run: rewriteAppendOnly,
  },
  {
    name: "lastsave",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    tips: ["nondeterministic_output"],
    group: "server",
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Gives the time of the last successful save, in seconds since 1970.",
    syntax: "",
    run: lastSave,
  },
]);

function save(call: Call): void {
  const { persistence, appendOnly } = call.server;
  // A rewrite is begun anew behind it.
  if (persistence.isBusy && !appendOnly.isRewriting) throw new CommandError(ERRORS.saveInProgress);
  // Redis says no more than this; the reason is in the log.
  if (persistence.saveNow() === undefined) call.reply.ok();
  else call.reply.error("ERR");
}

function backgroundSave(call: Call): void {
  const { persistence } = call.server;
  const isSchedule = call.argc === 2 && call.is(1, "schedule");
  if (call.argc > 1 && !isSchedule) throw new CommandError(ERRORS.syntax);
  const isRewriting = call.server.appendOnly.isRewriting;
  if (persistence.isBusy && !isRewriting) throw new CommandError(ERRORS.saveInProgress);
  const isInExec = call.client.has(ClientFlag.inExec);
  if (isRewriting && !isSchedule && !isInExec) throw new CommandError(OTHER_CHILD);
  if (isRewriting || isInExec) {
    // In the middle of a transaction there is no state worth saving.
    persistence.schedule();
    call.reply.status("Background saving scheduled");
    return;
  }
  if (!persistence.saveInBackground()) throw new CommandError(NOT_BEGUN);
  call.reply.status("Background saving started");
}

function rewriteAppendOnly(call: Call): void {
  const { appendOnly } = call.server;
  // In the middle of a transaction there is no state worth saving.
  const answer = appendOnly.rewrite(!call.client.has(ClientFlag.inExec));
  if (answer === "under way") throw new CommandError("ERR Background append only file rewriting already in progress");
  call.reply.status(`Background append only file rewriting ${answer}`);
}

function lastSave(call: Call): void {
  call.reply.integer(Math.floor(call.server.persistence.lastSaveAtMs / MS));
}
