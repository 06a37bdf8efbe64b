/** `bit`: operations on 32-bit integers, with the results of LuaBitOp: signed, of numbers rounded and taken modulo 2^32. */

import type { HostFunction, LuaMachine, State } from "../lua-machine.ts";

const HEX_DIGITS = 8;

export function bitLibrary(machine: LuaMachine): Readonly<Record<string, HostFunction>> {
  const { api } = machine;
  const argument = (state: State, index: number): number => wrapped(api.luaL_checknumber(state, index));
  const unary =
    (operate: (value: number) => number): HostFunction =>
    (state) => {
      api.lua_pushnumber(state, operate(argument(state, 1)));
      return 1;
    };
  const folding =
    (operate: (left: number, right: number) => number): HostFunction =>
    (state) => {
      let result = argument(state, 1);
      for (let i = api.lua_gettop(state); i > 1; i--) result = operate(result, argument(state, i));
      api.lua_pushnumber(state, result);
      return 1;
    };
  const shifting =
    (operate: (value: number, count: number) => number): HostFunction =>
    (state) => {
      api.lua_pushnumber(state, operate(argument(state, 1), argument(state, 2) & 31) | 0);
      return 1;
    };
  return {
    tobit: unary((value) => value),
    bnot: unary((value) => ~value),
    bswap: unary((x) => (x << 24) | ((x & 0xff00) << 8) | ((x >> 8) & 0xff00) | (x >>> 24)),
    band: folding((left, right) => left & right),
    bor: folding((left, right) => left | right),
    bxor: folding((left, right) => left ^ right),
    lshift: shifting((value, count) => value << count),
    rshift: shifting((value, count) => value >>> count),
    arshift: shifting((value, count) => value >> count),
    rol: shifting((value, count) => (value << count) | (value >>> ((32 - count) & 31))),
    ror: shifting((value, count) => (value >>> count) | (value << ((32 - count) & 31))),
    tohex: (state) => {
      const value = argument(state, 1);
      const digits = api.lua_gettop(state) < 2 ? HEX_DIGITS : argument(state, 2);
      machine.pushText(state, hexadecimal(value, digits));
      return 1;
    },
  };
}

/** Digits below zero: in capitals. */
function hexadecimal(value: number, digits: number): string {
  const count = Math.min(Math.abs(digits), HEX_DIGITS);
  const text = (value >>> 0)
    .toString(16)
    .padStart(HEX_DIGITS, "0")
    .slice(HEX_DIGITS - count);
  return digits < 0 ? text.toUpperCase() : text;
}

/** To the nearest integer, from the middle to the even one. */
function wrapped(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return rounded | 0;
}
