/**
 * Compiled scripts by the SHA-1 digest of their source. EVAL finds its script by the source itself, so that it need not be
 * digested each time. Scripts that only EVAL has brought are kept up to a number, the oldest goes first; those loaded by
 * SCRIPT LOAD stay, since who loads them counts on it.
 */

import { createHash } from "node:crypto";
import { CompileError, type Interpreter } from "./interpreter.ts";
import { ScriptError } from "./script-error.ts";
import { readShebang } from "./shebang.ts";

export interface Script {
  readonly digest: string;
  readonly source: Buffer;
  readonly flags: number;
  /** The compiled chunk in the interpreter. */
  readonly reference: number;
  isLoaded: boolean;
}

const CHUNK_NAME = "@user_script";
const KEPT_SCRIPTS = 500;
const SAMPLES = 16;
const COMPARE_LOOP_BYTES = 128;

export class ScriptCache {
  readonly #interpreter: Interpreter;
  readonly #scripts = new Map<string, Script>();
  /** By a hash of the source: the last script found with it. */
  readonly #bySource = new Map<number, Script>();
  #evaluated = 0;
  #sourceBytes = 0;
  evicted = 0;

  constructor(interpreter: Interpreter) {
    this.#interpreter = interpreter;
  }

  get count(): number {
    return this.#scripts.size;
  }

  get sourceBytes(): number {
    return this.#sourceBytes;
  }

  get(digest: string): Script | undefined {
    return this.#scripts.get(digest);
  }

  /** The script with this source, compiled if it is new. */
  bySource(bytes: Buffer, offset: number, length: number): Script {
    const hash = sampledHash(bytes, offset, length);
    const likely = this.#bySource.get(hash);
    if (likely !== undefined && isSame(likely.source, bytes, offset, length)) return likely;
    const script = this.#find(Buffer.from(bytes.subarray(offset, offset + length)), false);
    this.#bySource.set(hash, script);
    return script;
  }

  /** SCRIPT LOAD. */
  load(source: Buffer): Script {
    const script = this.#find(source, true);
    if (!script.isLoaded) this.#evaluated--;
    script.isLoaded = true;
    return script;
  }

  #find(source: Buffer, isLoaded: boolean): Script {
    const digest = createHash("sha1").update(source).digest("hex");
    return this.#scripts.get(digest) ?? this.#add(digest, source, isLoaded);
  }

  #add(digest: string, source: Buffer, isLoaded: boolean): Script {
    const { flags, length } = readShebang(source);
    const script: Script = { digest, source, flags, reference: this.#compile(source.subarray(length)), isLoaded };
    if (!isLoaded) {
      if (this.#evaluated >= KEPT_SCRIPTS) this.#evict();
      this.#evaluated++;
    }
    this.#scripts.set(digest, script);
    this.#sourceBytes += source.length;
    return script;
  }

  #compile(source: Buffer): number {
    try {
      return this.#interpreter.compile(source, CHUNK_NAME);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      throw new ScriptError(`ERR Error compiling script (new function): ${error.message}`);
    }
  }

  #evict(): void {
    for (const script of this.#scripts.values()) {
      if (script.isLoaded) continue;
      this.#scripts.delete(script.digest);
      this.#bySource.delete(sampledHash(script.source, 0, script.source.length));
      this.#interpreter.release(script.reference);
      this.#sourceBytes -= script.source.length;
      this.#evaluated--;
      this.evicted++;
      return;
    }
  }
}

/** Of the length and some of the bytes: enough to tell a server's scripts apart, and as fast for long ones. */
function sampledHash(bytes: Buffer, offset: number, length: number): number {
  let hash = length;
  const step = length <= SAMPLES ? 1 : length / SAMPLES;
  for (let at = 0; at < length; at += step) hash = Math.imul(hash, 31) + (bytes[offset + (at | 0)] as number);
  return hash | 0;
}

function isSame(source: Buffer, bytes: Buffer, offset: number, length: number): boolean {
  if (source.length !== length) return false;
  if (length > COMPARE_LOOP_BYTES) return source.compare(bytes, offset, offset + length) === 0;
  for (let k = 0; k < length; k++) if (source[k] !== bytes[offset + k]) return false;
  return true;
}
