/** EVAL and its kin, and SCRIPT: programs that run in the server as one command. The work is done by the script runner. */

import type { Call } from "./call.ts";
import { countedKeys, defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError } from "./errors.ts";

const RUN_FLAGS = ["noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"] as const;
const WRITES = countedKeys(2, "RW", "access", "update");
const READS = countedKeys(2, "RO", "access");
const COMPLEXITY = "Depends on the script";

export const scriptCommands = defineCommands([
  {
    name: "eval",
    arity: -3,
    flags: ["may_write", ...RUN_FLAGS],
    keys: [WRITES],
    group: "scripting",
    since: "2.6.0",
    complexity: COMPLEXITY,
    summary: "Runs a Lua script.",
    syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => evaluate(call, EVAL),
  },
  {
    name: "eval_ro",
    arity: -3,
    flags: ["readonly", ...RUN_FLAGS],
    keys: [READS],
    group: "scripting",
    since: "7.0.0",
    complexity: COMPLEXITY,
    summary: "Runs a Lua script that may only read.",
    syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => evaluate(call, EVAL_RO),
  },
  {
    name: "evalsha",
    arity: -3,
    flags: ["may_write", ...RUN_FLAGS],
    keys: [WRITES],
    group: "scripting",
    since: "2.6.0",
    complexity: COMPLEXITY,
    summary: "Runs a Lua script that the server has, by its SHA1 digest.",
    syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => evaluate(call, EVALSHA),
  },
  {
    name: "evalsha_ro",
    arity: -3,
    flags: ["readonly", ...RUN_FLAGS],
    keys: [READS],
    group: "scripting",
    since: "7.0.0",
    complexity: COMPLEXITY,
    summary: "Runs a Lua script that the server has and that may only read, by its SHA1 digest.",
    syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => evaluate(call, EVALSHA_RO),
  },
  {
    name: "script",
    arity: -2,
    flags: [],
    group: "scripting",
    since: "2.6.0",
    complexity: "Depends on the subcommand",
    summary: "Looks after the scripts that the server has.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("script", "scripting", "5.0.0", [
      {
        name: "debug",
        arity: 3,
        flags: ["noscript"],
        group: "scripting",
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Turns the debugger for the scripts of this client off; there is none to turn on.",
        syntax: "<YES | SYNC | NO>",
        run: scriptDebug,
      },
      {
        name: "exists",
        arity: -3,
        flags: ["noscript"],
        tips: ["request_policy:all_shards", "response_policy:agg_logical_and"],
        group: "scripting",
        since: "2.6.0",
        complexity: "O(N) in the number of digests",
        summary: "Tells of each digest whether the server has the script.",
        syntax: "sha1 [sha1 ...]",
        run(call) {
          call.reply.array(call.argc - 2);
          for (let i = 2; i < call.argc; i++) call.reply.integer(call.server.scripting.has(call.text(i)) ? 1 : 0);
        },
      },
      {
        name: "flush",
        arity: -2,
        flags: ["noscript"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "scripting",
        since: "2.6.0",
        complexity: "O(N) in the number of scripts",
        summary: "Forgets all scripts.",
        syntax: "[ASYNC | SYNC]",
        run: scriptFlush,
      },
      {
        name: "kill",
        arity: 2,
        flags: ["noscript", "allow_busy"],
        tips: ["request_policy:all_shards", "response_policy:one_succeeded"],
        group: "scripting",
        since: "2.6.0",
        complexity: "O(1)",
        summary: "Ends the running script, if it has changed nothing yet.",
        syntax: "",
        run(call) {
          call.server.scripting.kill();
          call.reply.ok();
        },
      },
      {
        name: "load",
        arity: 3,
        flags: ["noscript", "stale"],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        group: "scripting",
        since: "2.6.0",
        complexity: "O(N) in the length of the script",
        summary: "Takes a script without running it, and gives its SHA1 digest.",
        syntax: "script",
        run: (call) => call.reply.bulkString(call.server.scripting.load(call.copy(2))),
      },
    ]),
  },
]);

function evaluate(call: Call, request: { readonly isCached: boolean; readonly isReadOnly: boolean }): void {
  call.server.monitors.announce(call);
  call.server.scripting.evaluate(call, request);
}

const EVAL = { isCached: false, isReadOnly: false } as const;
const EVAL_RO = { isCached: false, isReadOnly: true } as const;
const EVALSHA = { isCached: true, isReadOnly: false } as const;
const EVALSHA_RO = { isCached: true, isReadOnly: true } as const;

function scriptFlush(call: Call): void {
  if (call.argc > 3 || (call.argc === 3 && !call.is(2, "sync") && !call.is(2, "async"))) {
    throw new CommandError("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  }
  call.server.scripting.flush();
  call.reply.ok();
}

function scriptDebug(call: Call): void {
  if (call.is(2, "no")) {
    call.reply.ok();
    return;
  }
  const isKnown = call.is(2, "yes") || call.is(2, "sync");
  throw new CommandError(isKnown ? "ERR The Lua debugger is not available" : "ERR Use SCRIPT DEBUG YES/SYNC/NO");
}
