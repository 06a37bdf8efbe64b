/**
 * Runs scripts: finds or compiles them, hands KEYS and ARGV over, and makes of what they return or die of a reply. The
 * interpreter is started by the first script and given up with its cache, so that a server without scripts pays nothing.
 *
 * What a script changes is propagated by its effects, as one transaction. One that runs for too long is put aside and goes on
 * between turns of the event loop: its client waits, others hear BUSY, and nothing else changes data meanwhile.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { integerArgument } from "../commands/arguments.ts";
import type { Call } from "../commands/call.ts";
import { type Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Scripting } from "../commands/context.ts";
import { CommandError, ERRORS } from "../commands/errors.ts";
import type { ScriptFacts } from "../observability/facts.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { Interpreter } from "../scripting/interpreter.ts";
import { dataLibraries } from "../scripting/libraries/data-libraries.ts";
import { LuaStatus } from "../scripting/lua-machine.ts";
import { type Script, ScriptCache } from "../scripting/script-cache.ts";
import { ScriptError } from "../scripting/script-error.ts";
import { scriptRandom } from "../scripting/script-random.ts";
import { LuaToReply } from "../scripting/script-replies.ts";
import { ScriptFlag } from "../scripting/shebang.ts";
import type { ServerState } from "./guards.ts";
import { ScriptCommands } from "./script-commands.ts";
import { scriptFunctions } from "./script-functions.ts";
import { ScriptPatience } from "./script-patience.ts";

export interface ScriptRunnerParts {
  readonly state: () => ServerState;
  readonly table: CommandTable;
  readonly reply: () => ReplyWriter;
  readonly logger: Logger;
  readonly random: Random;
  readonly connection: ClientConnection;
  readonly clock: Clock;
  /** `busy-reply-threshold`; 0: scripts may run for ever. */
  readonly longestMs: () => number;
  readonly isClusterEnabled: boolean;
  /** Calls back after a turn of the event loop. */
  readonly schedule: (callback: () => void) => void;
  /** Does a piece of work for a client, and gives the bytes of the reply that it has written. */
  readonly workFor: (client: Client, work: (call: Call) => void) => Buffer;
  /** A script that was put aside has ended, and its client has its reply. */
  readonly ended: (client: Client) => void;
}

/** A script on its way. */
interface Run {
  readonly programs: Programs;
  readonly script: Script;
  readonly client: Client;
  readonly command: number;
  readonly nowMs: number;
  readonly isOwnTransaction: boolean;
}

interface Programs {
  readonly interpreter: Interpreter;
  readonly cache: ScriptCache;
  readonly commands: ScriptCommands;
  readonly replies: LuaToReply;
}

/** Lua is told that there is no more memory beyond this. */
const MEMORY_LIMIT_BYTES = 1 << 30;
const DIGEST_LENGTH = 40;
const FIRST_KEY = 3;
const NOT_BUSY = "NOTBUSY No scripts in execution right now.";
const UNKILLABLE =
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
const NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";

export class ScriptRunner implements Scripting {
  readonly #parts: ScriptRunnerParts;
  readonly #patience: ScriptPatience;
  #programs: Programs | undefined;
  #suspended: Run | undefined;

  constructor(parts: ScriptRunnerParts) {
    this.#parts = parts;
    this.#patience = new ScriptPatience(parts.clock, parts.longestMs);
  }

  /** A script was put aside, and has not ended. */
  get isBusy(): boolean {
    return this.#suspended !== undefined;
  }

  evaluate(call: Call, { isCached, isReadOnly }: { readonly isCached: boolean; readonly isReadOnly: boolean }): void {
    if (isCached && call.length[1] !== DIGEST_LENGTH) throw new CommandError(NO_SCRIPT);
    const keys = keyCount(call);
    const programs = this.#start();
    const script = isCached
      ? this.#programs?.cache.get(call.text(1).toLowerCase())
      : reported(() => programs.cache.bySource(call.buffer, call.offset[1] as number, call.length[1] as number));
    if (script === undefined) throw new CommandError(NO_SCRIPT);
    this.#refuse(script, call, isReadOnly);
    this.#run(programs, script, { call, keys, isReadOnly });
  }

  load(source: Buffer): string {
    const { cache } = this.#start();
    return reported(() => cache.load(source)).digest;
  }

