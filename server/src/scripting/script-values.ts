/**
 * Replies of commands as Lua values: read from the reply writer's bytes straight onto Lua's stack, without a JavaScript
 * object in between. What Lua has no type for is a table with one field that says so: `ok`, `err`, `map`, `set`, `double`,
 * `big_number`, `verbatim_string`.
 */

import { COUNTED_MARK, type LuaMachine, type State } from "./lua-machine.ts";

const CR = 13;
const MINUS = 45;
/** So many digits are a safe integer. */
const SAFE_DIGITS = 15;
/** Slots of Lua's stack that one level of a reply takes. */
const SLOTS = 6;

export class ReplyToLua {
  readonly #machine: LuaMachine;
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  /** Pushes the reply that begins at `position`. */
  push(state: State, bytes: Buffer, position: number): void {
    this.#bytes = bytes;
    this.#position = position;
    this.#value(state);
  }

  #value(state: State): void {
    const type = this.#bytes[this.#position++];
    if (type === 36) this.#bulk(state);
    else if (type === 58) this.#machine.api.lua_pushnumber(state, this.#number());
    else if (type === 43) this.#field(state, "ok");
    else if (type === 45) this.#error(state);
    else if (type === 42) this.#array(state);
    else this.#newer(state, type);
  }

  /** What only RESP3 has. */
  #newer(state: State, type: number | undefined): void {
    const { api } = this.#machine;
    switch (type) {
      case 37:
        this.#map(state);
        break;
      case 126:
        this.#set(state);
        break;
      case 95:
        this.#position += 2;
        api.lua_pushnil(state);
        break;
      case 35:
        api.lua_pushboolean(state, this.#bytes[this.#position] === 116 ? 1 : 0);
        this.#position += 3;
        break;
      case 44:
        this.#double(state);
        break;
      case 40:
        this.#field(state, "big_number");
        break;
      case 61:
        this.#verbatim(state);
        break;
      case 124:
        this.#skipAttributes(state);
        this.#value(state);
        break;
      default:
        throw new Error("A command gave a reply of a type that scripts cannot take");
    }
  }

  /** Names and values of what a reply has besides itself: scripts do not see it. */
  #skipAttributes(state: State): void {
    for (let left = 2 * this.#number(); left > 0; left--) {
      this.#value(state);
      this.#machine.api.lua_settop(state, -2);
    }
  }

  #bulk(state: State): void {
    const length = this.#number();
    if (length < 0) {
      this.#machine.api.lua_pushboolean(state, 0);
      return;
    }
    this.#machine.pushBytes(state, this.#bytes, this.#position, length);
    this.#position += length + 2;
  }

  #line(state: State): void {
    const start = this.#position;
    const end = this.#bytes.indexOf(CR, start);
    this.#machine.pushBytes(state, this.#bytes, start, end - start);
    this.#position = end + 2;
  }

  #field(state: State, name: string): void {
    const { api } = this.#machine;
    api.lua_createtable(state, 0, 1);
    this.#line(state);
    api.lua_setfield(state, -2, this.#machine.name(name));
  }

  #error(state: State): void {
    const { api } = this.#machine;
    this.#field(state, "err");
    api.lua_pushboolean(state, 1);
    api.lua_setfield(state, -2, this.#machine.name(COUNTED_MARK));
  }

  #array(state: State): void {
    const { api } = this.#machine;
    const count = this.#number();
    if (count < 0) {
      api.lua_pushboolean(state, 0);
      return;
    }
    api.lua_checkstack(state, SLOTS);
    api.lua_createtable(state, count, 0);
    for (let i = 1; i <= count; i++) {
      this.#value(state);
      api.lua_rawseti(state, -2, i);
    }
  }

  #map(state: State): void {
    const { api } = this.#machine;
    const count = this.#number();
    api.lua_checkstack(state, SLOTS);
    api.lua_createtable(state, 0, 1);
    api.lua_createtable(state, 0, count);
    for (let i = 0; i < count; i++) {
      this.#value(state);
      this.#value(state);
      api.lua_rawset(state, -3);
    }
    api.lua_setfield(state, -2, this.#machine.name("map"));
  }

  #set(state: State): void {
    const { api } = this.#machine;
    const count = this.#number();
    api.lua_checkstack(state, SLOTS);
    api.lua_createtable(state, 0, 1);
    api.lua_createtable(state, 0, count);
    for (let i = 0; i < count; i++) {
      this.#value(state);
      api.lua_pushboolean(state, 1);
      api.lua_rawset(state, -3);
    }
    api.lua_setfield(state, -2, this.#machine.name("set"));
  }

  #double(state: State): void {
    const { api } = this.#machine;
    const end = this.#bytes.indexOf(CR, this.#position);
    const text = this.#bytes.toString("latin1", this.#position, end);
    this.#position = end + 2;
    api.lua_createtable(state, 0, 1);
    api.lua_pushnumber(state, doubleOf(text));
    api.lua_setfield(state, -2, this.#machine.name("double"));
  }

  #verbatim(state: State): void {
    const { api } = this.#machine;
    const length = this.#number();
    const start = this.#position;
    this.#position += length + 2;
    api.lua_createtable(state, 0, 1);
    api.lua_createtable(state, 0, 2);
    this.#machine.pushBytes(state, this.#bytes, start + 4, length - 4);
    api.lua_setfield(state, -2, this.#machine.name("string"));
    this.#machine.pushBytes(state, this.#bytes, start, 3);
    api.lua_setfield(state, -2, this.#machine.name("format"));
    api.lua_setfield(state, -2, this.#machine.name("verbatim_string"));
  }

  /** The number up to the end of the line, as Lua has it: a double. */
  #number(): number {
    const bytes = this.#bytes;
    const start = this.#position;
    let p = start;
    const isNegative = bytes[p] === MINUS;
    if (isNegative) p++;
    let value = 0;
    for (let byte = bytes[p] as number; byte !== CR; byte = bytes[++p] as number) value = value * 10 + byte - 48;
    this.#position = p + 2;
    if (p - start > SAFE_DIGITS) return Number(bytes.toString("latin1", start, p));
    return isNegative ? -value : value;
  }
}

function doubleOf(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}
