/**
 * Lua 5.1 in WebAssembly through its C API: only the .wasm file of the package is used, so that it can be started in the
 * middle of a command, synchronously, and brings none of the JavaScript made for it. What the C library asks of a system is
 * refused: there are no files, no processes, no environment.
 *
 * Lua's errors are longjmp, which this build does by throwing through `invoke_vii`. A host function may raise a Lua error by
 * `lua_error`, which throws `LONG_JUMP` through it: so it must hold nothing that needs a `finally`.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { instantiate, type WasmFunction, type WasmImports, type WasmMemory, type WasmTable } from "./web-assembly.ts";

/** A lua_State: an address. */
export type State = number;
/** Zero-terminated bytes: an address. */
export type CString = number;

export interface LuaApi {
  readonly memory: WasmMemory;
  readonly __indirect_function_table: WasmTable;
  __wasm_call_ctors(): void;
  emscripten_stack_init(): void;
  setThrew(threw: number, value: number): void;
  stackSave(): number;
  stackRestore(position: number): void;
  malloc(bytes: number): number;
  free(address: number): void;
  luaL_newstate(): State;
  lua_close(state: State): void;
  lua_newthread(state: State): State;
  lua_resume(state: State, argumentCount: number): number;
  lua_yield(state: State, resultCount: number): number;
  lua_sethook(state: State, hook: number, mask: number, count: number): number;
  lua_getstack(state: State, level: number, record: number): number;
  lua_getinfo(state: State, what: CString, record: number): number;
  lua_gettop(state: State): number;
  lua_settop(state: State, index: number): void;
  lua_checkstack(state: State, slots: number): number;
  lua_pushvalue(state: State, index: number): void;
  lua_insert(state: State, index: number): void;
  lua_replace(state: State, index: number): void;
  lua_remove(state: State, index: number): void;
  lua_xmove(from: State, to: State, count: number): void;
  lua_type(state: State, index: number): number;
  lua_rawequal(state: State, left: number, right: number): number;
  lua_tonumber(state: State, index: number): number;
  lua_toboolean(state: State, index: number): number;
  lua_tolstring(state: State, index: number, lengthAt: number): number;
  lua_objlen(state: State, index: number): number;
  lua_topointer(state: State, index: number): number;
  lua_pushnil(state: State): void;
  lua_pushnumber(state: State, value: number): void;
  lua_pushboolean(state: State, value: number): void;
  lua_pushlightuserdata(state: State, value: number): void;
  lua_pushlstring(state: State, address: number, length: number): void;
  lua_pushcclosure(state: State, functionIndex: number, upvalues: number): void;
  lua_createtable(state: State, arraySize: number, recordSize: number): void;
  lua_getfield(state: State, index: number, name: CString): void;
  lua_setfield(state: State, index: number, name: CString): void;
  lua_settable(state: State, index: number): void;
  lua_rawget(state: State, index: number): void;
  lua_rawset(state: State, index: number): void;
  lua_rawgeti(state: State, index: number, key: number): void;
  lua_rawseti(state: State, index: number, key: number): void;
  lua_getmetatable(state: State, index: number): number;
  lua_setmetatable(state: State, index: number): number;
  lua_next(state: State, index: number): number;
  lua_concat(state: State, count: number): void;
  lua_call(state: State, argumentCount: number, resultCount: number): void;
  lua_pcall(state: State, argumentCount: number, resultCount: number, handler: number): number;
  lua_error(state: State): number;
  lua_gc(state: State, what: number, data: number): number;
  luaL_loadbuffer(state: State, address: number, length: number, name: CString): number;
  luaL_ref(state: State, table: number): number;
  luaL_unref(state: State, table: number, reference: number): void;
  luaL_where(state: State, level: number): void;
  luaL_checktype(state: State, index: number, type: number): void;
  luaL_checkany(state: State, index: number): void;
  luaL_checknumber(state: State, index: number): number;
  luaL_optnumber(state: State, index: number, otherwise: number): number;
  luaL_checklstring(state: State, index: number, lengthAt: number): number;
  luaL_argerror(state: State, index: number, message: CString): number;
  luaL_getmetafield(state: State, index: number, name: CString): number;
  luaopen_base(state: State): number;
  luaopen_table(state: State): number;
  luaopen_string(state: State): number;
  luaopen_math(state: State): number;
}

