/** `struct`: values in the layouts of C, after a format string: byte order, alignment, and one letter a value. */

import { type HostFunction, type LuaMachine, LuaType, type State } from "../lua-machine.ts";
import { ByteBuilder } from "./byte-builder.ts";

const LARGEST_INTEGER_BYTES = 32;
const NATURAL_ALIGNMENT = 8;
const SIZES: Readonly<Record<string, number>> = { b: 1, B: 1, h: 2, H: 2, l: 8, L: 8, T: 8, f: 4, d: 8, x: 1, s: 0 };
const INTEGERS = "bBhHlLTiI";

export function structLibrary(machine: LuaMachine): Readonly<Record<string, HostFunction>> {
  const out = new ByteBuilder();
  return {
    pack: (state) => pack(machine, out, state),
    unpack: (state) => unpack(machine, state),
    size: (state) => size(machine, state),
  };
}

interface Item {
  readonly option: string;
  readonly size: number;
  /** Bytes before it. */
  readonly padding: number;
}

/** Walks a format; `next` is told how many bytes there are so far. */
class Format {
  readonly #machine: LuaMachine;
  readonly #state: State;
  readonly #text: string;
  #at = 0;
  #alignment = 1;
  isLittle = true;

  constructor(machine: LuaMachine, state: State) {
    this.#machine = machine;
    this.#state = state;
    machine.api.luaL_checklstring(state, 1, machine.lengthAt);
    this.#text = machine.text(state, 1) ?? "";
  }

  next(total: number): Item | undefined {
    while (this.#at < this.#text.length) {
      const option = this.#text[this.#at++] as string;
      if (option === "\0") return undefined;
      const size = this.#sizeOf(option);
      const isControl = size === undefined;
      if (isControl) this.#control(option);
      else return { option, size, padding: this.#padding(option, size, total) };
    }
    return undefined;
  }

  #sizeOf(option: string): number | undefined {
    if (option === "c") return this.#count(1);
    if (option !== "i" && option !== "I") return SIZES[option];
    const size = this.#count(4);
    if (size > LARGEST_INTEGER_BYTES) {
      this.#machine.raiseAt(this.#state, `integral size ${size} is larger than limit of ${LARGEST_INTEGER_BYTES}`);
    }
    return size;
  }

  #count(otherwise: number): number {
    const digits = /^\d+/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) return otherwise;
    this.#at += digits.length;
    if (Number(digits) > 2 ** 31 - 1) this.#machine.raiseAt(this.#state, "integral size overflow");
    return Number(digits);
  }

  #control(option: string): void {
    if (option === " ") return;
    if (option === ">" || option === "<") this.isLittle = option === "<";
    else if (option === "!") {
      const alignment = this.#count(NATURAL_ALIGNMENT);
      if (alignment === 0 || (alignment & (alignment - 1)) !== 0) {
        this.#machine.raiseAt(this.#state, `alignment ${alignment} is not a power of 2`);
      }
      this.#alignment = alignment;
    } else {
      this.#machine.api.luaL_argerror(this.#state, 1, this.#machine.name(`invalid format option '${option}'`));
    }
  }

  #padding(option: string, size: number, total: number): number {
    if (size === 0 || option === "c") return 0;
    const unit = Math.min(size, this.#alignment);
    return unit > 1 ? (unit - (total & (unit - 1))) & (unit - 1) : 0;
  }
}

function pack(machine: LuaMachine, out: ByteBuilder, state: State): number {
  const { api } = machine;
  const format = new Format(machine, state);
  // An argument too few is named as a nil.
  api.lua_pushnil(state);
  out.clear();
  let argument = 2;
  for (let item = format.next(0); item !== undefined; item = format.next(out.length)) {
    for (let k = 0; k < item.padding; k++) out.byte(0);
    if (item.option === "x") out.byte(0);
    else if (item.option === "s" || item.option === "c")
      packString(machine, out, { state, argument: argument++, item });
    else packNumber(out, item, format.isLittle, api.luaL_checknumber(state, argument++));
  }
  out.push(machine, state);
  return 1;
}

function packString(
  machine: LuaMachine,
  out: ByteBuilder,
  { state, argument, item }: { readonly state: State; readonly argument: number; readonly item: Item },
): void {
  const { api } = machine;
  const address = api.luaL_checklstring(state, argument, machine.lengthAt);
  const { length } = machine;
  const size = item.size === 0 ? length : item.size;
  if (length < size) api.luaL_argerror(state, argument + 1, machine.name("string too short"));
  out.bytes(machine.heap, address, address + size);
  if (item.option === "s") out.byte(0);
}

