/**
 * `math.random` for scripts: the 48-bit linear congruential generator of POSIX, so that a seed gives the numbers that it
 * gives in Redis, on every machine.
 */

import type { HostFunction, LuaMachine, State } from "./lua-machine.ts";

const MULTIPLIER = 0x5deece66dn;
const INCREMENT = 0xbn;
const MASK = (1n << 48n) - 1n;
/** Low bits of every seeded state. */
const SEED_TAIL = 0x330en;
const LARGEST = 2 ** 31 - 1;

export function scriptRandom(machine: LuaMachine, seed: number): Readonly<Record<string, HostFunction>> {
  const { api } = machine;
  let state = seeded(seed);
  const next = (): number => {
    state = (state * MULTIPLIER + INCREMENT) & MASK;
    return Number(state >> 17n);
  };
  return {
    random: (caller) => {
      const fraction = (next() % LARGEST) / LARGEST;
      return pushRandom(machine, caller, fraction);
    },
    randomseed: (caller) => {
      state = seeded(api.luaL_checknumber(caller, 1));
      return 0;
    },
  };
}

function seeded(seed: number): bigint {
  const whole = Number.isFinite(seed) ? BigInt.asUintN(32, BigInt(Math.trunc(seed))) : 0n;
  return (whole << 16n) | SEED_TAIL;
}

/** A fraction, or a whole number from 1 or the lower limit to the upper one. */
function pushRandom(machine: LuaMachine, caller: State, fraction: number): number {
  const { api } = machine;
  const count = api.lua_gettop(caller);
  if (count === 0) {
    api.lua_pushnumber(caller, fraction);
    return 1;
  }
  if (count > 2) return machine.raiseAt(caller, "wrong number of arguments");
  const lower = count === 1 ? 1 : Math.trunc(api.luaL_checknumber(caller, 1));
  const upper = Math.trunc(api.luaL_checknumber(caller, count));
  if (!(lower <= upper)) api.luaL_argerror(caller, count, machine.name("interval is empty"));
  api.lua_pushnumber(caller, Math.floor(fraction * (upper - lower + 1)) + lower);
  return 1;
}