export const REGISTRY = -10000;
export const GLOBALS = -10002;

export const LuaType = { none: -1, nil: 0, boolean: 1, light: 2, number: 3, string: 4, table: 5, function: 6 } as const;
export const LuaStatus = { ok: 0, yielded: 1, runtimeError: 2, syntaxError: 3, noMemory: 4, handlerError: 5 } as const;

/** A C function: takes its arguments from the stack, leaves its results there and gives their number. */
export type HostFunction = (state: State) => number;

/** Field of an error that the statistics have: a command replied it. */
export const COUNTED_MARK = "ignore_error_stats_update";
const LONG_JUMP = Symbol("longjmp");
const PAGE_BYTES = 65536;
const INITIAL_STAGE_BYTES = 4096;
const COPY_LOOP_BYTES = 48;
/** "Function not implemented", as system calls and as WASI say it. */
const NO_SYSTEM_CALL = -52;
const NO_WASI = 52;

/** The machine cannot go on: the C library has ended the process that it believes to be in. */
export class LuaMachineFault extends Error {}

export class LuaMachine {
  readonly api: LuaApi;
  readonly #limitBytes: number;
  readonly #names = new Map<string, CString>();
  /** All memory of the machine. It is another object after Lua has taken more: read the field, keep no copy of it. */
  heap: Buffer = Buffer.alloc(0);
  words: Uint32Array = new Uint32Array(0);
  /** A word that C functions write a length to. */
  readonly lengthAt: number;
  #stage = 0;
  #stageBytes = 0;

  /** `limitBytes`: what Lua may take; then it is told that there is no memory. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    const file = createRequire(import.meta.url).resolve("wasmoon-lua5.1/dist/liblua5.1.wasm");
    this.api = instantiate(readFileSync(file), (wanted) => this.#imports(wanted)) as unknown as LuaApi;
    this.#refresh();
    this.api.emscripten_stack_init();
    this.api.__wasm_call_ctors();
    this.lengthAt = this.api.malloc(8);
  }

  get memoryBytes(): number {
    return this.heap.length;
  }

  /** A name for the C API; kept for ever, so it must be one of a few. */
  name(text: string): CString {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(`${text}\0`, "latin1");
    const address = this.api.malloc(bytes.length);
    this.heap.set(bytes, address);
    this.#names.set(text, address);
    return address;
  }

  /** The length that the last C function asked has written. */
  get length(): number {
    return this.words[this.lengthAt >> 2] as number;
  }

  pushBytes(state: State, source: Buffer, offset: number, length: number): void {
    const at = this.stage(length);
    const heap = this.heap;
    if (length < COPY_LOOP_BYTES) for (let k = 0; k < length; k++) heap[at + k] = source[offset + k] as number;
    else source.copy(heap, at, offset, offset + length);
    this.api.lua_pushlstring(state, at, length);
  }

  /** Text of one byte a character. */
  pushText(state: State, text: string): void {
    const at = this.stage(text.length);
    this.heap.write(text, at, "latin1");
    this.api.lua_pushlstring(state, at, text.length);
  }

