/** `cjson`: JSON as lua-cjson reads and writes it, with its settings, its names of errors, and its null. */

import { type HostFunction, type LuaMachine, LuaType, type State } from "../lua-machine.ts";
import type { Member } from "../sandbox.ts";
import { JsonDecoder } from "./json-decoder.ts";
import { JsonEncoder } from "./json-encoder.ts";
import { defaultJsonSettings, type JsonSettings } from "./json-settings.ts";

const DEEPEST_SETTING = 2 ** 31 - 1;
const MAXIMUM_PRECISION = 14;

export function jsonLibrary(machine: LuaMachine): Readonly<Record<string, Member>> {
  const { api } = machine;
  const settings = defaultJsonSettings();
  const encoder = new JsonEncoder(machine, settings);
  const decoder = new JsonDecoder(machine, settings);
  const expectOne = (state: State): void => {
    if (api.lua_gettop(state) !== 1) api.luaL_argerror(state, 1, machine.name("expected 1 argument"));
  };
  return {
    encode: (state) => {
      expectOne(state);
      return encoder.encode(state);
    },
    decode: (state) => {
      expectOne(state);
      return decoder.decode(state);
    },
    encode_sparse_array: (state) => sparseArray(machine, settings, state),
    encode_max_depth: integerSetting(machine, settings, "encodeDepth", 1, DEEPEST_SETTING),
    decode_max_depth: integerSetting(machine, settings, "decodeDepth", 1, DEEPEST_SETTING),
    encode_number_precision: integerSetting(machine, settings, "precision", 1, MAXIMUM_PRECISION),
    encode_keep_buffer: flagSetting(machine, settings, "keepsBuffer"),
    encode_invalid_numbers: flagSetting(machine, settings, "encodesInvalidNumbers"),
    decode_invalid_numbers: flagSetting(machine, settings, "decodesInvalidNumbers"),
    null: null,
    _NAME: "cjson",
    _VERSION: "2.1.0",
  };
}

type IntegerName = "encodeDepth" | "decodeDepth" | "precision";
type FlagName = "keepsBuffer" | "encodesInvalidNumbers" | "decodesInvalidNumbers";

function integerSetting(
  machine: LuaMachine,
  settings: JsonSettings,
  name: IntegerName,
  ...[least, most]: readonly [number, number]
): HostFunction {
  const { api } = machine;
  return (state) => {
    if (api.lua_gettop(state) > 1) api.luaL_argerror(state, 2, machine.name("found too many arguments"));
    if (api.lua_type(state, 1) > LuaType.nil) {
      const value = Math.trunc(api.luaL_checknumber(state, 1));
      if (!(value >= least && value <= most)) {
        api.luaL_argerror(state, 1, machine.name(`expected integer between ${least} and ${most}`));
      }
      settings[name] = value;
    }
    api.lua_pushnumber(state, settings[name]);
    return 1;
  };
}

function flagSetting(machine: LuaMachine, settings: JsonSettings, name: FlagName): HostFunction {
  const { api } = machine;
  return (state) => {
    if (api.lua_type(state, 1) > LuaType.nil) settings[name] = api.lua_toboolean(state, 1) !== 0;
    api.lua_pushboolean(state, settings[name] ? 1 : 0);
    return 1;
  };
}

function sparseArray(machine: LuaMachine, settings: JsonSettings, state: State): number {
  const { api } = machine;
  if (api.lua_type(state, 1) > LuaType.nil) settings.convertsSparse = api.lua_toboolean(state, 1) !== 0;
  if (api.lua_type(state, 2) > LuaType.nil) settings.sparseRatio = Math.trunc(api.luaL_checknumber(state, 2));
  if (api.lua_type(state, 3) > LuaType.nil) settings.sparseSafe = Math.trunc(api.luaL_checknumber(state, 3));
  api.lua_pushboolean(state, settings.convertsSparse ? 1 : 0);
  api.lua_pushnumber(state, settings.sparseRatio);
  api.lua_pushnumber(state, settings.sparseSafe);
  return 3;
}