  has(digest: string): boolean {
    return this.#programs?.cache.get(digest.toLowerCase()) !== undefined;
  }

  flush(): void {
    this.#programs = undefined;
  }

  kill(): void {
    if (this.#suspended === undefined) throw new CommandError(NOT_BUSY);
    if (this.#suspended.programs.commands.hasWritten) throw new CommandError(UNKILLABLE);
    this.#patience.end();
  }

  /** The server ends or becomes a replica: the script that was put aside, if there is one, ends as by an error of its own. */
  abandon(): void {
    this.#patience.end();
    while (this.#suspended !== undefined) this.#goOn(this.#suspended);
  }

  facts(): ScriptFacts {
    const programs = this.#programs;
    return {
      machineBytes: programs?.interpreter.usedBytes ?? 0,
      cachedScripts: programs?.cache.count ?? 0,
      sourceBytes: programs?.cache.sourceBytes ?? 0,
    };
  }

  #start(): Programs {
    this.#programs ??= this.#create();
    return this.#programs;
  }

  #create(): Programs {
    const { table, logger, random, connection, reply } = this.#parts;
    const made: { commands?: ScriptCommands; replies?: LuaToReply } = {};
    const interpreter = new Interpreter({
      memoryLimitBytes: MEMORY_LIMIT_BYTES,
      look: (canSuspend) => this.#patience.look(canSuspend, made.commands?.hasWritten ?? false),
      libraries: (machine) => {
        const commands = new ScriptCommands(machine, connection);
        const replies = new LuaToReply(machine, reply());
        Object.assign(made, { commands, replies });
        const useProtocol = (version: 2 | 3): void => {
          commands.protocol = version;
          replies.knowsBooleans = version === 3;
        };
        const redis = scriptFunctions(machine, { commands, table: () => table, logger, useProtocol });
        return { redis, math: scriptRandom(machine, random.below(2 ** 31)), ...dataLibraries(machine) };
      },
    });
    const { commands, replies } = made;
    if (commands === undefined || replies === undefined) throw new Error("The interpreter has asked for no libraries");
    return { interpreter, cache: new ScriptCache(interpreter), commands, replies };
  }

  /** What speaks against running such a script now. */
  #refuse({ flags }: Script, call: Call, isReadOnly: boolean): void {
    const state = this.#parts.state();
    const obeys = call.client.has(ClientFlag.primary);
    const isStale = state.stale && !obeys;
    if ((flags & ScriptFlag.old) !== 0) {
      if (isStale) throw new CommandError(ERRORS.primaryDown);
      return;
    }
    if ((flags & ScriptFlag.noCluster) !== 0 && this.#parts.isClusterEnabled) {
      throw new CommandError("ERR Can not run script on cluster, 'no-cluster' flag is set.");
    }
    if (isStale && (flags & ScriptFlag.allowStale) === 0) throw new CommandError(ERRORS.primaryDown);
    if ((flags & ScriptFlag.noWrites) !== 0) return;
    if (isReadOnly) throw new CommandError("ERR Can not execute a script with write flag using *_ro command.");
    if (obeys) return;
    if (state.readOnlyReplica) {
      throw new CommandError("READONLY You can not run script with write flag on readonly replica.");
    }
    if (state.persistenceError !== undefined) throw new CommandError(state.persistenceError);
    if (state.tooFewReplicas) throw new CommandError(ERRORS.notEnoughReplicas);
    if ((flags & ScriptFlag.allowOom) === 0 && state.memoryLimited && !state.makeRoom()) {
      throw new CommandError(
        "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
      );
    }
  }

