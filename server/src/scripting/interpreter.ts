/**
 * One Lua state in its sandbox, and the coroutine that scripts run in: only a coroutine can be interrupted in the middle and
 * go on later. A compiled chunk is a reference in Lua's registry.
 */

import { COUNTED_MARK, GLOBALS, LuaMachine, LuaStatus, LuaType, REGISTRY, type State } from "./lua-machine.ts";
import { type Libraries, openSandbox, REAL_GLOBALS, useGlobals, type Worlds } from "./sandbox.ts";

/** What a script died of. */
export interface ScriptFailure {
  readonly message: string;
  /** The chunk and line, if known, as Redis tells them behind the message. */
  readonly place: string | undefined;
  /** The statistics have this error already: a command of the script replied it, and the script handed it on. */
  readonly isCounted: boolean;
}

export class CompileError extends Error {}

export interface InterpreterOptions {
  readonly memoryLimitBytes: number;
  readonly libraries: (machine: LuaMachine) => Libraries;
  /** What the top level of a library of functions finds in their place. */
  readonly whileLoading?: (machine: LuaMachine) => Libraries;
  /** Asked every so many instructions: what is to become of the script, if it is not simply to go on. */
  readonly look: (canSuspend: boolean) => Intervention | undefined;
}

/** A script is put aside until `resume`, or ends with this error. */
export type Intervention = "suspend" | { readonly error: string };

const COUNT_MASK = 8;
const INSTRUCTIONS_A_LOOK = 100_000;

/** Places in lua_Debug. */
const RECORD_BYTES = 128;
const RECORD_WHAT = 12;
const RECORD_SOURCE = 16;
const RECORD_LINE = 20;
const GC_COUNT_KIB = 3;
const GC_COLLECT = 2;
/** Places in lua_State of Lua 5.1 with words of 4 bytes: how deep C calls are nested, and how deep they were at the start of the coroutine. */
const STATE_CALLS = 52;
const STATE_BASE_CALLS = 54;

export class Interpreter {
  readonly machine: LuaMachine;
  readonly #main: State;
  readonly #record: number;
  thread: State = 0;
  #threadReference = 0;
  readonly #hook: number;
  readonly #worlds: Worlds;
  /** The run at hand was put aside by `look`, not by the script itself. */
  isSuspended = false;
  /** `look` has ended it: the thread is looked at after every instruction. */
  #isEnded = false;

