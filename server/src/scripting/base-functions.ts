/**
 * The functions of Lua's base library that scripts get in another form than Lua has them: those that could get around the
 * protection of tables know which tables are protected, `pcall` gives the text of an error of Redis, and byte code is never
 * loaded, since a crafted one could do anything to the machine.
 */

import { type HostFunction, type LuaMachine, LuaStatus, LuaType, REGISTRY, type State } from "./lua-machine.ts";
import { type ProtectedTables, READ_ONLY } from "./protected-tables.ts";

/** First byte of compiled code. */
const BYTE_CODE = 27;

export function baseFunctions(machine: LuaMachine, tables: ProtectedTables): Readonly<Record<string, HostFunction>> {
  const { api } = machine;
  return {
    pairs: (state) => pairs(machine, tables, state),
    next: (state) => {
      api.luaL_checktype(state, 1, LuaType.table);
      api.lua_settop(state, 2);
      if (tables.has(state, 1)) {
        tables.pushReal(state, 1);
        api.lua_replace(state, 1);
      }
      if (api.lua_next(state, 1) !== 0) return 2;
      api.lua_pushnil(state);
      return 1;
    },
    rawget: (state) => {
      api.luaL_checktype(state, 1, LuaType.table);
      api.luaL_checkany(state, 2);
      api.lua_settop(state, 2);
      if (tables.has(state, 1)) {
        tables.pushReal(state, 1);
        api.lua_replace(state, 1);
      }
      api.lua_rawget(state, 1);
      return 1;
    },
    rawset: (state) => {
      api.luaL_checktype(state, 1, LuaType.table);
      api.luaL_checkany(state, 2);
      api.luaL_checkany(state, 3);
      api.lua_settop(state, 3);
      refuseProtected(machine, tables, state);
      api.lua_rawset(state, 1);
      return 1;
    },
    setmetatable: (state) => setMetatable(machine, tables, state),
    getmetatable: (state) => {
      api.luaL_checkany(state, 1);
      if (tables.isGlobals(state, 1)) api.lua_rawgeti(state, REGISTRY, tables.globalsMetatable);
      else if (tables.has(state, 1) || api.lua_getmetatable(state, 1) === 0) api.lua_pushnil(state);
      else api.luaL_getmetafield(state, 1, machine.name("__metatable"));
      return 1;
    },
    pcall: (state) => protectedCall(machine, state),
    loadstring: (state) => {
      const address = api.luaL_checklstring(state, 1, machine.lengthAt);
      const { length } = machine;
      const name = api.lua_type(state, 2) > LuaType.nil ? api.luaL_checklstring(state, 2, 0) : address;
      return load(machine, state, { address, length, name });
    },
    load: (state) => loadPieces(machine, state),
  };
}

/** `table.insert`: at the end by itself, in the middle by Lua's own, whose reference is given. */
export function insert(
  machine: LuaMachine,
  { tables, plainInsert }: { readonly tables: ProtectedTables; readonly plainInsert: number },
  state: State,
): number {
  const { api } = machine;
  api.luaL_checktype(state, 1, LuaType.table);
  const count = api.lua_gettop(state);
  if (count === 3) api.luaL_checknumber(state, 2);
  else if (count !== 2) machine.raiseAt(state, "wrong number of arguments to 'insert'");
  refuseProtected(machine, tables, state);
  if (count === 2) {
    api.lua_rawseti(state, 1, api.lua_objlen(state, 1) + 1);
    return 0;
  }
  api.lua_rawgeti(state, REGISTRY, plainInsert);
  api.lua_insert(state, 1);
  api.lua_call(state, 3, 0);
  return 0;
}

function pairs({ api }: LuaMachine, tables: ProtectedTables, state: State): number {
  api.luaL_checktype(state, 1, LuaType.table);
  api.lua_rawgeti(state, REGISTRY, tables.plainNext);
  // The real table must not get into a script's hands: it walks a copy.
  if (tables.has(state, 1)) tables.pushCopy(state, 1);
  else api.lua_pushvalue(state, 1);
  api.lua_pushnil(state);
  return 3;
}

function refuseProtected(machine: LuaMachine, tables: ProtectedTables, state: State): void {
  if (!tables.has(state, 1)) return;
  machine.pushText(state, READ_ONLY);
  machine.api.lua_error(state);
}

function setMetatable(machine: LuaMachine, tables: ProtectedTables, state: State): number {
  const { api } = machine;
  const type = api.lua_type(state, 2);
  api.luaL_checktype(state, 1, LuaType.table);
  if (type !== LuaType.nil && type !== LuaType.table) {
    api.luaL_argerror(state, 2, machine.name("nil or table expected"));
  }
  refuseProtected(machine, tables, state);
  if (api.luaL_getmetafield(state, 1, machine.name("__metatable")) !== 0) {
    machine.raiseAt(state, "cannot change a protected metatable");
  }
  api.lua_settop(state, 2);
  api.lua_setmetatable(state, 1);
  return 1;
}

function protectedCall(machine: LuaMachine, state: State): number {
  const { api } = machine;
  if (api.lua_gettop(state) === 0) {
    // Redis raises nothing here, unlike Lua.
    api.lua_pushboolean(state, 0);
    machine.pushText(state, "Please specify at least one argument for this redis lib call");
    return 2;
  }
  const status = api.lua_pcall(state, api.lua_gettop(state) - 1, -1, 0);
  if (status !== LuaStatus.ok && api.lua_type(state, -1) === LuaType.table) {
    machine.pushText(state, "err");
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === LuaType.nil) api.lua_settop(state, -2);
    else api.lua_replace(state, -2);
  }
  api.lua_pushboolean(state, status === LuaStatus.ok ? 1 : 0);
  api.lua_insert(state, 1);
  return api.lua_gettop(state);
}

interface Chunk {
  readonly address: number;
  readonly length: number;
  readonly name: number;
}

function load(machine: LuaMachine, state: State, { address, length, name }: Chunk): number {
  const { api } = machine;
  if (length > 0 && machine.heap[address] === BYTE_CODE) machine.pushText(state, "byte code is not loaded");
  else if (api.luaL_loadbuffer(state, address, length, name) === LuaStatus.ok) return 1;
  api.lua_pushnil(state);
  api.lua_insert(state, -2);
  return 2;
}

/** The source comes from a function, a piece a call, until it gives none. */
function loadPieces(machine: LuaMachine, state: State): number {
  const { api } = machine;
  api.luaL_checktype(state, 1, LuaType.function);
  const hasName = api.lua_type(state, 2) > LuaType.nil;
  if (hasName) api.luaL_checklstring(state, 2, 0);
  api.lua_settop(state, 2);
  machine.pushText(state, "");
  for (;;) {
    api.lua_pushvalue(state, 1);
    const failed = api.lua_pcall(state, 0, 1, 0) !== LuaStatus.ok;
    const type = api.lua_type(state, -1);
    const isPiece = !failed && type === LuaType.string && api.lua_objlen(state, -1) > 0;
    if (isPiece) {
      api.lua_concat(state, 2);
      continue;
    }
    if (!failed && type !== LuaType.nil && type !== LuaType.string) {
      machine.pushText(state, "reader function must return a string");
    } else if (!failed) break;
    api.lua_pushnil(state);
    api.lua_insert(state, -2);
    return 2;
  }
  api.lua_settop(state, 3);
  const address = api.lua_tolstring(state, 3, machine.lengthAt);
  const { length } = machine;
  const name = hasName ? api.lua_tolstring(state, 2, 0) : machine.name("=(load)");
  return load(machine, state, { address, length, name });
}
