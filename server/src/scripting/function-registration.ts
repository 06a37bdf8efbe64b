/**
 * `redis.register_function`, which the top level of a library calls for each of its functions: by position (name, callback)
 * or with one table of named arguments.
 */

import type { LibraryFunction } from "./function-libraries.ts";
import { isName, NAME_RULE } from "./library-header.ts";
import { type LuaMachine, LuaType, REGISTRY, type State } from "./lua-machine.ts";
import { ScriptError } from "./script-error.ts";
import { flagOf } from "./shebang.ts";

const OF_REDIS = "redis.register_function";

interface Draft {
  name?: string;
  description?: string;
  flags?: number;
  /** Reference of the function. */
  callback?: number;
}

/** Reads the arguments on the stack; throws a ScriptError that says what is wrong with them. */
export function readRegistration(machine: LuaMachine, state: State): LibraryFunction {
  const draft: Draft = {};
  try {
    if (machine.api.lua_gettop(state) === 1) readNamed(machine, state, draft);
    else readPositional(machine, state, draft);
    const { name, description, flags = 0, callback } = draft;
    if (name === undefined) return fail(`${OF_REDIS} must get a function name argument`);
    if (callback === undefined) return fail(`${OF_REDIS} must get a callback argument`);
    if (!isName(name)) return fail(NAME_RULE);
    return { name, description, flags, reference: callback };
  } catch (error) {
    if (draft.callback !== undefined) machine.api.luaL_unref(state, REGISTRY, draft.callback);
    throw error;
  }
}

function fail(text: string): never {
  throw new ScriptError(text);
}

function readPositional(machine: LuaMachine, state: State, draft: Draft): void {
  const { api } = machine;
  if (api.lua_gettop(state) !== 2) fail(`wrong number of arguments to ${OF_REDIS}`);
  draft.name = word(machine, state, 1) ?? fail(`first argument to ${OF_REDIS} must be a string`);
  if (api.lua_type(state, 2) !== LuaType.function) fail(`second argument to ${OF_REDIS} must be a function`);
  draft.callback = api.luaL_ref(state, REGISTRY);
}

function readNamed(machine: LuaMachine, state: State, draft: Draft): void {
  const { api } = machine;
  if (api.lua_type(state, 1) !== LuaType.table) {
    fail(`calling ${OF_REDIS} with a single argument is only applicable to Lua table (representing named arguments).`);
  }
  api.lua_pushnil(state);
  while (api.lua_next(state, 1) !== 0) {
    const type = api.lua_type(state, 2);
    if (type !== LuaType.string && type !== LuaType.number) {
      fail(`named argument key given to ${OF_REDIS} is not a string`);
    }
    // As a string a number would be another key, and the walk lost.
    const key = type === LuaType.string ? (machine.text(state, 2) ?? "").toLowerCase() : "";
    const read =
      (Object.hasOwn(READERS, key) ? READERS[key] : undefined) ?? fail(`unknown argument given to ${OF_REDIS}`);
    read(machine, state, draft);
    api.lua_settop(state, 2);
  }
}

/** Of the named arguments, whose value is at index 3. */
const READERS: Readonly<Record<string, (machine: LuaMachine, state: State, draft: Draft) => void>> = {
  function_name(machine, state, draft) {
    draft.name = word(machine, state, 3) ?? fail(`function_name argument given to ${OF_REDIS} must be a string`);
  },
  description(machine, state, draft) {
    draft.description = word(machine, state, 3) ?? fail(`description argument given to ${OF_REDIS} must be a string`);
  },
  callback({ api }, state, draft) {
    if (api.lua_type(state, 3) !== LuaType.function) {
      fail(`callback argument given to ${OF_REDIS} must be a function`);
    }
    draft.callback = api.luaL_ref(state, REGISTRY);
  },
  flags(machine, state, draft) {
    draft.flags = readFlags(machine, state);
  },
};

function readFlags(machine: LuaMachine, state: State): number {
  const { api } = machine;
  if (api.lua_type(state, 3) !== LuaType.table) {
    fail(`flags argument to ${OF_REDIS} must be a table representing function flags`);
  }
  let flags = 0;
  for (let index = 1; ; index++) {
    api.lua_rawgeti(state, 3, index);
    if (api.lua_type(state, 4) === LuaType.nil) return flags;
    const name = word(machine, state, 4);
    flags |= (name === undefined ? undefined : flagOf(name)) ?? fail("unknown flag given");
    api.lua_settop(state, 3);
  }
}

/** A string or a number, as text. */
function word(machine: LuaMachine, state: State, index: number): string | undefined {
  const type = machine.api.lua_type(state, index);
  return type === LuaType.string || type === LuaType.number ? machine.text(state, index) : undefined;
}