  #run(programs: Programs, script: Script, request: Request): void {
    const { call, keys } = request;
    const { interpreter, commands, replies } = programs;
    const { client, command, nowMs } = call;
    fillTable(interpreter, "KEYS", { call, first: FIRST_KEY, count: keys });
    fillTable(interpreter, "ARGV", { call, first: FIRST_KEY + keys, count: call.argc - FIRST_KEY - keys });
    const isOwnTransaction = !client.has(ClientFlag.inExec);
    const obeys = client.has(ClientFlag.primary);
    replies.knowsBooleans = false;
    const leave = commands.enter(call, {
      isReadOnly: request.isReadOnly || (script.flags & ScriptFlag.noWrites) !== 0,
      allowsOom: (script.flags & ScriptFlag.allowOom) !== 0 || obeys,
    });
    if (isOwnTransaction) call.server.executor.beginTransaction();
    // A replica must not stop in the middle of what its primary sends, so nothing may wait there.
    const maySuspend = isOwnTransaction && !obeys && !call.server.replication.isReplica;
    this.#patience.begin({ maySuspend, mustFinish: obeys });
    const run = { programs, script, client, command, nowMs, isOwnTransaction };
    this.#enter(run, call, { leave, work: () => interpreter.start(script.reference) });
  }

  /** Until the script ends or is put aside. */
  #enter(run: Run, call: Call, lua: { readonly leave: () => void; readonly work: () => number }): void {
    const { interpreter } = run.programs;
    const { reply } = call;
    const { errors, position } = reply;
    let status = LuaStatus.ok as number;
    this.#suspended = undefined;
    try {
      status = lua.work();
      if (status === LuaStatus.yielded && interpreter.isSuspended) this.#suspended = run;
    } catch (error) {
      // The machine is in a state that nobody knows: the next script gets a new one.
      this.flush();
      throw error;
    } finally {
      const isOver = this.#suspended === undefined;
      if (run.isOwnTransaction && isOver) call.server.executor.endTransaction(run.client.databaseIndex);
      lua.leave();
    }
    reply.position = position;
    // Errors that the script has seen are its own affair.
    reply.errors = errors;
    if (this.#suspended !== undefined) this.#putAside(run);
    else {
      this.#answer(run.programs, run.script, { call, status });
      interpreter.finish(status);
    }
  }

  #putAside(run: Run): void {
    const { client } = run;
    if (!client.has(ClientFlag.blocked)) {
      client.set(ClientFlag.blocked, true);
      client.connection.pause();
      this.#parts.logger.warning(
        `Slow script detected: still in execution after ${this.#patience.elapsedMs} milliseconds. ` +
          `You can try killing the script using the SCRIPT KILL command. Script name is: ${run.script.digest}.`,
      );
    }
    this.#parts.schedule(() => {
      if (this.#suspended === run) this.#goOn(run);
    });
  }

  #goOn(run: Run): void {
    const { client, programs } = run;
    this.#patience.beginSlice();
    const bytes = this.#parts.workFor(client, (call) => {
      // For a script time stands still.
      call.server.keyspace.setNow(run.nowMs);
      Object.assign(call, { command: run.command, nowMs: run.nowMs });
      this.#enter(run, call, { leave: programs.commands.goOn(call), work: () => programs.interpreter.resume() });
    });
    if (this.#suspended !== undefined) return;
    client.set(ClientFlag.blocked, false);
    client.connection.send(bytes);
    this.#parts.ended(client);
  }

  #answer({ interpreter, replies }: Programs, script: Script, outcome: { call: Call; status: number }): void {
    const { reply } = outcome.call;
    const { api } = interpreter.machine;
    if (outcome.status === LuaStatus.ok) {
      if (api.lua_gettop(interpreter.thread) === 0) reply.nil();
      else {
        api.lua_settop(interpreter.thread, 1);
        replies.write(interpreter.thread);
      }
      return;
    }
    if (outcome.status === LuaStatus.yielded) {
      reply.error(
        `ERR attempt to yield across metamethod/C-call boundary script: ${script.digest}, on @user_script:1.`,
      );
      return;
    }
    const { message, place } = interpreter.failure();
    reply.error(`${message} script: ${script.digest}${place === undefined ? "" : `, on ${place}`}.`);
  }
}

interface Request {
  readonly call: Call;
  readonly keys: number;
  readonly isReadOnly: boolean;
}

/** Argument 2; as many arguments must follow. */
function keyCount(call: Call): number {
  const count = integerArgument(call, 2);
  if (count > call.argc - FIRST_KEY) throw new CommandError("ERR Number of keys can't be greater than number of args");
  if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
  return count;
}

function fillTable(
  interpreter: Interpreter,
  name: string,
  { call, first, count }: { readonly call: Call; readonly first: number; readonly count: number },
): void {
  interpreter.beginTable(count);
  for (let i = 0; i < count; i++) {
    const at = first + i;
    interpreter.addString(i + 1, call.buffer, call.offset[at] as number, call.length[at] as number);
  }
  interpreter.endTable(name);
}

/** What is wrong with a script is its sender's fault. */
function reported<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ScriptError ? new CommandError(error.message) : error;
  }
}
