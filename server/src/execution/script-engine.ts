/** An interpreter with what connects it to the server: `redis.call`, the libraries of ours, and replies from Lua's values. */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { ClientConnection } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Logger } from "../observability/logger.ts";
import type { Random } from "../platform/random.ts";
import { Interpreter, type Intervention } from "../scripting/interpreter.ts";
import { dataLibraries } from "../scripting/libraries/data-libraries.ts";
import type { LuaMachine } from "../scripting/lua-machine.ts";
import type { Libraries } from "../scripting/sandbox.ts";
import { scriptRandom } from "../scripting/script-random.ts";
import { LuaToReply } from "../scripting/script-replies.ts";
import { ScriptCommands } from "./script-commands.ts";
import { scriptFunctions } from "./script-functions.ts";

export interface ScriptEngine {
  readonly interpreter: Interpreter;
  readonly commands: ScriptCommands;
  readonly replies: LuaToReply;
}

export interface ScriptEngineParts {
  readonly table: CommandTable;
  readonly reply: () => ReplyWriter;
  readonly logger: Logger;
  readonly random: Random;
  readonly connection: ClientConnection;
  /** Counts an error that a script saw in place of a command's reply. */
  readonly failed: (error: string) => void;
}

export interface EngineKind {
  /** Members of `redis` that are not there. */
  readonly without?: readonly string[];
  /** Asked every so many instructions, whether what runs has written or not. */
  readonly look: (canSuspend: boolean, hasWritten: boolean) => Intervention | undefined;
  readonly whileLoading?: (machine: LuaMachine, redis: Libraries[string]) => Libraries;
}

/** Lua is told that there is no more memory beyond this. */
const MEMORY_LIMIT_BYTES = 1 << 30;

export function createScriptEngine(parts: ScriptEngineParts, kind: EngineKind): ScriptEngine {
  const { table, logger, random, connection, reply, failed } = parts;
  const made: { commands?: ScriptCommands; replies?: LuaToReply; redis?: Libraries[string] } = {};
  const interpreter = new Interpreter({
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    look: (canSuspend) => kind.look(canSuspend, made.commands?.hasWritten ?? false),
    libraries: (machine) => {
      const commands = new ScriptCommands(machine, connection, failed);
      const replies = new LuaToReply(machine, reply());
      const useProtocol = (version: 2 | 3): void => {
        commands.protocol = version;
        replies.knowsBooleans = version === 3;
      };
      const all = scriptFunctions(machine, { commands, table: () => table, logger, useProtocol });
      const redis = Object.fromEntries(Object.entries(all).filter(([name]) => !kind.without?.includes(name)));
      Object.assign(made, { commands, replies, redis });
      return { redis, math: scriptRandom(machine, random.below(2 ** 31)), ...dataLibraries(machine) };
    },
    whileLoading: (machine) => kind.whileLoading?.(machine, made.redis ?? {}) ?? {},
  });
  const { commands, replies } = made;
  if (commands === undefined || replies === undefined) throw new Error("The interpreter has asked for no libraries");
  return { interpreter, commands, replies };
}
