/** MessagePack as Lua values. */

import type { LuaMachine, State } from "../lua-machine.ts";

const MISSING = "Missing bytes in input.";
const BAD = "Bad data format in input.";

export class MessageUnpacker {
  readonly #machine: LuaMachine;
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  /** Without limit and offset: all values. With one of them the place after the values comes first, −1 at the end. */
  unpack(state: State, { limit, offset }: { readonly limit: number; readonly offset: number }): number {
    const machine = this.#machine;
    const { api } = machine;
    const address = api.luaL_checklstring(state, 1, machine.lengthAt);
    const { length } = machine;
    if (offset < 0 || limit < 0) {
      machine.raiseAt(state, `Invalid request to unpack with offset of ${offset} and limit of ${length}.`);
    }
    if (offset > length) {
      machine.raiseAt(state, `Start offset ${offset} greater than input length ${length}.`);
    }
    this.#bytes = Buffer.from(machine.heap.subarray(address, address + length));
    this.#position = offset;
    const isWhole = limit === 0 && offset === 0;
    const most = isWhole ? Number.POSITIVE_INFINITY : limit;
    let count = 0;
    api.lua_settop(state, 1);
    for (; this.#position < length && count < most; count++) {
      if (api.lua_checkstack(state, 1) === 0) machine.raiseAt(state, "Too many results to unpack");
      this.#value(state);
    }
    if (isWhole) return count;
    api.lua_pushnumber(state, this.#position >= length ? -1 : this.#position);
    api.lua_insert(state, 2);
    return count + 1;
  }

  #take(state: State, bytes: number): number {
    const at = this.#position;
    if (at + bytes > this.#bytes.length) this.#machine.raiseAt(state, MISSING);
    this.#position += bytes;
    return at;
  }

  #unsigned(state: State, bytes: number): number {
    return this.#bytes.readUIntBE(this.#take(state, bytes), bytes);
  }

  #value(state: State): void {
    const { api } = this.#machine;
    const tag = this.#bytes[this.#take(state, 1)] as number;
    if (tag <= 0x7f) api.lua_pushnumber(state, tag);
    else if (tag >= 0xe0) api.lua_pushnumber(state, tag - 0x100);
    else if (tag <= 0x8f) this.#map(state, tag & 15);
    else if (tag <= 0x9f) this.#array(state, tag & 15);
    else if (tag <= 0xbf) this.#string(state, tag & 31);
    else if (tag >= 0xca && tag <= 0xd3) api.lua_pushnumber(state, this.#number(state, tag));
    else this.#tagged(state, tag);
  }

  #tagged(state: State, tag: number): void {
    const { api } = this.#machine;
    if (tag === 0xc0) api.lua_pushnil(state);
    else if (tag === 0xc2 || tag === 0xc3) api.lua_pushboolean(state, tag & 1);
    else if (tag >= 0xc4 && tag <= 0xc6) this.#string(state, this.#unsigned(state, 1 << (tag - 0xc4)));
    else if (tag >= 0xd9 && tag <= 0xdb) this.#string(state, this.#unsigned(state, 1 << (tag - 0xd9)));
    else if (tag === 0xdc || tag === 0xdd) this.#array(state, this.#unsigned(state, tag === 0xdc ? 2 : 4));
    else if (tag === 0xde || tag === 0xdf) this.#map(state, this.#unsigned(state, tag === 0xde ? 2 : 4));
    else this.#machine.raiseAt(state, BAD);
  }

  #number(state: State, tag: number): number {
    if (tag === 0xca) return this.#bytes.readFloatBE(this.#take(state, 4));
    if (tag === 0xcb) return this.#bytes.readDoubleBE(this.#take(state, 8));
    const isSigned = tag >= 0xd0;
    const size = 1 << (tag & 3);
    const at = this.#take(state, size);
    if (size === 8) return Number(isSigned ? this.#bytes.readBigInt64BE(at) : this.#bytes.readBigUInt64BE(at));
    return isSigned ? this.#bytes.readIntBE(at, size) : this.#bytes.readUIntBE(at, size);
  }

  #string(state: State, length: number): void {
    const at = this.#take(state, length);
    this.#machine.pushBytes(state, this.#bytes, at, length);
  }

  #descend(state: State): void {
    if (this.#machine.api.lua_checkstack(state, 5) === 0) this.#machine.raiseAt(state, BAD);
  }

  #array(state: State, count: number): void {
    const { api } = this.#machine;
    this.#descend(state);
    api.lua_createtable(state, 0, 0);
    for (let i = 1; i <= count; i++) {
      this.#value(state);
      api.lua_rawseti(state, -2, i);
    }
  }

  #map(state: State, count: number): void {
    const { api } = this.#machine;
    this.#descend(state);
    api.lua_createtable(state, 0, 0);
    for (let i = 0; i < count; i++) {
      this.#value(state);
      this.#value(state);
      api.lua_settable(state, -3);
    }
  }
}
