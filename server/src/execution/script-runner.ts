/**
 * EVAL and its kin: finds or compiles scripts and runs them. The engine is started by the first script and given up with the
 * cache, so that a server without scripts pays nothing.
 */

import type { Call } from "../commands/call.ts";
import type { Scripting } from "../commands/context.ts";
import { CommandError } from "../commands/errors.ts";
import type { ScriptFacts } from "../observability/facts.ts";
import { type Script, ScriptCache } from "../scripting/script-cache.ts";
import { readShebang } from "../scripting/shebang.ts";
import { createScriptEngine, type ScriptEngine, type ScriptEngineParts } from "./script-engine.ts";
import { keyCount, reported, type ScriptRuns } from "./script-runs.ts";

interface Scripts {
  readonly engine: ScriptEngine;
  readonly cache: ScriptCache;
}

const DIGEST_LENGTH = 40;
const NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";

export class ScriptRunner implements Scripting {
  readonly #parts: ScriptEngineParts;
  readonly #runs: ScriptRuns;
  readonly #engineBroke = (): void => this.flush();
  #scripts: Scripts | undefined;

  constructor(parts: ScriptEngineParts, runs: ScriptRuns) {
    this.#parts = parts;
    this.#runs = runs;
  }

  evaluate(call: Call, { isCached, isReadOnly }: { readonly isCached: boolean; readonly isReadOnly: boolean }): void {
    if (isCached && call.length[1] !== DIGEST_LENGTH) throw new CommandError(NO_SCRIPT);
    const keys = keyCount(call);
    const { engine, cache } = this.#start();
    const script = isCached ? cache.get(call.text(1).toLowerCase()) : this.#bySource(call, cache);
    if (script === undefined) throw new CommandError(NO_SCRIPT);
    const { reference, flags, digest } = script;
    const program = { engine, reference, flags, name: digest, isFunction: false, engineBroke: this.#engineBroke };
    this.#runs.run(program, call, { keys, isReadOnly });
  }

  load(source: Buffer): string {
    const { cache } = this.#start();
    return reported(() => cache.load(source)).digest;
  }

  has(digest: string): boolean {
    return this.#scripts?.cache.get(digest.toLowerCase()) !== undefined;
  }

  flagsOf(call: Call, isCached: boolean): number | undefined {
    if (isCached) return this.#scripts?.cache.get(call.text(1).toLowerCase())?.flags;
    try {
      return readShebang(call.copy(1)).flags;
    } catch {
      // What is wrong with it is said when it runs.
      return undefined;
    }
  }

  flush(): void {
    this.#scripts = undefined;
  }

  kill(): void {
    this.#runs.kill(false);
  }

  facts(): ScriptFacts {
    return {
      machineBytes: this.#scripts?.engine.interpreter.usedBytes ?? 0,
      cachedScripts: this.#scripts?.cache.count ?? 0,
      sourceBytes: this.#scripts?.cache.sourceBytes ?? 0,
    };
  }

  #bySource({ buffer, offset, length }: Call, cache: ScriptCache): Script {
    return reported(() => cache.bySource(buffer, offset[1] as number, length[1] as number));
  }

  #start(): Scripts {
    if (this.#scripts !== undefined) return this.#scripts;
    const engine = createScriptEngine(this.#parts, {
      look: (canSuspend, hasWritten) => this.#runs.patience.look(canSuspend, hasWritten),
    });
    this.#scripts = { engine, cache: new ScriptCache(engine.interpreter) };
    return this.#scripts;
  }
}
