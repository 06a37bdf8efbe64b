/**
 * The arguments of a command as a tree, read from the notation of its row, so that both have one source:
 *
 *   key count          arguments by name               NX | XX      one of them
 *   LIMIT offset count a token before arguments        <…>          grouped
 *   key [key ...]      at least one                    […]          optional
 *
 * Words with a small letter are names, others are tokens. `name:type` sets a type that does not follow from the name, and
 * `name@1` the key specification where it is not the next one.
 */

import { type ArgumentType, typeOfName, WRITTEN_TYPES } from "./argument-types.ts";

export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  readonly token?: string | undefined;
  readonly keySpecIndex?: number | undefined;
  readonly isOptional?: boolean;
  readonly isMultiple?: boolean;
  /** The token comes again before each. */
  readonly isTokenRepeated?: boolean;
  /** Of a block or a choice. */
  readonly arguments?: readonly Argument[];
}

/** The notation without types and specifications, as people read it. */
export function plainSyntax(syntax: string): string {
  return syntax.replace(/:([a-z-]+)/g, (all, type: string) => (WRITTEN_TYPES.has(type) ? "" : all)).replace(/@\d/g, "");
}

export function parseSyntax(syntax: string, keySpecs = 0): Argument[] {
  const parser = new Parser(syntax, keySpecs);
  const { alternatives } = parser.choices("");
  if (alternatives.length <= 1) return alternatives[0] ?? [];
  return [oneOf(alternatives)];
}

interface Choices {
  readonly alternatives: Argument[][];
  /** Ends with `...`. */
  readonly isRepeated: boolean;
}

const NAME = /[a-z]/;
const REPEAT = "...";

class Parser {
  readonly #words: readonly string[];
  readonly #keySpecs: number;
  #position = 0;
  #keysSeen = 0;

  constructor(syntax: string, keySpecs: number) {
    this.#words = syntax.match(/[[\]]|<(?=[^ ])|(?<=[^ ])>|\.\.\.|[^\s[\]<>]+/g) ?? [];
    this.#keySpecs = keySpecs;
  }

  /** Alternatives up to the closing bracket, which is taken. */
  choices(closing: string): Choices {
    const alternatives: Argument[][] = [[]];
    let isRepeated = false;
    for (;;) {
      const word = this.#take();
      const current = alternatives[alternatives.length - 1] as Argument[];
      if (word === undefined || word === closing) return { alternatives, isRepeated };
      if (word === "|") alternatives.push([]);
      else if (word === REPEAT) isRepeated = true;
      else if (word === "<") current.push(group(this.choices(">"), false));
      else if (word !== "[") current.push(this.#argument(word));
      else if (this.#optional(current, alternatives)) isRepeated = true;
    }
  }

  /** What stands in square brackets; true if it repeats all alternatives before it. */
  #optional(current: Argument[], alternatives: readonly Argument[][]): boolean {
    const seen = this.#keysSeen;
    const inner = this.choices("]");
    if (!inner.isRepeated) {
      current.push(group(inner, true));
      return false;
    }
    if (inner.alternatives.length > 1 && isSame(inner.alternatives, alternatives)) return true;
    this.#keysSeen = seen;
    repeatLast(current, inner);
    return false;
  }

  #argument(word: string): Argument {
    if (NAME.test(word)) return this.#named(word);
    const token = word === '""' ? "" : word;
    if (this.#peek() === "<") {
      this.#take();
      return { ...group(this.choices(">"), false), token };
    }
    const values = this.#values();
    const [first] = values;
    if (first === undefined) return { name: word.toLowerCase(), type: "pure-token", token };
    if (values.length === 1) return { ...first, token };
    return { ...block(values), token };
  }

  /** The names that follow, each with its repetition. */
  #values(): Argument[] {
    const values: Argument[] = [];
    for (let word = this.#peek(); word !== undefined && NAME.test(word); word = this.#peek()) {
      this.#take();
      values.push(this.#named(word));
      const isRepeated = this.#peek() === "[" && this.#peek(1) === word && this.#peek(2) === REPEAT;
      if (!isRepeated) continue;
      this.#position += 4;
      values.push({ ...(values.pop() as Argument), isMultiple: true });
    }
    return values;
  }

  #named(word: string): Argument {
    const [, name = word, written, spec] = /^(.*?)(?::([a-z-]+))?(?:@(\d))?$/.exec(word) ?? [];
    const isWritten = written !== undefined && WRITTEN_TYPES.has(written);
    const fullName = isWritten || written === undefined ? name : `${name}:${written}`;
    const type = isWritten ? (written as ArgumentType) : typeOfName(fullName, this.#keySpecs > 0);
    if (spec !== undefined) return { name: fullName, type, keySpecIndex: Number(spec) };
    if (type !== "key") return { name: fullName, type };
    return { name: fullName, type, keySpecIndex: Math.min(this.#keysSeen++, this.#keySpecs - 1) };
  }

  #peek(ahead = 0): string | undefined {
    return this.#words[this.#position + ahead];
  }

  #take(): string | undefined {
    return this.#words[this.#position++];
  }
}

/** Whether the same choices begin with the same arguments. */
function isSame(left: readonly Argument[][], right: readonly Argument[][]): boolean {
  return left.length === right.length && left.every((sequence, i) => sequence[0]?.name === right[i]?.[0]?.name);
}

/** `member [member ...]`: what stands before is taken together and marked; `[member ...]` alone is optional too. */
function repeatLast(current: Argument[], { alternatives }: Choices): void {
  const repeated = alternatives[0] ?? [];
  const start = current.length - repeated.length;
  const before = current.slice(Math.max(0, start));
  const isRepetition = start >= 0 && before.every((old, i) => old.name === repeated[i]?.name);
  if (alternatives.length > 1 || !isRepetition) {
    current.push({ ...group({ alternatives, isRepeated: true }, true), isMultiple: true });
    return;
  }
  current.length = start;
  const [only] = before;
  if (only === undefined || before.length > 1) {
    current.push({ ...block(before), isMultiple: true });
    return;
  }
  const isTokenRepeated = only.token !== undefined && repeated[0]?.token !== undefined;
  current.push({ ...only, isMultiple: true, ...(isTokenRepeated ? { isTokenRepeated } : {}) });
}

function group({ alternatives, isRepeated }: Choices, isOptional: boolean): Argument {
  const one = alternatives.length === 1 ? together(alternatives[0] ?? []) : oneOf(alternatives);
  return { ...one, ...(isOptional ? { isOptional } : {}), ...(isRepeated ? { isMultiple: true } : {}) };
}

function oneOf(alternatives: readonly Argument[][]): Argument {
  const choices = alternatives.map(together);
  return { name: choices.map(({ name }) => name).join("-"), type: "oneof", arguments: choices };
}

function together(sequence: readonly Argument[]): Argument {
  const [first] = sequence;
  return first !== undefined && sequence.length === 1 ? first : block(sequence);
}

function block(sequence: readonly Argument[]): Argument {
  return { name: sequence.map(({ name }) => name).join("-"), type: "block", arguments: sequence };
}
