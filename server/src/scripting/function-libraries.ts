/**
 * The libraries of functions that a server has. Names of functions are the server's, not their library's: two libraries can't
 * have one of the same name. Whatever speaks against a change is said before anything is changed.
 */

import { ScriptError } from "./script-error.ts";

export interface LibraryFunction {
  readonly name: string;
  readonly description: string | undefined;
  /** Of `ScriptFlag`. */
  readonly flags: number;
  /** The Lua function in the interpreter. */
  readonly reference: number;
}

export interface Library {
  readonly name: string;
  /** With its first line, as it was sent. */
  readonly source: Buffer;
  readonly functions: readonly LibraryFunction[];
}

export class FunctionLibraries {
  readonly #libraries = new Map<string, Library>();
  /** By their names in lower case: those of functions are found in any, those of libraries are not. */
  readonly #functions = new Map<string, LibraryFunction>();

  get count(): number {
    return this.#libraries.size;
  }

  get functionCount(): number {
    return this.#functions.size;
  }

  all(): Iterable<Library> {
    return this.#libraries.values();
  }

  get(name: string): Library | undefined {
    return this.#libraries.get(name);
  }

  function(name: string): LibraryFunction | undefined {
    return this.#functions.get(name.toLowerCase());
  }

  /** Throws if functions of these libraries have names that other functions will have beside them. */
  check(added: readonly Library[]): void {
    const replaced = new Set(added.map(({ name }) => name));
    const taken = new Set<string>();
    for (const library of this.#libraries.values()) {
      if (replaced.has(library.name)) continue;
      for (const { name } of library.functions) taken.add(name.toLowerCase());
    }
    for (const { functions } of added) {
      for (const { name } of functions) {
        if (taken.has(name.toLowerCase())) throw new ScriptError(`ERR Function ${name} already exists`);
        taken.add(name.toLowerCase());
      }
    }
  }

  /** Takes checked libraries; gives those that they replace. */
  add(added: readonly Library[]): Library[] {
    const replaced = added.flatMap(({ name }) => this.remove(name) ?? []);
    for (const library of added) {
      this.#libraries.set(library.name, library);
      for (const one of library.functions) this.#functions.set(one.name.toLowerCase(), one);
    }
    return replaced;
  }

  remove(name: string): Library | undefined {
    const library = this.#libraries.get(name);
    if (library === undefined) return undefined;
    this.#libraries.delete(name);
    for (const one of library.functions) this.#functions.delete(one.name.toLowerCase());
    return library;
  }
}
