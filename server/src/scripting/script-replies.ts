/**
 * What a script returns as a reply. A table is what its fields say (`err`, `ok`, `double`, `map`, `set`, `big_number`,
 * `verbatim_string`, asked in this order), or else the array of its elements up to the first nil.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { formatDouble } from "../memory/double-text.ts";
import { COUNTED_MARK, type LuaMachine, LuaType, type State } from "./lua-machine.ts";

const SLOTS = 6;
/** Tables in tables: a reply nested deeper is cut off by an error, so that a table within itself ends. */
const DEEPEST = 1000;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const TOO_LARGE = 2 ** 63;
const LEAST_INTEGER = (-(2n ** 63n)).toString();

export class LuaToReply {
  readonly #machine: LuaMachine;
  readonly #reply: ReplyWriter;
  /** The script has asked for RESP3: booleans are booleans. */
  knowsBooleans = false;
  #depth = 0;

  constructor(machine: LuaMachine, reply: ReplyWriter) {
    this.#machine = machine;
    this.#reply = reply;
  }

  /** Appends the value on top of the stack, and takes it from there. */
  write(state: State): void {
    const { api } = this.#machine;
    const reply = this.#reply;
    switch (api.lua_type(state, -1)) {
      case LuaType.string: {
        const address = api.lua_tolstring(state, -1, this.#machine.lengthAt);
        reply.bulk(this.#machine.heap, address, this.#machine.length);
        break;
      }
      case LuaType.number:
        this.#integer(api.lua_tonumber(state, -1));
        break;
      case LuaType.boolean:
        this.#boolean(api.lua_toboolean(state, -1) !== 0);
        break;
      case LuaType.table:
        this.#table(state);
        break;
      default:
        reply.nil();
    }
    api.lua_settop(state, -2);
  }

  #integer(value: number): void {
    const whole = Math.trunc(value);
    if (Math.abs(whole) <= MAX_SAFE) this.#reply.integer(whole === 0 ? 0 : whole);
    // As a processor converts what does not fit.
    else if (!(Math.abs(whole) < TOO_LARGE)) this.#reply.integerText(LEAST_INTEGER);
    else this.#reply.integerText(BigInt(whole).toString());
  }

  #boolean(value: boolean): void {
    if (this.knowsBooleans) this.#reply.boolean(value);
    else if (value) this.#reply.integer(1);
    else this.#reply.nil();
  }

  #table(state: State): void {
    const { api } = this.#machine;
    const reply = this.#reply;
    if (this.#depth === DEEPEST || api.lua_checkstack(state, SLOTS) === 0) {
      reply.error("ERR reached lua stack limit");
      return;
    }
    this.#depth++;
    if (!this.#tagged(state)) this.#array(state);
    this.#depth--;
  }

  /** A table that says what it is; false if it does not. */
  #tagged(state: State): boolean {
    const { api } = this.#machine;
    const reply = this.#reply;
    const error = this.#textField(state, "err");
    const status = error === undefined ? this.#textField(state, "ok") : undefined;
    if (error !== undefined) this.#error(state, error);
    else if (status !== undefined) reply.status(oneLine(status));
    else if (this.#hasField(state, "double", LuaType.number)) {
      reply.doubleText(formatDouble(api.lua_tonumber(state, -1)));
      api.lua_settop(state, -2);
    } else if (this.#hasField(state, "map", LuaType.table)) this.#pairs(state, true);
    else if (this.#hasField(state, "set", LuaType.table)) this.#pairs(state, false);
    else return this.#textTagged(state);
    return true;
  }

  #error(state: State, text: string): void {
    const isCounted = this.#hasField(state, COUNTED_MARK, LuaType.boolean);
    if (isCounted) this.#machine.api.lua_settop(state, -2);
    if (isCounted) this.#reply.countedError(text);
    else this.#reply.error(text);
  }

  #textTagged(state: State): boolean {
    const bigNumber = this.#textField(state, "big_number");
    if (bigNumber !== undefined) {
      this.#reply.bigNumber(oneLine(bigNumber));
      return true;
    }
    return this.#hasField(state, "verbatim_string", LuaType.table) && this.#verbatim(state);
  }

  #array(state: State): void {
    const { api } = this.#machine;
    let count = 0;
    for (; ; count++) {
      api.lua_rawgeti(state, -1, count + 1);
      const isNil = api.lua_type(state, -1) === LuaType.nil;
      api.lua_settop(state, -2);
      if (isNil) break;
    }
    this.#reply.array(count);
    for (let i = 1; i <= count; i++) {
      api.lua_rawgeti(state, -1, i);
      this.write(state);
    }
  }

  /** The table on top of the stack as a map, or its keys as a set; takes it from the stack. */
  #pairs(state: State, isMap: boolean): void {
    const { api } = this.#machine;
    let count = 0;
    api.lua_pushnil(state);
    for (; api.lua_next(state, -2) !== 0; count++) api.lua_settop(state, -2);
    if (isMap) this.#reply.map(count);
    else this.#reply.set(count);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.write(state);
      if (isMap) this.write(state);
      else api.lua_settop(state, -2);
    }
    api.lua_settop(state, -2);
  }

  /** Takes the field from the stack; false if it is not what it should be. */
  #verbatim(state: State): boolean {
    const text = this.#textField(state, "string");
    const format = this.#textField(state, "format");
    this.#machine.api.lua_settop(state, -2);
    if (text === undefined || format === undefined) return false;
    this.#reply.verbatimBytes(Buffer.from(text, "latin1"), format);
    return true;
  }

  /** Whether the table on top has a field of this type; then it is pushed. */
  #hasField(state: State, name: string, type: number): boolean {
    const { api } = this.#machine;
    this.#machine.pushText(state, name);
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === type) return true;
    api.lua_settop(state, -2);
    return false;
  }

  #textField(state: State, name: string): string | undefined {
    if (!this.#hasField(state, name, LuaType.string)) return undefined;
    const text = this.#machine.text(state, -1);
    this.#machine.api.lua_settop(state, -2);
    return text;
  }
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, " ");
}
