/**
 * `redis.call` and `redis.pcall`: a command out of Lua's stack through the checks that scripts have, the dispatcher, and
 * back as a Lua value. Arguments are not copied: the call's buffer is Lua's own memory, which nothing moves while a command
 * runs. Commands run for a client of their own, so that what a script selects ends with it.
 */

import { writeDecimal } from "@kvcluster/protocol/decimal";
import type { Call } from "../commands/call.ts";
import { Client, type ClientConnection, ClientFlag } from "../commands/client.ts";
import { CommandBit } from "../commands/command-table.ts";
import { ERRORS } from "../commands/errors.ts";
import { formatDouble } from "../memory/double-text.ts";
import { COUNTED_MARK, type LuaMachine, LuaType, type State } from "../scripting/lua-machine.ts";
import { ReplyToLua } from "../scripting/script-values.ts";
import { isPermitted, permissionErrorInScript } from "./permission-check.ts";
import { Target } from "./propagation.ts";

const NO_SCRIPT_RUNS = "ERR redis.call/pcall can only be called inside a script invocation";
const NO_ARGUMENTS = "ERR Please specify at least one argument for this redis lib call";
const WRONG_ARGUMENT = "ERR Lua redis lib command arguments must be strings or integers";
const UNKNOWN_COMMAND = "ERR Unknown Redis command called from script";
const WRONG_ARITY = "ERR Wrong number of args calling Redis command from script";
const NOT_ALLOWED = "ERR This Redis command is not allowed from script";
const READ_ONLY_SCRIPT = "ERR Write commands are not allowed from read-only scripts.";
const NOT_HERE = "ERR Script attempted to access a non local key in a cluster node";
const REDIRECTION = /^(MOVED|ASK) /;
/** What may have come over the server since the script began: one that has written by then is not stopped halfway. */
const HALFWAY = /^(OOM|MISCONF|NOREPLICAS|CLUSTERDOWN The cluster is down)/;
const ERROR_REPLY = 45;
const MAY_CHANGE = CommandBit.write | CommandBit.mayReplicate;
const NUMBER_BYTES = 32;

export class ScriptCommands {
  readonly #machine: LuaMachine;
  readonly #values: ReplyToLua;
  readonly client: Client;
  readonly #failed: (error: string) => void;
  readonly #rules: { isReadOnly: boolean; allowsOom: boolean };
  #call: Call | undefined;
  /** Who runs the script, and the command that was sent for it. */
  #caller: { readonly client: Client; readonly command: number } | undefined;
  #offset = new Int32Array(64);
  #length = new Int32Array(64);
  #targets: number = Target.all;
  /** The script has run a command that may write. */
  hasWritten = false;

  /** `failed`: counts an error that stood in place of a reply. */
  constructor(machine: LuaMachine, connection: ClientConnection, failed: (error: string) => void) {
    this.#machine = machine;
    this.#failed = failed;
    this.#values = new ReplyToLua(machine);
    this.client = new Client({ id: 0, address: "lua", localAddress: "", connection, createdAtMs: 0 });
    this.client.set(ClientFlag.script, true);
    this.#rules = { isReadOnly: false, allowsOom: false };
  }

  /** Takes the call over for the commands of a script that begins. `leave` gives it back as it was. */
  enter(call: Call, rules: { readonly isReadOnly: boolean; readonly allowsOom: boolean }): () => void {
    this.#rules.allowsOom = rules.allowsOom;
    this.#rules.isReadOnly = rules.isReadOnly;
    this.hasWritten = false;
    this.client.databaseIndex = call.client.databaseIndex;
    this.client.protocol = 2;
    this.#targets = Target.all;
    this.#inherit(call.client, ClientFlag.readOnly | ClientFlag.asking);
    return this.goOn(call);
  }

  /** The same for a script that was put aside: what it has selected and set still holds. */
  goOn(call: Call): () => void {
    const { buffer, argc, offset, length, client, command, db } = call;
    const { resp3 } = call.reply;
    const { executor } = call.server;
    executor.propagateTo(this.#targets);
    this.#call = call;
    this.#caller = { client, command: client.has(ClientFlag.inExec) ? call.server.table.idOf("exec") : command };
    // A script may do what its client may.
    this.client.user = client.user;
    this.#inherit(client, ClientFlag.restricted | ClientFlag.tracking);
    call.client = this.client;
    call.offset = this.#offset;
    call.length = this.#length;
    call.reply.resp3 = this.client.protocol === 3;
    call.db = call.server.keyspace.database(this.client.databaseIndex);
    return () => {
      executor.propagateTo(Target.all);
      this.#offset = call.offset;
      this.#length = call.length;
      this.#call = undefined;
      this.#caller = undefined;
      this.client.user = undefined;
      call.reply.resp3 = resp3;
      call.buffer = buffer;
      call.argc = argc;
      call.offset = offset;
      call.length = length;
      call.client = client;
      call.command = command;
      call.db = db;
    };
  }

  #inherit({ flags }: Client, inherited: number): void {
    this.client.flags = (this.client.flags & ~inherited) | (flags & inherited);
  }

