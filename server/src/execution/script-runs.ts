/**
 * Runs scripts and functions in their engines: hands KEYS and ARGV over, and makes of what they return or die of a reply.
 * What they change is propagated by its effects, as one transaction. A run that takes too long is put aside and goes on between
 * turns of the event loop: its client waits, others hear BUSY, and nothing else changes data meanwhile.
 */

import { integerArgument } from "../commands/arguments.ts";
import type { Call } from "../commands/call.ts";
import { type Client, ClientFlag } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { RunningScript } from "../commands/context.ts";
import { CommandError, ERRORS } from "../commands/errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { Interpreter, ScriptFailure } from "../scripting/interpreter.ts";
import { LuaStatus } from "../scripting/lua-machine.ts";
import { ScriptError } from "../scripting/script-error.ts";
import { ScriptFlag } from "../scripting/shebang.ts";
import type { ServerState } from "./guards.ts";
import type { ScriptEngine } from "./script-engine.ts";
import { ScriptPatience } from "./script-patience.ts";
import { scriptRefusal } from "./script-refusal.ts";

export interface ScriptRunsParts {
  readonly state: () => ServerState;
  readonly logger: Logger;
  readonly clock: Clock;
  /** `busy-reply-threshold`; 0: scripts may run for ever. */
  readonly longestMs: () => number;
  readonly isClusterEnabled: boolean;
  readonly table: CommandTable;
  /** Counts an error reply. */
  readonly failed: (error: string) => void;
  /** Calls back after a turn of the event loop. */
  readonly schedule: (callback: () => void) => void;
  /** Does a piece of work for a client, and gives the bytes of the reply that it has written. */
  readonly workFor: (client: Client, work: (call: Call) => void) => Buffer;
  /** A script that was put aside has ended, and its client has its reply. */
  readonly ended: (client: Client) => void;
}

/** A script or function, ready to run. */
export interface Program {
  readonly engine: ScriptEngine;
  /** Of the compiled chunk or the function. */
  readonly reference: number;
  /** Of `ScriptFlag`. */
  readonly flags: number;
  /** The digest of a script, or the name of a function. */
  readonly name: string;
  /** Functions get KEYS and ARGV as arguments, scripts as globals. */
  readonly isFunction: boolean;
  /** The engine is in a state that nobody knows, and must be given up. */
  readonly engineBroke: () => void;
}

export interface RunRequest {
  readonly keys: number;
  readonly isReadOnly: boolean;
}

interface Run {
  readonly program: Program;
  readonly client: Client;
  readonly command: number;
  /** The request, once it was put aside: for those who ask what is running. */
  words: readonly Buffer[];
  readonly nowMs: number;
  readonly isOwnTransaction: boolean;
}

/** Behind the name of the command and the script, and the number of keys. */
const FIRST_KEY = 3;
const NOT_BUSY = "NOTBUSY No scripts in execution right now.";
const UNKILLABLE =
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";

export class ScriptRuns {
  readonly #parts: ScriptRunsParts;
  readonly patience: ScriptPatience;
  #suspended: Run | undefined;

  constructor(parts: ScriptRunsParts) {
    this.#parts = parts;
    this.patience = new ScriptPatience(parts.clock, parts.longestMs);
  }

