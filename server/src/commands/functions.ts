/** FCALL and FUNCTION: programs that the server keeps. The work is done by the function runner. */

import { globMatch } from "@kvcluster/protocol/glob";
import type { Library } from "../scripting/function-libraries.ts";
import { flagNames } from "../scripting/shebang.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { countedKeys, defineCommands } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import type { RestorePolicy } from "./context.ts";
import { CommandError, cString } from "./errors.ts";

const RUN_FLAGS = ["noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"] as const;
const ON_ALL_SHARDS = ["request_policy:all_shards", "response_policy:all_succeeded"] as const;

export const functionCommands = defineCommands([
  {
    name: "fcall",
    arity: -3,
    flags: ["may_write", ...RUN_FLAGS],
    keys: [countedKeys(2, "RW", "access", "update")],
    group: "scripting",
    since: "7.0.0",
    complexity: "Depends on the function",
    summary: "Runs a function.",
    syntax: "function numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => callFunction(call, false),
  },
  {
    name: "fcall_ro",
    arity: -3,
    flags: ["readonly", ...RUN_FLAGS],
    keys: [countedKeys(2, "RO", "access")],
    group: "scripting",
    since: "7.0.0",
    complexity: "Depends on the function",
    summary: "Runs a function that may only read.",
    syntax: "function numkeys [key [key ...]] [arg [arg ...]]",
    run: (call) => callFunction(call, true),
  },
  {
    name: "function",
    arity: -2,
    flags: [],
    group: "scripting",
    since: "7.0.0",
    complexity: "Depends on the subcommand",
    summary: "Looks after the libraries of functions that the server has.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("function", "scripting", "7.0.0", [
      {
        name: "delete",
        arity: 3,
        flags: ["write", "noscript"],
        tips: ON_ALL_SHARDS,
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the number of its functions",
        summary: "Deletes a library.",
        syntax: "library-name",
        run: deleteLibrary,
      },
      {
        name: "dump",
        arity: 2,
        flags: ["noscript"],
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the length of all libraries",
        summary: "Gives all libraries as a payload for FUNCTION RESTORE.",
        syntax: "",
        run: dump,
      },
      {
        name: "flush",
        arity: -2,
        flags: ["write", "noscript"],
        tips: ON_ALL_SHARDS,
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the number of libraries",
        summary: "Deletes all libraries.",
        syntax: "[ASYNC | SYNC]",
        run: flush,
      },
      {
        name: "kill",
        arity: 2,
        flags: ["noscript", "allow_busy"],
        tips: ["request_policy:all_shards", "response_policy:one_succeeded"],
        group: "scripting",
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Ends the running function, if it has changed nothing yet.",
        syntax: "",
        run(call) {
          call.server.functions.kill();
          call.reply.ok();
        },
      },
      {
        name: "list",
        arity: -2,
        flags: ["noscript"],
        tips: ["nondeterministic_output_order"],
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the number of functions",
        summary: "Tells of libraries and their functions.",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        run: list,
      },
      {
        name: "load",
        arity: -3,
        flags: ["write", "denyoom", "noscript"],
        tips: ON_ALL_SHARDS,
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the length of the library",
        summary: "Takes a library of functions, and gives its name.",
        syntax: "[REPLACE] function-code",
        run: load,
      },
      {
        name: "restore",
        arity: -3,
        flags: ["write", "denyoom", "noscript"],
        tips: ON_ALL_SHARDS,
        group: "scripting",
        since: "7.0.0",
        complexity: "O(N) in the number of functions in the payload",
        summary: "Takes the libraries of a payload of FUNCTION DUMP.",
        syntax: "serialized-value [FLUSH | APPEND | REPLACE]",
        run: restore,
      },
      {
        name: "stats",
        arity: 2,
        flags: ["noscript", "allow_busy"],
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        group: "scripting",
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Tells which script or function is running, and what the engine has.",
        syntax: "",
        run: stats,
      },
    ]),
  },
]);

function callFunction(call: Call, isReadOnly: boolean): void {
  call.server.monitors.announce(call);
  call.server.functions.call(call, isReadOnly);
}

function load(call: Call): void {
  let isReplacing = false;
  for (let i = 2; i < call.argc - 1; i++) {
    if (!call.is(i, "replace")) throw new CommandError(`ERR Unknown option given: ${cString(call.text(i))}`);
    isReplacing = true;
  }
  const mustLoad = call.client.has(ClientFlag.primary);
  const name = call.server.functions.load(call.copy(call.argc - 1), { isReplacing, mustLoad });
  call.server.keyspace.dirty++;
  call.reply.bulkString(name);
}