  /** `redis.set_repl`: who hears of what the script changes from now on. */
  propagateTo(targets: number): void {
    if (this.#call === undefined) return;
    this.#targets = targets;
    this.#call.server.executor.propagateTo(targets);
  }

  /** `redis.setresp`: the form in which commands answer the script. */
  set protocol(version: 2 | 3) {
    this.client.protocol = version;
    if (this.#call !== undefined) this.#call.reply.resp3 = version === 3;
  }

  /** Runs the command on the stack; errors are raised, or given as values. */
  run(state: State, raises: boolean): number {
    const call = this.#call;
    if (call === undefined) return this.#fail(state, raises, NO_SCRIPT_RUNS);
    const { api } = this.#machine;
    const argc = api.lua_gettop(state);
    if (argc === 0) return this.#fail(state, raises, NO_ARGUMENTS);
    if (!this.#takeArguments(state, call, argc)) return this.#fail(state, raises, WRONG_ARGUMENT);
    const id = call.server.table.requested(call);
    if (id === 0) return this.#refuse(state, raises, UNKNOWN_COMMAND);
    const objection = this.#objection(call, id);
    if (objection !== undefined) {
      call.server.table.rejectedCalls[id] = (call.server.table.rejectedCalls[id] as number) + 1;
      return this.#refuse(state, raises, objection);
    }
    const { reply } = call;
    const start = reply.position;
    call.server.executor.runQueued(call, id);
    const isEmpty = reply.position === start;
    const isError = !isEmpty && reply.buffer[start] === ERROR_REPLY;
    reply.position = start;
    if (isEmpty) api.lua_pushnil(state);
    else this.#values.push(state, reply.buffer, start);
    return isError && raises ? api.lua_error(state) : 1;
  }

  /** Whether the user may run the command on the stack; undefined if it is none. Nothing is logged. */
  isAllowed(state: State): boolean | undefined {
    const call = this.#call;
    if (call === undefined) return undefined;
    const { api } = this.#machine;
    if (!this.#takeArguments(state, call, api.lua_gettop(state))) {
      this.#pushError(state, WRONG_ARGUMENT);
      api.lua_error(state);
    }
    const id = call.server.table.requested(call);
    return id === 0 ? undefined : isPermitted(call, id);
  }

  /** The log of refusals names the client that runs the script. */
  #denial(call: Call, id: number): string | undefined {
    const { command } = call;
    Object.assign(call, this.#caller);
    const error = permissionErrorInScript(call, id);
    Object.assign(call, { client: this.client, command });
    return error;
  }

  /** Gives the error as a value, or raises it. */
  #fail(state: State, raises: boolean, text: string): number {
    const { api } = this.#machine;
    this.#pushError(state, text);
    return raises ? api.lua_error(state) : 1;
  }

  /** As for a command that clients send: what refuses it is counted here, and not once more when the script ends with it. */
  #refuse(state: State, raises: boolean, text: string): number {
    const { api } = this.#machine;
    this.#failed(text);
    this.#pushError(state, text);
    api.lua_pushboolean(state, 1);
    api.lua_setfield(state, -2, this.#machine.name(COUNTED_MARK));
    return raises ? api.lua_error(state) : 1;
  }

  #pushError(state: State, text: string): void {
    const { api } = this.#machine;
    api.lua_createtable(state, 0, 1);
    this.#machine.pushText(state, text);
    api.lua_setfield(state, -2, this.#machine.name("err"));
  }

  #takeArguments(state: State, call: Call, argc: number): boolean {
    const machine = this.#machine;
    const { api, lengthAt } = machine;
    call.reserve(argc);
    call.argc = argc;
    let numbers = 0;
    for (let i = 0; i < argc; i++) {
      const type = api.lua_type(state, i + 1);
      if (type === LuaType.string) {
        call.offset[i] = api.lua_tolstring(state, i + 1, lengthAt);
        call.length[i] = machine.words[lengthAt >> 2] as number;
      } else if (type === LuaType.number) {
        if (numbers === 0) numbers = machine.stage(argc * NUMBER_BYTES);
        call.offset[i] = numbers;
        call.length[i] = writeNumber(machine.heap, numbers, api.lua_tonumber(state, i + 1));
        numbers += NUMBER_BYTES;
      } else return false;
    }
    call.buffer = machine.heap;
    return true;
  }

  #objection(call: Call, id: number): string | undefined {
    const { table, executor, debugSwitches } = call.server;
    const arity = table.arity[id] as number;
    const bits = table.flags[id] as number;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity) return WRONG_ARITY;
    if ((bits & CommandBit.noscript) !== 0 && !debugSwitches.allowsInScripts) return NOT_ALLOWED;
    const denial = this.client.has(ClientFlag.restricted) ? this.#denial(call, id) : undefined;
    if (denial !== undefined) return denial;
    if (this.#rules.isReadOnly && (bits & MAY_CHANGE) !== 0) return READ_ONLY_SCRIPT;
    // What comes from the primary or from our own file is not to be refused.
    const isObeyed = this.#caller?.client.has(ClientFlag.primary) === true;
    const mayObject = !isObeyed && (executor.mayObject(id) || this.client.has(ClientFlag.restricted));
    const objection = mayObject ? executor.objection(call, id) : undefined;
    const isWrite = (bits & CommandBit.write) !== 0;
    if (objection !== undefined && !this.#isPassedOver(objection, isWrite)) {
      // That it cannot write here is told before that the key is not here.
      return isWrite && call.server.replication.isReadOnly ? ERRORS.readOnlyReplica : ofScript(objection);
    }
    if (isWrite) this.hasWritten = true;
    return undefined;
  }

  #isPassedOver(objection: string, isWrite: boolean): boolean {
    if (this.hasWritten && HALFWAY.test(objection)) return true;
    return objection === ERRORS.outOfMemory && (!isWrite || this.#rules.allowsOom);
  }
}

/** A script cannot follow a redirection, and one that runs on a stale replica has said that it may. */
function ofScript(objection: string): string {
  if (objection === ERRORS.primaryDown) return "ERR Can not execute the command on a stale replica";
  return REDIRECTION.test(objection) ? NOT_HERE : objection;
}

/** As C's "%.17g". */
function writeNumber(heap: Buffer, at: number, value: number): number {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeDecimal(value, heap, at) - at;
  const text = formatDouble(value);
  return heap.write(text === "nan" ? "-nan" : text, at, "latin1");
}
