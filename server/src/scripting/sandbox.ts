/**
 * The world that scripts live in: Lua's libraries without what reaches outside, `redis` and the other libraries of ours, all
 * of it read-only, and globals that must exist. Leaves at index 1 of the main state's stack the real table of globals, in
 * which KEYS and ARGV change from call to call.
 */

import { baseFunctions, insert } from "./base-functions.ts";
import { GLOBALS, type HostFunction, type LuaMachine, REGISTRY, type State } from "./lua-machine.ts";
import { ProtectedTables } from "./protected-tables.ts";

/** `null`: the value that stands for it in JSON. */
export type Member = HostFunction | number | string | null;

/** A library of ours by name; values are functions or constants. */
export type Libraries = Readonly<Record<string, Readonly<Record<string, Member>>>>;

/** What `useGlobals` chooses from: references of tables. */
export interface Worlds {
  /** Everything: what scripts and functions find when they run. */
  readonly full: number;
  /** What is there while a library of functions is loaded. */
  readonly loading: number;
}

/** Index of the real globals on the main state's stack. */
export const REAL_GLOBALS = 1;

const REMOVED = ["dofile", "loadfile", "print", "newproxy", "setfenv", "getfenv", "require", "module"] as const;
const LUA_LIBRARIES = ["string", "table", "math", "coroutine"] as const;

/** `whileLoading`: all that the top level of a library of functions may use. */
export function openSandbox(
  machine: LuaMachine,
  state: State,
  libraries: Libraries,
  whileLoading: Libraries = {},
): Worlds {
  const { api } = machine;
  openLuaLibraries(machine, state);
  api.lua_pushvalue(state, GLOBALS);
  const tables = new ProtectedTables(machine);
  api.lua_getfield(state, REAL_GLOBALS, machine.name("next"));
  tables.plainNext = api.luaL_ref(state, REGISTRY);
  for (const name of REMOVED) {
    api.lua_pushnil(state);
    api.lua_setfield(state, REAL_GLOBALS, machine.name(name));
  }
  addFields(machine, state, baseFunctions(machine, tables));
  guardInsertion(machine, state, tables);
  for (const [name, members] of Object.entries(libraries)) {
    api.lua_getfield(state, REAL_GLOBALS, machine.name(name));
    if (api.lua_type(state, -1) === 0) {
      api.lua_settop(state, -2);
      api.lua_createtable(state, 0, 0);
    }
    addFields(machine, state, members);
    api.lua_setfield(state, REAL_GLOBALS, machine.name(name));
  }
  for (const name of new Set([...LUA_LIBRARIES, ...Object.keys(libraries)])) {
    api.lua_getfield(state, REAL_GLOBALS, machine.name(name));
    tables.protect(state);
    api.lua_setfield(state, REAL_GLOBALS, machine.name(name));
  }
  protectStringMetatable(machine, state, tables);
  const refuse = machine.addFunction((caller) => {
    const name = machine.text(caller, 2) ?? "?";
    return machine.raiseAt(caller, `Script attempted to access nonexistent global variable '${name}'`);
  });
  refuseUnknown(machine, state, REAL_GLOBALS, refuse);
  const loading = loadingGlobals({ machine, state, tables, refuse }, whileLoading);
  api.lua_pushvalue(state, REAL_GLOBALS);
  const full = api.luaL_ref(state, REGISTRY);
  api.lua_pushvalue(state, REAL_GLOBALS);
  tables.protectGlobals(state);
  api.lua_pushvalue(state, -1);
  api.lua_setfield(state, REAL_GLOBALS, machine.name("_G"));
  api.lua_replace(state, GLOBALS);
  return { full, loading };
}

/** Lua's own `insert` writes past metatables, so that what it is given is looked at first. */
function guardInsertion(machine: LuaMachine, state: State, tables: ProtectedTables): void {
  const { api } = machine;
  api.lua_getfield(state, REAL_GLOBALS, machine.name("table"));
  api.lua_getfield(state, -1, machine.name("insert"));
  const plainInsert = api.luaL_ref(state, REGISTRY);
  addFields(machine, state, { insert: (caller) => insert(machine, { tables, plainInsert }, caller) });
  api.lua_settop(state, REAL_GLOBALS);
}

/** From now on the globals that code sees are those of the table with this reference. */
export function useGlobals(machine: LuaMachine, state: State, reference: number): void {
  const { api } = machine;
  api.lua_getmetatable(state, GLOBALS);
  api.lua_rawgeti(state, REGISTRY, reference);
  api.lua_setfield(state, -2, machine.name("__index"));
  api.lua_settop(state, REAL_GLOBALS);
}

interface Sandbox {
  readonly machine: LuaMachine;
  readonly state: State;
  readonly tables: ProtectedTables;
  /** The C function that says which name does not exist. */
  readonly refuse: number;
}

/** Gives the reference of a table of globals with these libraries alone. */
function loadingGlobals({ machine, state, tables, refuse }: Sandbox, libraries: Libraries): number {
  const { api } = machine;
  api.lua_createtable(state, 0, 1);
  for (const [name, members] of Object.entries(libraries)) {
    api.lua_createtable(state, 0, 0);
    addFields(machine, state, members);
    refuseUnknown(machine, state, -1, refuse);
    tables.protect(state);
    api.lua_setfield(state, -2, machine.name(name));
  }
  refuseUnknown(machine, state, -1, refuse);
  return api.luaL_ref(state, REGISTRY);
}

function openLuaLibraries({ api }: LuaMachine, state: State): void {
  for (const open of [api.luaopen_base, api.luaopen_table, api.luaopen_string, api.luaopen_math]) {
    const table = api.__indirect_function_table;
    const index = table.grow(1);
    table.set(index, open);
    api.lua_pushcclosure(state, index, 0);
    api.lua_call(state, 0, 0);
  }
}

/** Sets fields of the table on top of the stack. */
function addFields(machine: LuaMachine, state: State, fields: Readonly<Record<string, Member>>): void {
  const { api } = machine;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "function") api.lua_pushcclosure(state, machine.addFunction(value), 0);
    else if (typeof value === "number") api.lua_pushnumber(state, value);
    else if (value === null) api.lua_pushlightuserdata(state, 0);
    else machine.pushText(state, value);
    api.lua_setfield(state, -2, machine.name(name));
  }
}

function protectStringMetatable(machine: LuaMachine, state: State, tables: ProtectedTables): void {
  const { api } = machine;
  machine.pushText(state, "");
  api.lua_getmetatable(state, -1);
  api.lua_getfield(state, REAL_GLOBALS, machine.name("string"));
  api.lua_setfield(state, -2, machine.name("__index"));
  api.lua_createtable(state, 0, 1);
  api.lua_getfield(state, REAL_GLOBALS, machine.name("string"));
  api.lua_setfield(state, -2, machine.name("__index"));
  tables.protect(state);
  api.lua_setfield(state, -2, machine.name("__metatable"));
  api.lua_settop(state, REAL_GLOBALS);
}

/** Reading a name that the table at `index` does not have is an error. */
function refuseUnknown(machine: LuaMachine, state: State, index: number, refuse: number): void {
  const { api } = machine;
  api.lua_pushvalue(state, index);
  api.lua_createtable(state, 0, 1);
  api.lua_pushcclosure(state, refuse, 0);
  api.lua_setfield(state, -2, machine.name("__index"));
  api.lua_setmetatable(state, -2);
  api.lua_settop(state, -2);
}
