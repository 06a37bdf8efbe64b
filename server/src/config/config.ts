/**
 * The live configuration: one value for each row of the table, typed by name. CONFIG SET is all or nothing: every pair
 * is checked, then set, then the parts of the server that listen apply it; one that refuses undoes the whole.
 *
 * Hot paths keep what they need in fields of their own and refresh them in a listener.
 */

import { globMatchBuffer } from "@kvcluster/protocol/glob";
import { splitArguments } from "@kvcluster/protocol/split-arguments";
import type { Directive, ParseContext } from "./directive.ts";
import { DirectiveError } from "./directive.ts";
import type { DirectiveName, DirectiveValues } from "./directives.ts";
import { DIRECTIVES } from "./directives.ts";

/** Applies a change; a returned text refuses it. */
export type ConfigListener = () => string | undefined;

export interface ConfigOptions {
  /** Absolute path of a directory given relative to `base`; throws DirectiveError if there is none. */
  resolveDirectory(path: string, base: string): string;
  readonly workingDirectory: string;
}

interface Subscription {
  readonly names: ReadonlySet<string>;
  readonly listener: ConfigListener;
}

type SetPair = readonly [name: string, text: string];

const BY_NAME: ReadonlyMap<string, Directive> = new Map(
  (DIRECTIVES as readonly Directive[]).flatMap((directive) => {
    const entry: [string, Directive] = [directive.name, directive];
    return directive.alias === undefined ? [entry] : [entry, [directive.alias, directive] as [string, Directive]];
  }),
);

/** The row of a name or of another name, in any case. */
export function findDirective(name: string): Directive | undefined {
  return BY_NAME.get(name.toLowerCase());
}

export class Config {
  readonly #values: DirectiveValues;
  readonly #options: ConfigOptions;
  readonly #assigned = new Set<string>();
  readonly #subscriptions: Subscription[] = [];

  constructor(options: ConfigOptions) {
    this.#options = options;
    const entries = DIRECTIVES.map((directive) => [directive.name, directive.initial]);
    this.#values = { ...(Object.fromEntries(entries) as DirectiveValues), dir: options.workingDirectory };
  }

  get<Name extends DirectiveName>(name: Name): DirectiveValues[Name] {
    return this.#values[name];
  }

  /** True once a file, an argument or CONFIG SET named the directive. */
  isGiven(name: DirectiveName): boolean {
    return this.#assigned.has(name);
  }

