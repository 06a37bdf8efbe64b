/**
 * Functions: keeps libraries in an engine of their own and runs what they have registered. The engine is started by the first
 * library. What is kept for good is the source; if the engine breaks, a new one is made from the sources.
 */

import type { Call } from "../commands/call.ts";
import type { Functions, RestorePolicy } from "../commands/context.ts";
import { CommandError } from "../commands/errors.ts";
import type { FunctionFacts } from "../observability/facts.ts";
import { FunctionLibraries, type Library, type LibraryFunction } from "../scripting/function-libraries.ts";
import { readRegistration } from "../scripting/function-registration.ts";
import { CompileError } from "../scripting/interpreter.ts";
import { readLibraryHeader } from "../scripting/library-header.ts";
import { type LuaMachine, LuaStatus, type State } from "../scripting/lua-machine.ts";
import { ScriptError } from "../scripting/script-error.ts";
import { createScriptEngine, type ScriptEngine, type ScriptEngineParts } from "./script-engine.ts";
import { raise } from "./script-functions.ts";
import { keyCount, reported, type ScriptRuns } from "./script-runs.ts";

const CHUNK_NAME = "@user_function";
/** What Redis keeps for scripts alone. */
const NOT_IN_FUNCTIONS = ["replicate_commands", "breakpoint", "debug"] as const;
const WHILE_LOADING = /^(log|LOG_.*|REDIS_VERSION.*)$/;
const LOAD_LIMIT = { ms: 500, error: "FUNCTION LOAD timeout" } as const;
const NO_LOAD = "redis.register_function can only be called on FUNCTION LOAD command";

export class FunctionRunner implements Functions {
  readonly #parts: ScriptEngineParts;
  readonly #runs: ScriptRuns;
  readonly #engineBroke = (): void => this.#rebuild();
  #engine: ScriptEngine | undefined;
  #libraries = new FunctionLibraries();
  /** What the library that is being loaded has registered so far. */
  #registered: LibraryFunction[] | undefined;

  constructor(parts: ScriptEngineParts, runs: ScriptRuns) {
    this.#parts = parts;
    this.#runs = runs;
  }

