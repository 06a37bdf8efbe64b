/** Lua values as JSON text. A table is an array if all its keys are whole numbers from 1 on, and not too sparse. */

import { type LuaMachine, LuaType, type State } from "../lua-machine.ts";
import { ByteBuilder } from "./byte-builder.ts";
import type { JsonSettings } from "./json-settings.ts";
import { formatGeneral } from "./number-format.ts";

const QUOTE = 34;
const OBJECT = -1;
const TYPE_NAMES = ["nil", "boolean", "userdata", "number", "string", "table", "function", "userdata", "thread"];
const ESCAPES: readonly (string | undefined)[] = Array.from({ length: 256 }, (_, byte) => escapeOf(byte));

export class JsonEncoder {
  readonly #machine: LuaMachine;
  readonly #settings: JsonSettings;
  readonly #out = new ByteBuilder();

  constructor(machine: LuaMachine, settings: JsonSettings) {
    this.#machine = machine;
    this.#settings = settings;
  }

  encode(state: State): number {
    this.#out.clear();
    this.#value(state, 0);
    this.#out.push(this.#machine, state);
    return 1;
  }

  /** Appends the value on top of the stack, and leaves it there. */
  #value(state: State, depth: number): void {
    const { api } = this.#machine;
    const type = api.lua_type(state, -1);
    if (type === LuaType.string) this.#string(state);
    else if (type === LuaType.number) this.#number(state, api.lua_tonumber(state, -1));
    else if (type === LuaType.boolean) this.#out.text(api.lua_toboolean(state, -1) === 0 ? "false" : "true");
    else if (type === LuaType.table) this.#table(state, depth + 1);
    else if (type === LuaType.nil || type === LuaType.light) this.#out.text("null");
    else this.#fail(state, `Cannot serialise ${TYPE_NAMES[type]}: type not supported`);
  }

  #fail(state: State, text: string): void {
    this.#machine.raiseAt(state, text);
  }

  #number(state: State, value: number): void {
    if (Number.isFinite(value)) this.#out.text(formatGeneral(value, this.#settings.precision));
    else if (this.#settings.encodesInvalidNumbers) this.#out.text(formatGeneral(value, this.#settings.precision));
    else this.#fail(state, "Cannot serialise number: must not be NaN or Inf");
  }

  #string(state: State): void {
    const machine = this.#machine;
    const start = machine.api.lua_tolstring(state, -1, machine.lengthAt);
    const end = start + machine.length;
    const { heap } = machine;
    const out = this.#out;
    out.byte(QUOTE);
    let plain = start;
    for (let at = start; at < end; at++) {
      const escaped = ESCAPES[heap[at] as number];
      if (escaped === undefined) continue;
      out.bytes(heap, plain, at);
      out.text(escaped);
      plain = at + 1;
    }
    out.bytes(heap, plain, end);
    out.byte(QUOTE);
  }

  #table(state: State, depth: number): void {
    const { api } = this.#machine;
    if (depth > this.#settings.encodeDepth || api.lua_checkstack(state, 4) === 0) {
      this.#fail(state, `Cannot serialise, excessive nesting (${depth})`);
    }
    const length = this.#arrayLength(state);
    if (length > 0) this.#array(state, length, depth);
    else this.#object(state, depth);
  }

  #array(state: State, length: number, depth: number): void {
    const { api } = this.#machine;
    this.#out.text("[");
    for (let i = 1; i <= length; i++) {
      if (i > 1) this.#out.text(",");
      api.lua_rawgeti(state, -1, i);
      this.#value(state, depth);
      api.lua_settop(state, -2);
    }
    this.#out.text("]");
  }

  #object(state: State, depth: number): void {
    const { api } = this.#machine;
    this.#out.text("{");
    let isFirst = true;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      if (!isFirst) this.#out.text(",");
      isFirst = false;
      this.#key(state);
      this.#out.text(":");
      this.#value(state, depth);
      api.lua_settop(state, -2);
    }
    this.#out.text("}");
  }

  /** Of the pair on top of the stack. */
  #key(state: State): void {
    const { api } = this.#machine;
    const type = api.lua_type(state, -2);
    if (type === LuaType.number) {
      this.#out.byte(QUOTE);
      this.#number(state, api.lua_tonumber(state, -2));
      this.#out.byte(QUOTE);
    } else if (type === LuaType.string) {
      api.lua_pushvalue(state, -2);
      this.#string(state);
      api.lua_settop(state, -2);
    } else this.#fail(state, `Cannot serialise ${TYPE_NAMES[type]}: table key must be a number or string`);
  }

  #arrayLength(state: State): number {
    const { api } = this.#machine;
    const { sparseRatio, sparseSafe, convertsSparse } = this.#settings;
    let largest = 0;
    let items = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      const key = api.lua_type(state, -2) === LuaType.number ? api.lua_tonumber(state, -2) : 0;
      if (!(key >= 1) || Math.floor(key) !== key) {
        api.lua_settop(state, -3);
        return OBJECT;
      }
      largest = Math.max(largest, key);
      items++;
      api.lua_settop(state, -2);
    }
    if (sparseRatio > 0 && largest > items * sparseRatio && largest > sparseSafe) {
      if (!convertsSparse) this.#fail(state, "Cannot serialise table: excessively sparse array");
      return OBJECT;
    }
    return largest;
  }
}

function escapeOf(byte: number): string | undefined {
  const short: Readonly<Record<number, string>> = {
    8: "\\b",
    9: "\\t",
    10: "\\n",
    12: "\\f",
    13: "\\r",
    34: '\\"',
    47: "\\/",
    92: "\\\\",
  };
  if (byte in short) return short[byte];
  return byte < 32 || byte === 127 ? `\\u${byte.toString(16).padStart(4, "0")}` : undefined;
}