function deleteLibrary(call: Call): void {
  if (!call.server.functions.delete(call.text(2))) throw new CommandError("ERR Library not found");
  call.server.keyspace.dirty++;
  call.reply.ok();
}

function flush(call: Call): void {
  if (call.argc > 3) {
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${call.text(1)}'. Try FUNCTION HELP.`,
    );
  }
  if (call.argc === 3 && !call.is(2, "sync") && !call.is(2, "async")) {
    throw new CommandError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  call.server.functions.flush();
  call.server.keyspace.dirty++;
  call.reply.ok();
}

function dump(call: Call): void {
  const sources = Array.from(call.server.functions.all(), ({ source }) => source);
  call.reply.bulkBuffer(call.server.payloads.dumpLibraries(sources));
}

const POLICIES: readonly RestorePolicy[] = ["flush", "append", "replace"];

function restore(call: Call): void {
  if (call.argc > 4) {
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${call.text(1)}'. Try FUNCTION HELP.`,
    );
  }
  const policy = call.argc === 3 ? "append" : POLICIES.find((word) => call.is(3, word));
  if (policy === undefined) {
    throw new CommandError("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
  }
  const { payloads, functions, keyspace } = call.server;
  const payload = call.copy(2);
  if (!payloads.isIntact(payload, 0, payload.length)) {
    throw new CommandError("ERR DUMP payload version or checksum are wrong");
  }
  const sources = payloads.readLibraries(payload);
  if (sources === undefined) throw new CommandError("ERR given type is not a function");
  functions.restore(sources, policy);
  keyspace.dirty++;
  call.reply.ok();
}

interface ListOptions {
  readonly pattern: Buffer | undefined;
  readonly hasCode: boolean;
}

function listOptions(call: Call): ListOptions {
  let pattern: Buffer | undefined;
  let hasCode = false;
  for (let i = 2; i < call.argc; i++) {
    if (!hasCode && call.is(i, "withcode")) hasCode = true;
    else if (pattern === undefined && call.is(i, "libraryname")) {
      if (++i === call.argc) throw new CommandError("ERR library name argument was not given");
      pattern = call.copy(i);
    } else throw new CommandError(`ERR Unknown argument ${cString(call.text(i))}`);
  }
  return { pattern, hasCode };
}

function list(call: Call): void {
  const { pattern, hasCode } = listOptions(call);
  const isWanted = ({ name }: Library): boolean => {
    const bytes = Buffer.from(name);
    return pattern === undefined || globMatch(pattern, 0, pattern.length, bytes, 0, bytes.length, true);
  };
  const libraries = [...call.server.functions.all()].filter(isWanted);
  call.reply.array(libraries.length);
  for (const library of libraries) describe(call, library, hasCode);
}

function describe({ reply }: Call, { name, functions, source }: Library, hasCode: boolean): void {
  reply.map(hasCode ? 4 : 3);
  reply.bulkString("library_name");
  reply.bulkString(name);
  reply.bulkString("engine");
  reply.bulkString("LUA");
  reply.bulkString("functions");
  reply.array(functions.length);
  for (const one of functions) {
    reply.map(3);
    reply.bulkString("name");
    reply.bulkString(one.name);
    reply.bulkString("description");
    if (one.description === undefined) reply.nil();
    else reply.bulkBuffer(Buffer.from(one.description, "latin1"));
    reply.bulkString("flags");
    const flags = flagNames(one.flags);
    reply.set(flags.length);
    for (const flag of flags) reply.status(flag);
  }
  if (!hasCode) return;
  reply.bulkString("library_code");
  reply.bulkBuffer(source);
}

function stats({ reply, server }: Call): void {
  const { running, busyError } = server.scriptsUnderWay;
  if (running?.isFunction === false) throw new CommandError(busyError);
  const { libraries, functions } = server.functions.facts();
  reply.map(2);
  reply.bulkString("running_script");
  if (running === undefined) reply.nil();
  else {
    reply.map(3);
    reply.bulkString("name");
    reply.bulkString(running.name);
    reply.bulkString("command");
    reply.array(running.words.length);
    for (const word of running.words) reply.bulkBuffer(word);
    reply.bulkString("duration_ms");
    reply.integer(running.elapsedMs);
  }
  reply.bulkString("engines");
  reply.map(1);
  reply.bulkString("LUA");
  reply.map(2);
  reply.bulkString("libraries_count");
  reply.integer(libraries);
  reply.bulkString("functions_count");
  reply.integer(functions);
}
