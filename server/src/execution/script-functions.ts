/** What scripts find in `redis` beside `call` and `pcall`. Wrong arguments are errors without a place, as in Redis. */

import { createHash } from "node:crypto";
import type { CommandTable } from "../commands/command-table.ts";
import type { Logger } from "../observability/logger.ts";
import { COMPATIBLE_VERSION } from "../observability/product.ts";
import { type HostFunction, type LuaMachine, LuaType, type State } from "../scripting/lua-machine.ts";
import { Target } from "./propagation.ts";
import type { ScriptCommands } from "./script-commands.ts";

export interface ScriptFunctionParts {
  readonly commands: ScriptCommands;
  readonly table: () => CommandTable;
  readonly logger: Logger;
  /** The script's replies are to have the form of this protocol version. */
  readonly useProtocol: (version: 2 | 3) => void;
}

const LEVELS = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 } as const;
const REPLICATION_TARGETS = {
  REPL_NONE: Target.none,
  REPL_AOF: Target.appendOnly,
  REPL_SLAVE: Target.replicas,
  REPL_REPLICA: Target.replicas,
  REPL_ALL: Target.all,
} as const;
const LOG_METHODS = ["debug", "verbose", "notice", "warning"] as const;
const [MAJOR = 0, MINOR = 0, PATCH = 0] = COMPATIBLE_VERSION.split(".").map(Number);

export function scriptFunctions(
  machine: LuaMachine,
  parts: ScriptFunctionParts,
): Readonly<Record<string, HostFunction | number | string>> {
  const { api } = machine;
  const { commands } = parts;
  const yes: HostFunction = (state) => {
    api.lua_pushboolean(state, 1);
    return 1;
  };
  return {
    ...LEVELS,
    ...REPLICATION_TARGETS,
    REDIS_VERSION: COMPATIBLE_VERSION,
    REDIS_VERSION_NUM: (MAJOR << 16) | (MINOR << 8) | PATCH,
    call: (state) => commands.run(state, true),
    pcall: (state) => commands.run(state, false),
    error_reply: (state) => singleField(machine, state, "err"),
    status_reply: (state) => singleField(machine, state, "ok"),
    sha1hex: (state) => {
      if (api.lua_gettop(state) !== 1) return raise(machine, state, "wrong number of arguments");
      const address = api.lua_tolstring(state, 1, machine.lengthAt);
      const bytes = machine.heap.subarray(address, address + (address === 0 ? 0 : machine.length));
      machine.pushText(state, createHash("sha1").update(bytes).digest("hex"));
      return 1;
    },
    log: (state) => log(machine, parts.logger, state),
    setresp: (state) => setProtocol(machine, parts, state),
    set_repl: (state) => setReplication(machine, parts, state),
    replicate_commands: yes,
    breakpoint: (state) => {
      api.lua_pushboolean(state, 0);
      return 1;
    },
    debug: () => 0,
    acl_check_cmd: (state) => checkPermission(machine, parts, state),
  };
}

/** Errors are values with a field `err`: only then is no place of the script put into them. */
export function raise(machine: LuaMachine, state: State, text: string): number {
  const { api } = machine;
  api.lua_createtable(state, 0, 1);
  machine.pushText(state, `ERR ${text}`);
  api.lua_setfield(state, -2, machine.name("err"));
  return api.lua_error(state);
}

function singleField(machine: LuaMachine, state: State, name: "err" | "ok"): number {
  const { api } = machine;
  const isRight = api.lua_gettop(state) === 1 && api.lua_type(state, 1) === LuaType.string;
  const text = isRight ? (machine.text(state, 1) ?? "") : "wrong number or type of arguments";
  api.lua_createtable(state, 0, 1);
  machine.pushText(state, isRight && name === "ok" ? text : withCode(text));
  api.lua_setfield(state, -2, machine.name(isRight ? name : "err"));
  return 1;
}

/** An error of one word has no code yet. */
function withCode(text: string): string {
  const plain = text.startsWith("-") ? text.slice(1) : text;
  return plain.includes(" ") && text !== "wrong number or type of arguments" ? plain : `ERR ${plain}`;
}

function log(machine: LuaMachine, logger: Logger, state: State): number {
  const { api } = machine;
  const count = api.lua_gettop(state);
  if (count < 2) return raise(machine, state, "redis.log() requires two arguments or more.");
  if (!isNumber(machine, state, 1)) return raise(machine, state, "First argument must be a number (log level).");
  const method = LOG_METHODS[api.lua_tonumber(state, 1)];
  if (method === undefined) return raise(machine, state, "Invalid debug level.");
  const words: string[] = [];
  for (let i = 2; i <= count; i++) {
    const word = machine.text(state, i);
    if (word !== undefined) words.push(word);
  }
  logger[method](words.join(" "));
  return 0;
}

/** Also a string that spells one. */
function isNumber({ api }: LuaMachine, state: State, index: number): boolean {
  const type = api.lua_type(state, index);
  return type === LuaType.number || (type === LuaType.string && api.lua_tonumber(state, index) !== 0);
}

function setProtocol(machine: LuaMachine, parts: ScriptFunctionParts, state: State): number {
  const { api } = machine;
  if (api.lua_gettop(state) !== 1) return raise(machine, state, "redis.setresp() requires one argument.");
  const version = Math.trunc(api.lua_tonumber(state, 1));
  if (version !== 2 && version !== 3) return raise(machine, state, "RESP version must be 2 or 3.");
  parts.useProtocol(version);
  return 0;
}

function setReplication(machine: LuaMachine, { commands }: ScriptFunctionParts, state: State): number {
  const { api } = machine;
  if (api.lua_gettop(state) !== 1) return raise(machine, state, "redis.set_repl() requires two arguments.");
  const targets = Math.trunc(api.lua_tonumber(state, 1));
  if (targets >= Target.none && targets <= Target.all) {
    commands.propagateTo(targets);
    return 0;
  }
  return raise(machine, state, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
}

function checkPermission(machine: LuaMachine, { commands }: ScriptFunctionParts, state: State): number {
  const { api } = machine;
  if (api.lua_gettop(state) === 0) {
    return raise(machine, state, "Please specify at least one argument for this redis lib call");
  }
  const isAllowed = commands.isAllowed(state);
  if (isAllowed === undefined) return raise(machine, state, "Invalid command passed to redis.acl_check_cmd()");
  api.lua_pushboolean(state, isAllowed ? 1 : 0);
  return 1;
}
