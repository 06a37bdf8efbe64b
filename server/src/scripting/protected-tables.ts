/**
 * Tables that scripts can read and not change: the globals and the libraries. Lua 5.1 knows no such thing, so scripts get an
 * empty table in place of the real one, whose metatable reads from the real one and refuses to write. The functions that look
 * past metatables (`base-functions.ts`) ask here which tables these are.
 */

import { type LuaMachine, REGISTRY, type State } from "./lua-machine.ts";

export const READ_ONLY = "Attempt to modify a readonly table";

export class ProtectedTables {
  readonly #machine: LuaMachine;
  /** References of the real tables by the addresses of the empty ones, which are never collected. */
  readonly #realOf = new Map<number, number>();
  readonly #refuse: number;
  /** Reference of Lua's own `next`. */
  plainNext = 0;
  /** Reference of what scripts get for the metatable of the globals, which is protected itself. */
  globalsMetatable = 0;
  #globals = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
    this.#refuse = machine.addFunction((state) => machine.raiseAt(state, READ_ONLY));
  }

  /** Takes the table on top of the stack and puts the one for scripts in its place. */
  protect(state: State): void {
    const { api } = this.#machine;
    api.lua_createtable(state, 0, 0);
    api.lua_createtable(state, 0, 2);
    api.lua_pushvalue(state, -3);
    api.lua_setfield(state, -2, this.#machine.name("__index"));
    api.lua_pushcclosure(state, this.#refuse, 0);
    api.lua_setfield(state, -2, this.#machine.name("__newindex"));
    api.lua_setmetatable(state, -2);
    // For ever: the address of a collected one could come back as that of another table.
    api.lua_pushvalue(state, -1);
    api.luaL_ref(state, REGISTRY);
    const address = api.lua_topointer(state, -1);
    api.lua_insert(state, -2);
    this.#realOf.set(address, api.luaL_ref(state, REGISTRY));
  }

  /** Takes the table on top of the stack as that of the globals. */
  protectGlobals(state: State): void {
    const { api } = this.#machine;
    api.lua_getmetatable(state, -1);
    this.protect(state);
    this.globalsMetatable = api.luaL_ref(state, REGISTRY);
    this.protect(state);
    this.#globals = api.lua_topointer(state, -1);
  }

  isGlobals(state: State, index: number): boolean {
    return this.#machine.api.lua_topointer(state, index) === this.#globals;
  }

  has(state: State, index: number): boolean {
    return this.#realOf.has(this.#machine.api.lua_topointer(state, index));
  }

  pushReal(state: State, index: number): void {
    const { api } = this.#machine;
    api.lua_rawgeti(state, REGISTRY, this.#realOf.get(api.lua_topointer(state, index)) ?? 0);
  }

  pushCopy(state: State, index: number): void {
    const { api } = this.#machine;
    api.lua_createtable(state, 0, 0);
    this.pushReal(state, index);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      api.lua_insert(state, -2);
      api.lua_rawset(state, -5);
    }
    api.lua_settop(state, -2);
  }
}