  /** An address with room for so many bytes, until the next call. */
  stage(bytes: number): number {
    if (bytes <= this.#stageBytes) return this.#stage;
    const size = Math.max(bytes, INITIAL_STAGE_BYTES, Math.min(this.#stageBytes * 2, 1 << 20));
    this.api.free(this.#stage);
    this.#stage = this.api.malloc(size);
    this.#stageBytes = this.#stage === 0 ? 0 : size;
    if (this.#stage === 0) throw new LuaMachineFault(`Cannot hand ${bytes} bytes to Lua: not enough memory`);
    return this.#stage;
  }

  /** The string (or number, which becomes one) at `index` as text of one byte a character; undefined if it is none. */
  text(state: State, index: number): string | undefined {
    const address = this.api.lua_tolstring(state, index, this.lengthAt);
    return address === 0 ? undefined : this.heap.toString("latin1", address, address + this.length);
  }

  /** Raises the string as an error, with the place of the function that called the running one in front. */
  raiseAt(state: State, text: string): number {
    this.api.luaL_where(state, 1);
    this.pushText(state, text);
    this.api.lua_concat(state, 2);
    return this.api.lua_error(state);
  }

  /** The index of a C function that calls this one. */
  addFunction(run: HostFunction): number {
    return this.#addToTable(run as WasmFunction, ONE_ARGUMENT);
  }

  addHook(run: (state: State) => void): number {
    return this.#addToTable((state) => {
      run(state as State);
      return undefined;
    }, HOOK);
  }

  /** A table of functions takes only what WebAssembly exports: a module that hands its import through. */
  #addToTable(run: WasmFunction, type: readonly number[]): number {
    const exported = instantiate(passThrough(type), () => ({ e: { f: run } }));
    const table = this.api.__indirect_function_table;
    const index = table.grow(1);
    table.set(index, exported.f);
    return index;
  }

  #refresh(): void {
    const { buffer } = this.api.memory;
    this.heap = Buffer.from(buffer);
    this.words = new Uint32Array(buffer);
  }

  #resize(bytes: number): number {
    const { memory } = this.api;
    const size = bytes >>> 0;
    if (size > this.#limitBytes) return 0;
    // Some more at once: each time costs new views.
    const wanted = Math.min(this.#limitBytes, Math.max(size, memory.buffer.byteLength * 1.2));
    try {
      memory.grow(Math.ceil((wanted - memory.buffer.byteLength) / PAGE_BYTES));
    } catch {
      return 0;
    }
    this.#refresh();
    return 1;
  }

  #imports(wanted: readonly { readonly module: string; readonly name: string }[]): WasmImports {
    const environment: Record<string, WasmFunction> = {
      exit: (code) => {
        throw new LuaMachineFault(`Lua has given up with code ${code}`);
      },
      invoke_vii: (index = 0, first = 0, second = 0) => this.#invoke(index, first, second),
      _emscripten_throw_longjmp: () => {
        throw LONG_JUMP;
      },
      emscripten_memcpy_js: (to = 0, from = 0, bytes = 0) => {
        this.heap.copyWithin(to, from, from + bytes);
        return undefined;
      },
      emscripten_resize_heap: (bytes = 0) => this.#resize(bytes),
      emscripten_date_now: () => 0,
      _emscripten_get_now_is_monotonic: () => 1,
    };
    const system: Record<string, WasmFunction> = {};
    for (const { module: from, name } of wanted) {
      if (from === "env") environment[name] ??= () => NO_SYSTEM_CALL;
      else system[name] = () => NO_WASI;
    }
    return { env: environment, wasi_snapshot_preview1: system };
  }

  #invoke(index: number, first: number, second: number): undefined {
    const { api } = this;
    const position = api.stackSave();
    try {
      (api.__indirect_function_table.get(index) as (a: number, b: number) => void)(first, second);
    } catch (error) {
      if (error !== LONG_JUMP) throw error;
      api.stackRestore(position);
      api.setThrew(1, 0);
    }
  }
}

/** Function types in WebAssembly's binary form: (i32) → i32 and (i32, i32) → nothing. */
const ONE_ARGUMENT: readonly number[] = [0x60, 1, 0x7f, 1, 0x7f];
const HOOK: readonly number[] = [0x60, 2, 0x7f, 0x7f, 0];

function passThrough(type: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 1 + type.length, 1, ...type],
    // Import "e" "f" as function 0, export it as "f".
    ...[2, 7, 1, 1, 0x65, 1, 0x66, 0, 0],
    ...[7, 5, 1, 1, 0x66, 0, 0],
  ]);
}
