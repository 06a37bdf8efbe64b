/** The libraries for data formats that scripts find beside `redis`. */

import type { LuaMachine } from "../lua-machine.ts";
import type { Libraries } from "../sandbox.ts";
import { bitLibrary } from "./bit-operations.ts";
import { jsonLibrary } from "./json.ts";
import { messagePackLibrary } from "./message-pack.ts";
import { structLibrary } from "./struct.ts";

export function dataLibraries(machine: LuaMachine): Libraries {
  return {
    bit: bitLibrary(machine),
    cjson: jsonLibrary(machine),
    cmsgpack: messagePackLibrary(machine),
    struct: structLibrary(machine),
  };
}