  /** Directives that were changed and, so far, change nothing. */
  ineffective(): DirectiveName[] {
    const isChanged = (directive: Directive): boolean =>
      directive.format(this.#values[directive.name as DirectiveName]) !== directive.format(directive.initial);
    const rows = (DIRECTIVES as readonly Directive[]).filter((row) => row.effect === "none" && isChanged(row));
    return rows.map((row) => row.name as DirectiveName);
  }

  /** The text that CONFIG GET shows. */
  text(name: DirectiveName): string {
    return (findDirective(name) as Directive).format(this.#values[name]);
  }

  /** Changes a value from inside the server (REPLICAOF, a bound port), without checks or listeners. */
  assign<Name extends DirectiveName>(name: Name, value: DirectiveValues[Name]): void {
    this.#values[name] = value;
    this.#assigned.add(name);
  }

  onChange(names: readonly DirectiveName[], listener: ConfigListener): () => void {
    const subscription = { names: new Set<string>(names), listener };
    this.#subscriptions.push(subscription);
    return () => {
      const position = this.#subscriptions.indexOf(subscription);
      if (position >= 0) this.#subscriptions.splice(position, 1);
    };
  }

  /** Names and texts of all directives that match any of the patterns, each once; what is no pattern is a name, shown as given. */
  matching(patterns: readonly string[]): [name: string, text: string][] {
    const globs = patterns.map((pattern) => Buffer.from(pattern));
    const found: [string, string][] = [];
    for (const [name, directive] of BY_NAME) {
      const nameBytes = Buffer.from(name);
      const match = directive.isHidden
        ? patterns.findIndex((pattern) => pattern.toLowerCase() === name)
        : globs.findIndex((glob) => globMatchBuffer(glob, nameBytes, true));
      if (match < 0) continue;
      const pattern = patterns[match] as string;
      const shown = /[[*?]/.test(pattern) ? name : pattern;
      found.push([shown, directive.format(this.#values[directive.name as DirectiveName])]);
    }
    return found;
  }

  /** One line of a file or of the command line; throws DirectiveError. */
  setFromFile(directive: Directive, words: readonly string[]): void {
    let values = words;
    if (!directive.isMultiArgument) {
      if (words.length !== 1) throw new DirectiveError("wrong number of arguments");
    } else if (words.length === 1) {
      values = splitMultiple(words[0] as string);
    }
    const isFirstInFile = !this.#assigned.has(directive.name);
    this.#store(directive, directive.parse(values, this.#context(directive, "file", isFirstInFile)));
  }

  /** CONFIG SET: undefined if all pairs took effect, else Redis' error text and nothing has changed. */
  set(pairs: readonly SetPair[], isLocalClient = false): string | undefined {
    const directives: Directive[] = [];
    const names = new Set<string>();
    let refusal: string | undefined;
    for (const [name] of pairs) {
      const directive = findDirective(name);
      if (directive === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      // Another name for the same is no repetition: the last one counts.
      refusal ??= this.#refuse(directive, name, names, isLocalClient);
      directives.push(directive);
      names.add(name.toLowerCase());
    }
    return refusal ?? this.#setAll(pairs, directives);
  }

  #refuse(directive: Directive, name: string, names: ReadonlySet<string>, isLocalClient: boolean): string | undefined {
    if (directive.isImmutable) return failure(name, "can't set immutable config");
    const mode = this.get("enable-protected-configs");
    const isAllowed = mode === "yes" || (mode === "local" && isLocalClient);
    if (directive.isProtected && !isAllowed) return failure(name, "can't set protected config");
    return names.has(name.toLowerCase()) ? failure(name, "duplicate parameter") : undefined;
  }

  #setAll(pairs: readonly SetPair[], directives: readonly Directive[]): string | undefined {
    const old = directives.map((directive) => this.#values[directive.name as DirectiveName]);
    const changed = new Set<string>();
    for (const [position, [name, text]] of pairs.entries()) {
      const directive = directives[position] as Directive;
      const error = this.#setOne(directive, name, text, changed);
      if (error !== undefined) {
        this.#restore(directives, old);
        return error;
      }
    }
    for (const { names, listener } of this.#subscriptions) {
      const reason = [...changed].some((name) => names.has(name)) ? listener() : undefined;
      if (reason === undefined) continue;
      this.#restore(directives, old);
      this.#notify(changed);
      const position = directives.findIndex((directive) => names.has(directive.name));
      return failure((pairs[position] as SetPair)[0], reason);
    }
    return undefined;
  }

  #setOne(directive: Directive, name: string, text: string, changed: Set<string>): string | undefined {
    try {
      const words = directive.isMultiArgument ? splitMultiple(text) : [text];
      const value = directive.parse(words, this.#context(directive, "set", false));
      const isChanged = directive.format(value) !== directive.format(this.#values[directive.name as DirectiveName]);
      this.#store(directive, value);
      if (isChanged) changed.add(directive.name);
      return undefined;
    } catch (error) {
      if (error instanceof DirectiveError) return failure(name, error.message);
      throw error;
    }
  }

  #notify(changed: ReadonlySet<string>): void {
    for (const { names, listener } of this.#subscriptions) {
      if ([...changed].some((name) => names.has(name))) listener();
    }
  }

  #restore(directives: readonly Directive[], old: readonly unknown[]): void {
    for (const [position, directive] of directives.entries()) this.#store(directive, old[position]);
  }

  #store(directive: Directive, value: unknown): void {
    (this.#values as Record<string, unknown>)[directive.name] = value;
    this.#assigned.add(directive.name);
  }

  #context(directive: Directive, source: "file" | "set", isFirstInFile: boolean): ParseContext<unknown> {
    return {
      current: this.#values[directive.name as DirectiveName],
      isFirstInFile,
      source,
      resolveDirectory: (path) => this.#options.resolveDirectory(path, this.get("dir")),
    };
  }
}

function failure(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

/** `""` stays one empty word: it is how lists are emptied. */
function splitMultiple(text: string): string[] {
  const words = splitArguments(text);
  if (words === undefined) throw new DirectiveError("Unbalanced quotes in configuration line");
  return words.length === 0 ? [""] : words;
}
