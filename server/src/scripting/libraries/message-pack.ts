/** `cmsgpack`: MessagePack as lua-cmsgpack reads and writes it. A table is an array if its keys are exactly 1 to n. */

import { type HostFunction, type LuaMachine, LuaType, type State } from "../lua-machine.ts";
import type { Member } from "../sandbox.ts";
import { ByteBuilder } from "./byte-builder.ts";
import { MessageUnpacker } from "./message-unpacker.ts";

/** Tables nested deeper are written as nil. */
const DEEPEST = 16;

export function messagePackLibrary(machine: LuaMachine): Readonly<Record<string, Member>> {
  const packer = new MessagePacker(machine);
  const unpacker = new MessageUnpacker(machine);
  const { api } = machine;
  const integer = (state: State, index: number, otherwise: number): number =>
    Math.trunc(api.luaL_optnumber(state, index, otherwise));
  const unpackOne: HostFunction = (state) => unpacker.unpack(state, { limit: 1, offset: integer(state, 2, 0) });
  return {
    pack: (state) => packer.pack(state),
    unpack: (state) => unpacker.unpack(state, { limit: 0, offset: 0 }),
    unpack_one: unpackOne,
    unpack_limit: (state) =>
      unpacker.unpack(state, { limit: Math.trunc(api.luaL_checknumber(state, 2)), offset: integer(state, 3, 0) }),
    _NAME: "cmsgpack",
    _VERSION: "lua-cmsgpack 0.4.0",
  };
}

class MessagePacker {
  readonly #machine: LuaMachine;
  readonly #out = new ByteBuilder();

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  pack(state: State): number {
    const { api } = this.#machine;
    const count = api.lua_gettop(state);
    if (count === 0) api.luaL_argerror(state, 0, this.#machine.name("MessagePack pack needs input."));
    if (api.lua_checkstack(state, count) === 0) {
      api.luaL_argerror(state, 0, this.#machine.name("Too many arguments for MessagePack pack."));
    }
    this.#out.clear();
    for (let i = 1; i <= count; i++) {
      api.lua_pushvalue(state, i);
      this.#value(state, 0);
    }
    this.#out.push(this.#machine, state);
    return 1;
  }

  /** Appends the value on top of the stack, and takes it from there. */
  #value(state: State, depth: number): void {
    const { api } = this.#machine;
    const type = api.lua_type(state, -1);
    if (type === LuaType.string) this.#string(state);
    else if (type === LuaType.number) this.#number(api.lua_tonumber(state, -1));
    else if (type === LuaType.boolean) this.#out.byte(api.lua_toboolean(state, -1) === 0 ? 0xc2 : 0xc3);
    else if (type === LuaType.table && depth < DEEPEST) this.#table(state, depth);
    else this.#out.byte(0xc0);
    api.lua_settop(state, -2);
  }

  #string(state: State): void {
    const machine = this.#machine;
    const address = machine.api.lua_tolstring(state, -1, machine.lengthAt);
    const { length } = machine;
    if (length < 32) this.#out.byte(0xa0 | length);
    else if (length <= 0xff) this.#sized(0xd9, 1, length);
    else if (length <= 0xffff) this.#sized(0xda, 2, length);
    else this.#sized(0xdb, 4, length);
    this.#out.bytes(machine.heap, address, address + length);
  }

  #sized(tag: number, bytes: 1 | 2 | 4, value: number): void {
    const out = this.#out;
    out.byte(tag);
    out.reserve(bytes);
    out.length = out.buffer.writeUIntBE(value, out.length, bytes);
  }

  #number(value: number): void {
    const out = this.#out;
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
      this.#integer(value);
      return;
    }
    const isFloat = Math.fround(value) === value;
    out.byte(isFloat ? 0xca : 0xcb);
    out.reserve(8);
    out.length = isFloat ? out.buffer.writeFloatBE(value, out.length) : out.buffer.writeDoubleBE(value, out.length);
  }

  #integer(value: number): void {
    if (value >= 0) this.#natural(value);
    else if (value >= -32) this.#out.byte(0x100 + value);
    else if (value >= -0x80) this.#sized(0xd0, 1, value + 0x100);
    else if (value >= -0x8000) this.#sized(0xd1, 2, value + 0x10000);
    else if (value >= -0x80000000) this.#sized(0xd2, 4, value + 0x100000000);
    else this.#long(0xd3, BigInt(value));
  }

  #natural(value: number): void {
    if (value <= 0x7f) this.#out.byte(value);
    else if (value <= 0xff) this.#sized(0xcc, 1, value);
    else if (value <= 0xffff) this.#sized(0xcd, 2, value);
    else if (value <= 0xffffffff) this.#sized(0xce, 4, value);
    else this.#long(0xcf, BigInt(value));
  }

  #long(tag: number, value: bigint): void {
    const out = this.#out;
    out.byte(tag);
    out.reserve(8);
    out.length = out.buffer.writeBigUInt64BE(BigInt.asUintN(64, value), out.length);
  }

  #table(state: State, depth: number): void {
    const { api } = this.#machine;
    api.lua_checkstack(state, 4);
    const { count, isArray } = this.#shape(state);
    if (isArray) {
      this.#header(count, 0x90, 0xdc);
      for (let i = 1; i <= count; i++) {
        api.lua_rawgeti(state, -1, i);
        this.#value(state, depth + 1);
      }
      return;
    }
    this.#header(count, 0x80, 0xde);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.#value(state, depth + 1);
      this.#value(state, depth + 1);
    }
  }

  #header(count: number, small: number, large: number): void {
    if (count <= 15) this.#out.byte(small | count);
    else if (count <= 0xffff) this.#sized(large, 2, count);
    else this.#sized(large + 1, 4, count);
  }

  #shape(state: State): { count: number; isArray: boolean } {
    const { api } = this.#machine;
    let count = 0;
    let largest = 0;
    let isArray = true;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      const key = api.lua_type(state, -1) === LuaType.number ? api.lua_tonumber(state, -1) : 0;
      if (!(key > 0) || !Number.isInteger(key)) isArray = false;
      largest = Math.max(largest, key);
      count++;
    }
    return { count, isArray: isArray && largest === count };
  }
}