function packNumber(out: ByteBuilder, { option, size }: Item, isLittle: boolean, value: number): void {
  out.reserve(size);
  const bytes = out.buffer.subarray(out.length, out.length + size);
  if (option === "f") isLittle ? bytes.writeFloatLE(value) : bytes.writeFloatBE(value);
  else if (option === "d") isLittle ? bytes.writeDoubleLE(value) : bytes.writeDoubleBE(value);
  else {
    let rest = BigInt.asUintN(64, Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n);
    for (let k = 0; k < size; k++) {
      bytes[isLittle ? k : size - 1 - k] = Number(rest & 255n);
      rest >>= 8n;
    }
  }
  out.length += size;
}

function unpack(machine: LuaMachine, state: State): number {
  const { api } = machine;
  const format = new Format(machine, state);
  const address = api.luaL_checklstring(state, 2, machine.lengthAt);
  const data = Buffer.from(machine.heap.subarray(address, address + machine.length));
  let position = Math.trunc(api.luaL_optnumber(state, 3, 1)) - 1;
  if (position < 0) api.luaL_argerror(state, 3, machine.name("offset must be 1 or greater"));
  api.lua_settop(state, 2);
  let results = 0;
  for (let item = format.next(position); item !== undefined; item = format.next(position)) {
    position += item.padding;
    if (position + item.size > data.length) api.luaL_argerror(state, 2, machine.name("data string too short"));
    if (api.lua_checkstack(state, 2) === 0) machine.raiseAt(state, "too many results");
    if (item.option === "x") {
      position += item.size;
      continue;
    }
    if (item.option === "c" && item.size === 0) results--;
    position += unpackItem(machine, state, { item, data, position, isLittle: format.isLittle, results });
    results++;
  }
  api.lua_pushnumber(state, position + 1);
  return results + 1;
}

interface Place {
  readonly item: Item;
  readonly data: Buffer;
  readonly position: number;
  readonly isLittle: boolean;
  readonly results: number;
}

/** Pushes a value; gives the bytes it took. */
function unpackItem(machine: LuaMachine, state: State, { item, data, position, isLittle, results }: Place): number {
  const { api } = machine;
  const { option, size } = item;
  if (option === "c") {
    let length = size;
    if (size === 0) {
      if (results < 0 || api.lua_type(state, -1) !== LuaType.number) {
        machine.raiseAt(state, "format 'c0' needs a previous size");
      }
      length = api.lua_tonumber(state, -1);
      api.lua_settop(state, -2);
      if (!(length >= 0 && position + length <= data.length)) {
        api.luaL_argerror(state, 2, machine.name("data string too short"));
      }
    }
    machine.pushBytes(state, data, position, length);
    return length;
  }
  if (option === "s") {
    const end = data.indexOf(0, position);
    if (end < 0) machine.raiseAt(state, "unfinished string in data");
    machine.pushBytes(state, data, position, end - position);
    return end - position + 1;
  }
  api.lua_pushnumber(state, numberAt(data.subarray(position, position + size), option, isLittle));
  return size;
}

function numberAt(bytes: Buffer, option: string, isLittle: boolean): number {
  if (option === "f") return isLittle ? bytes.readFloatLE() : bytes.readFloatBE();
  if (option === "d") return isLittle ? bytes.readDoubleLE() : bytes.readDoubleBE();
  let value = 0n;
  const size = bytes.length;
  for (let k = 0; k < size; k++) value = (value << 8n) | BigInt(bytes[isLittle ? size - 1 - k : k] as number);
  const isSigned = INTEGERS.includes(option) && option === option.toLowerCase();
  const bits = Math.min(size * 8, 64);
  return Number(isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
}

function size(machine: LuaMachine, state: State): number {
  const format = new Format(machine, state);
  let total = 0;
  for (let item = format.next(0); item !== undefined; item = format.next(total)) {
    if (item.option === "s") machine.api.luaL_argerror(state, 1, machine.name("option 's' has no fixed size"));
    if (item.option === "c" && item.size === 0) {
      machine.api.luaL_argerror(state, 1, machine.name("option 'c0' has no fixed size"));
    }
    total += item.padding + item.size;
  }
  machine.api.lua_pushnumber(state, total);
  return 1;
}