  constructor({ memoryLimitBytes, libraries, whileLoading, look }: InterpreterOptions) {
    this.machine = new LuaMachine(memoryLimitBytes);
    const { api } = this.machine;
    this.#main = api.luaL_newstate();
    this.#record = api.malloc(RECORD_BYTES);
    this.#hook = this.machine.addHook((state) => this.#look(state, look));
    this.#worlds = openSandbox(this.machine, this.#main, libraries(this.machine), whileLoading?.(this.machine));
    api.lua_settop(this.#main, REAL_GLOBALS);
    this.#newThread();
  }

  /** What Lua's objects take; of the machine's memory the rest is free, but cannot be given back. */
  get usedBytes(): number {
    return this.machine.api.lua_gc(this.#main, GC_COUNT_KIB, 0) * 1024;
  }

  collectGarbage(): void {
    this.machine.api.lua_gc(this.#main, GC_COLLECT, 0);
  }

  /** Compiles a chunk and keeps it; gives its reference. */
  compile(source: Buffer, chunkName: string): number {
    const { machine } = this;
    const { api } = machine;
    const state = this.#main;
    const address = machine.stage(source.length + 1);
    machine.heap.set(source, address);
    const status = api.luaL_loadbuffer(state, address, source.length, machine.name(chunkName));
    if (status === LuaStatus.ok) return api.luaL_ref(state, REGISTRY);
    const message = machine.text(state, -1) ?? "";
    api.lua_settop(state, REAL_GLOBALS);
    throw new CompileError(message);
  }

  release(reference: number): void {
    this.machine.api.luaL_unref(this.#main, REGISTRY, reference);
  }

  /** Keeps the value on top of the stack of a running chunk, which gives it up; gives its reference. */
  keep(state: State): number {
    return this.machine.api.luaL_ref(state, REGISTRY);
  }

  /** Begins a table of strings; `addString` fills it, `endTable` makes it a global, `endArgument` an argument. */
  beginTable(size: number): void {
    this.machine.api.lua_createtable(this.#main, size, 0);
  }

  addString(index: number, bytes: Buffer, offset: number, length: number): void {
    this.machine.pushBytes(this.#main, bytes, offset, length);
    this.machine.api.lua_rawseti(this.#main, -2, index);
  }

  endTable(name: string): void {
    this.machine.api.lua_setfield(this.#main, REAL_GLOBALS, this.machine.name(name));
  }

  endArgument(): void {
    this.machine.api.lua_xmove(this.#main, this.thread, 1);
  }

  /** Puts a chunk or a function into the thread; its arguments follow, then `start`. */
  prepare(reference: number): void {
    this.machine.api.lua_rawgeti(this.thread, REGISTRY, reference);
  }

  /** Runs what was prepared; gives a `LuaStatus`. The results, or the error, are on the thread's stack. */
  start(argumentCount: number): number {
    this.isSuspended = false;
    return this.machine.api.lua_resume(this.thread, argumentCount);
  }

  /** Runs the top level of a library of functions. */
  load(reference: number): number {
    useGlobals(this.machine, this.#main, this.#worlds.loading);
    try {
      this.prepare(reference);
      return this.start(0);
    } finally {
      useGlobals(this.machine, this.#main, this.#worlds.full);
    }
  }

  /** Goes on where the script was put aside. */
  resume(): number {
    this.isSuspended = false;
    return this.machine.api.lua_resume(this.thread, 0);
  }

  /** After a run: the stack is empty again, and the thread fit for the next one. */
  finish(status: number): void {
    if (status === LuaStatus.ok && !this.#isEnded) this.machine.api.lua_settop(this.thread, 0);
    else this.#newThread();
  }

  /** The error that has ended the run; the stack of the thread is still as it was then. */
  failure(): ScriptFailure {
    const { machine, thread } = this;
    const { api } = machine;
    const place = this.place();
    if (api.lua_type(thread, -1) !== LuaType.table) {
      return { message: `ERR ${this.#textOfTop()}`, place, isCounted: false };
    }
    machine.pushText(thread, COUNTED_MARK);
    api.lua_rawget(thread, -2);
    const isCounted = api.lua_toboolean(thread, -1) !== 0;
    api.lua_settop(thread, -2);
    machine.pushText(thread, "err");
    api.lua_rawget(thread, -2);
    return { message: machine.text(thread, -1) ?? "ERR unknown error", place, isCounted };
  }

  #textOfTop(): string {
    const { machine, thread } = this;
    switch (machine.api.lua_type(thread, -1)) {
      case LuaType.nil:
      case LuaType.none:
        return "nil";
      case LuaType.boolean:
        return machine.api.lua_toboolean(thread, -1) === 0 ? "false" : "true";
      default:
        return machine.text(thread, -1) ?? "unknown error";
    }
  }

  /** Where the run has stopped, by an error or a yield. Where a C function has done it, the place is its caller's. */
  place(): string | undefined {
    return this.#place(0) ?? this.#place(1);
  }

  #place(level: number): string | undefined {
    const { api } = this.machine;
    if (api.lua_getstack(this.thread, level, this.#record) === 0) return undefined;
    api.lua_getinfo(this.thread, this.machine.name("Sl"), this.#record);
    if (this.#cString(this.#word(RECORD_WHAT)) === "C") return undefined;
    const line = this.#word(RECORD_LINE) | 0;
    return `${this.#cString(this.#word(RECORD_SOURCE))}:${line}`;
  }

  #word(at: number): number {
    return this.machine.words[(this.#record + at) >> 2] as number;
  }

  #cString(address: number): string {
    const { heap } = this.machine;
    return heap.toString("latin1", address, heap.indexOf(0, address));
  }

  #look(state: State, look: InterpreterOptions["look"]): void {
    const intervention = look(this.#canSuspend(state));
    if (intervention === undefined) return;
    const { api } = this.machine;
    if (intervention === "suspend") {
      this.isSuspended = true;
      api.lua_yield(state, 0);
      return;
    }
    this.#isEnded = true;
    // From now on after every instruction: a pcall that catches the error must not keep the script alive.
    api.lua_sethook(state, this.#hook, COUNT_MASK, 1);
    api.lua_sethook(this.thread, this.#hook, COUNT_MASK, 1);
    this.machine.pushText(state, intervention.error);
    api.lua_error(state);
  }

  /** Not inside a C function that has called back (pcall, a comparison while sorting), nor in a coroutine of the script. */
  #canSuspend(state: State): boolean {
    const { heap } = this.machine;
    return (
      state === this.thread && heap.readUInt16LE(state + STATE_CALLS) === heap.readUInt16LE(state + STATE_BASE_CALLS)
    );
  }

  #newThread(): void {
    const { api } = this.machine;
    this.#isEnded = false;
    if (this.#threadReference !== 0) this.release(this.#threadReference);
    this.thread = api.lua_newthread(this.#main);
    this.#threadReference = api.luaL_ref(this.#main, REGISTRY);
    api.lua_sethook(this.thread, this.#hook, COUNT_MASK, INSTRUCTIONS_A_LOOK);
    api.lua_pushvalue(this.#main, GLOBALS);
    api.lua_xmove(this.#main, this.thread, 1);
    api.lua_replace(this.thread, GLOBALS);
  }
}