  /** What others are told while a run that was put aside has not ended; undefined: there is none. */
  get busyError(): string | undefined {
    if (this.#suspended === undefined) return undefined;
    return this.#suspended.program.isFunction ? ERRORS.busyFunction : ERRORS.busyScript;
  }

  get running(): RunningScript | undefined {
    if (this.#suspended === undefined) return undefined;
    const { program, words } = this.#suspended;
    const { name, isFunction } = program;
    return { name, words, elapsedMs: this.patience.elapsedMs, isFunction };
  }

  /** SCRIPT KILL and FUNCTION KILL: each ends only its own. */
  kill(isFunction: boolean): void {
    const run = this.#suspended;
    if (run === undefined) throw new CommandError(NOT_BUSY);
    if (run.program.engine.commands.hasWritten) throw new CommandError(UNKILLABLE);
    if (run.program.isFunction !== isFunction) throw new CommandError(this.busyError);
    this.patience.end();
  }

  /** The server ends or becomes a replica: the run that was put aside, if there is one, ends as by an error of its own. */
  abandon(): void {
    this.patience.end();
    while (this.#suspended !== undefined) this.#goOn(this.#suspended);
  }

  /** Argument 3 and the following are `keys` keys, then other arguments. */
  run(program: Program, call: Call, { keys, isReadOnly }: RunRequest): void {
    const { state, isClusterEnabled } = this.#parts;
    const { client, command, nowMs } = call;
    const refusal = scriptRefusal(program.flags, { client, state: state(), isClusterEnabled, isReadOnly });
    if (refusal !== undefined) throw new CommandError(refusal);
    const { interpreter, commands, replies } = program.engine;
    const argumentCount = handOver(program, call, keys);
    const isOwnTransaction = !client.has(ClientFlag.inExec);
    const obeys = client.has(ClientFlag.primary);
    replies.knowsBooleans = false;
    const leave = commands.enter(call, {
      isReadOnly: isReadOnly || (program.flags & ScriptFlag.noWrites) !== 0,
      allowsOom: (program.flags & ScriptFlag.allowOom) !== 0 || obeys,
    });
    if (isOwnTransaction) call.server.executor.beginTransaction();
    // A replica must not stop in the middle of what its primary sends, so nothing may wait there.
    const maySuspend = isOwnTransaction && !obeys && !call.server.replication.isReplica;
    this.patience.begin({ maySuspend, mustFinish: obeys });
    const run: Run = { program, client, command, words: [], nowMs, isOwnTransaction };
    this.#enter(run, call, { leave, work: () => interpreter.start(argumentCount) });
  }

  /** Until the script ends or is put aside. */
  #enter(run: Run, call: Call, lua: { readonly leave: () => void; readonly work: () => number }): void {
    const { engine, engineBroke } = run.program;
    const { reply } = call;
    const { errors, position } = reply;
    let status = LuaStatus.ok as number;
    this.#suspended = undefined;
    try {
      status = lua.work();
      if (status === LuaStatus.yielded && engine.interpreter.isSuspended) this.#suspended = run;
    } catch (error) {
      engineBroke();
      throw error;
    } finally {
      const isOver = this.#suspended === undefined;
      if (run.isOwnTransaction && isOver) call.server.executor.endTransaction(run.client);
      lua.leave();
    }
    reply.position = position;
    // Errors that the script has seen are its own affair.
    reply.forgetErrors(errors);
    if (this.#suspended !== undefined) this.#putAside(run, call);
    else {
      answer(run.program, call, status);
      engine.interpreter.finish(status);
    }
  }

  #putAside(run: Run, call: Call): void {
    const { client, program } = run;
    if (!client.has(ClientFlag.blocked)) {
      run.words = call.copies(0, call.argc);
      client.set(ClientFlag.blocked, true);
      client.connection.pause();
      const [kind, command] = program.isFunction ? ["Function", "FUNCTION KILL"] : ["Script", "SCRIPT KILL"];
      this.#parts.logger.warning(
        `Slow script detected: still in execution after ${this.patience.elapsedMs} milliseconds. ` +
          `You can try killing the script using the ${command} command. ${kind} name is: ${program.name}.`,
      );
    }
    this.#parts.schedule(() => {
      if (this.#suspended === run) this.#goOn(run);
    });
  }

  #goOn(run: Run): void {
    const { client, program } = run;
    this.patience.beginSlice();
    const { table, failed, workFor } = this.#parts;
    const bytes = workFor(client, (call) => {
      const { errors } = call.reply;
      // For a script time stands still.
      call.server.keyspace.setNow(run.nowMs);
      Object.assign(call, { command: run.command, nowMs: run.nowMs });
      const { commands, interpreter } = program.engine;
      this.#enter(run, call, { leave: commands.goOn(call), work: () => interpreter.resume() });
      if (this.#suspended !== undefined || call.reply.errors === errors) return;
      table.failedCalls[run.command] = (table.failedCalls[run.command] as number) + 1;
      if (!call.reply.isLastErrorCounted) failed(call.reply.lastError);
    });
    if (this.#suspended !== undefined) return;
    client.set(ClientFlag.blocked, false);
    client.connection.send(bytes);
    this.#parts.ended(client);
  }
}

/** What is wrong with a script is its sender's fault. */
export function reported<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ScriptError ? new CommandError(error.message) : error;
  }
}

/** Argument 2; as many arguments must follow. `error`: that it is no number. */
export function keyCount(call: Call, error?: string): number {
  const count = integerArgument(call, 2, error);
  if (count > call.argc - FIRST_KEY) throw new CommandError("ERR Number of keys can't be greater than number of args");
  if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
  return count;
}

/** Makes everything ready to start; gives the number of arguments. */
function handOver({ engine, reference, isFunction }: Program, call: Call, keys: number): number {
  const { interpreter } = engine;
  interpreter.prepare(reference);
  fillTable(interpreter, call, { first: FIRST_KEY, count: keys });
  if (isFunction) interpreter.endArgument();
  else interpreter.endTable("KEYS");
  fillTable(interpreter, call, { first: FIRST_KEY + keys, count: call.argc - FIRST_KEY - keys });
  if (isFunction) interpreter.endArgument();
  else interpreter.endTable("ARGV");
  return isFunction ? 2 : 0;
}

function fillTable(
  interpreter: Interpreter,
  call: Call,
  { first, count }: { readonly first: number; readonly count: number },
): void {
  interpreter.beginTable(count);
  for (let i = 0; i < count; i++) {
    const at = first + i;
    interpreter.addString(i + 1, call.buffer, call.offset[at] as number, call.length[at] as number);
  }
}

function answer({ engine, name }: Program, { reply }: Call, status: number): void {
  const { interpreter, replies } = engine;
  const { api } = interpreter.machine;
  if (status === LuaStatus.ok) {
    if (api.lua_gettop(interpreter.thread) === 0) reply.nil();
    else {
      api.lua_settop(interpreter.thread, 1);
      replies.write(interpreter.thread);
    }
    return;
  }
  const { message, place, isCounted } =
    status === LuaStatus.yielded ? yielded(interpreter.place()) : interpreter.failure();
  const text = `${message} script: ${name}${place === undefined ? "" : `, on ${place}`}.`;
  if (isCounted) reply.countedError(text);
  else reply.error(text);
}

function yielded(place: string | undefined): ScriptFailure {
  return { message: "ERR attempt to yield across metamethod/C-call boundary", place, isCounted: false };
}