  call(call: Call, isReadOnly: boolean): void {
    const name = call.text(1);
    const one = this.#libraries.function(name);
    const engine = this.#engine;
    if (one === undefined || engine === undefined) throw new CommandError("ERR Function not found");
    const keys = keyCount(call, "ERR Bad number of keys provided");
    const { reference, flags } = one;
    const program = { engine, reference, flags, name, isFunction: true, engineBroke: this.#engineBroke };
    this.#runs.run(program, call, { keys, isReadOnly });
  }

  flagsOf(call: Call): number | undefined {
    return this.#libraries.function(call.text(1))?.flags;
  }

  load(
    source: Buffer,
    { isReplacing, mustLoad }: { readonly isReplacing: boolean; readonly mustLoad: boolean },
  ): string {
    return reported(() => {
      const { name } = readLibraryHeader(source);
      if (!isReplacing && this.#libraries.get(name) !== undefined) {
        throw new ScriptError(`ERR Library '${name}' already exists`);
      }
      this.#take([source], mustLoad);
      return name;
    });
  }

  restore(sources: readonly Buffer[], policy: RestorePolicy): void {
    reported(() => {
      const names = refuseTwice(sources);
      const known = policy === "append" ? names.find((name) => this.#libraries.get(name) !== undefined) : undefined;
      if (known !== undefined) throw new ScriptError(`ERR Library ${known} already exists`);
      if (policy === "flush") this.#replaceAll(sources, false);
      else this.#take(sources, false);
    });
  }

  /** The libraries of other data, which takes the place of ours; throws what is wrong with them, and has changed nothing then. */
  replaceAll(sources: readonly Buffer[]): void {
    reported(() => {
      refuseTwice(sources);
      this.#replaceAll(sources, true);
    });
  }

  delete(name: string): boolean {
    const library = this.#libraries.remove(name);
    if (library !== undefined) this.#release(library.functions);
    return library !== undefined;
  }

  flush(): void {
    this.#engine = undefined;
    this.#libraries = new FunctionLibraries();
  }

  kill(): void {
    this.#runs.kill(true);
  }

  all(): Iterable<Library> {
    return this.#libraries.all();
  }

  facts(): FunctionFacts {
    let sourceBytes = 0;
    for (const { source } of this.#libraries.all()) sourceBytes += source.length;
    const { count: libraries, functionCount: functions } = this.#libraries;
    return { machineBytes: this.#engine?.interpreter.usedBytes ?? 0, libraries, functions, sourceBytes };
  }

  /** Loads all, then puts them in the place of those with their names; or changes nothing. */
  #take(sources: readonly Buffer[], mustLoad: boolean): void {
    const added: Library[] = [];
    try {
      for (const source of sources) added.push(this.#run(source, mustLoad));
      this.#libraries.check(added);
    } catch (error) {
      for (const { functions } of added) this.#release(functions);
      throw error;
    }
    for (const { functions } of this.#libraries.add(added)) this.#release(functions);
  }

  /** In a new engine; if one cannot be loaded, everything is as before. */
  #replaceAll(sources: readonly Buffer[], mustLoad: boolean): void {
    const before = { engine: this.#engine, libraries: this.#libraries };
    this.flush();
    try {
      this.#take(sources, mustLoad);
    } catch (error) {
      this.#engine = before.engine;
      this.#libraries = before.libraries;
      throw error;
    }
  }

  #rebuild(): void {
    const sources = Array.from(this.#libraries.all(), ({ source }) => source);
    this.flush();
    this.#take(sources, true);
  }

  /** Compiles a library and runs its top level, where it registers its functions. */
  #run(source: Buffer, mustFinish: boolean): Library {
    const { name, length } = readLibraryHeader(source);
    const { interpreter } = this.#start();
    const chunk = compile(interpreter, source.subarray(length));
    const functions: LibraryFunction[] = [];
    this.#registered = functions;
    this.#runs.patience.begin({ maySuspend: false, mustFinish, limit: LOAD_LIMIT });
    try {
      const status = interpreter.load(chunk);
      const problem = status === LuaStatus.ok ? undefined : interpreter.failure().message;
      interpreter.finish(status);
      if (problem !== undefined) throw new ScriptError(`ERR Error registering functions: ${problem}`);
      if (functions.length === 0) throw new ScriptError("ERR No functions registered");
      return { name, source, functions };
    } catch (error) {
      this.#release(functions);
      throw error;
    } finally {
      this.#registered = undefined;
      interpreter.release(chunk);
    }
  }

  #release(functions: readonly LibraryFunction[]): void {
    for (const { reference } of functions) this.#engine?.interpreter.release(reference);
  }

  #start(): ScriptEngine {
    this.#engine ??= createScriptEngine(this.#parts, {
      without: NOT_IN_FUNCTIONS,
      look: (canSuspend, hasWritten) => this.#runs.patience.look(canSuspend, hasWritten),
      whileLoading: (machine, redis) => ({
        redis: {
          ...Object.fromEntries(Object.entries(redis ?? {}).filter(([name]) => WHILE_LOADING.test(name))),
          register_function: (state) => this.#register(machine, state),
        },
      }),
    });
    return this.#engine;
  }

  #register(machine: LuaMachine, state: State): number {
    let problem: string | undefined;
    try {
      problem = this.#add(readRegistration(machine, state));
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      problem = error.message;
    }
    // Not inside of the catch: Lua's errors pass through here.
    return problem === undefined ? 0 : raise(machine, state, problem);
  }

  #add(one: LibraryFunction): string | undefined {
    const registered = this.#registered;
    const isTwice = registered?.some(({ name }) => name === one.name) ?? false;
    if (registered !== undefined && !isTwice) {
      registered.push(one);
      return undefined;
    }
    this.#release([one]);
    return isTwice ? "Function already exists in the library" : NO_LOAD;
  }
}

/** Gives the names of the libraries, each of which there may be once. */
function refuseTwice(sources: readonly Buffer[]): string[] {
  const names = sources.map((source) => readLibraryHeader(source).name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ScriptError(`ERR Library ${twice} already exists`);
  return names;
}

function compile(interpreter: ScriptEngine["interpreter"], source: Buffer): number {
  try {
    return interpreter.compile(source, CHUNK_NAME);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new ScriptError(`ERR Error compiling function: ${error.message}`);
  }
}
