/**
 * What a directive is, and the kinds most of them are made of. A row of the table (directives.ts) is one call of these
 * functions; parsing, the reply of CONFIG GET and the lines of CONFIG REWRITE follow from the kind.
 *
 * `effect: "none"` marks what is accepted and stored for compatibility without changing how the server behaves.
 */

import { formatMemorySize, parseMemorySize } from "./memory-units.ts";
import { quoteArgument } from "./quote.ts";

/** A value that a directive does not take; the message is Redis' text. */
export class DirectiveError extends Error {}

export interface ParseContext<Value> {
  readonly current: Value;
  /** Several lines of a file add up where one CONFIG SET replaces. */
  readonly isFirstInFile: boolean;
  readonly source: "file" | "set";
  /** Absolute path of an existing directory; throws DirectiveError. */
  resolveDirectory(path: string): string;
}

export interface DirectiveOptions {
  readonly alias?: string;
  /** Fixed once the server runs. */
  readonly isImmutable?: boolean;
  /** Changed at run time only with `enable-protected-configs`. */
  readonly isProtected?: boolean;
  readonly effect?: "full" | "none";
}

export interface Directive<Name extends string = string, Value = unknown> {
  readonly name: Name;
  readonly kind: string;
  readonly initial: Value;
  readonly alias: string | undefined;
  readonly isImmutable: boolean;
  readonly isProtected: boolean;
  readonly effect: "full" | "none";
  /** Takes all words of its line; CONFIG SET splits its one argument at blanks. */
  readonly isMultiArgument: boolean;
  parse(words: readonly string[], context: ParseContext<Value>): Value;
  format(value: Value): string;
  /** What follows the name in a file, one entry a line. */
  lines(value: Value): readonly string[];
}

interface Codec<Value> {
  readonly kind: string;
  readonly parse: (text: string, context: ParseContext<Value>) => Value;
  readonly format: (value: Value) => string;
  readonly line?: (value: Value) => string;
}

function single<const Name extends string, Value>(
  name: Name,
  initial: Value,
  codec: Codec<Value>,
  options: DirectiveOptions,
): Directive<Name, Value> {
  const line = codec.line ?? codec.format;
  return {
    ...described(name, initial, options),
    kind: codec.kind,
    isMultiArgument: false,
    parse: (words, context) => codec.parse(words[0] as string, context),
    format: codec.format,
    lines: (value) => [line(value)],
  };
}

/** The parts of a row that do not depend on its kind. */
export function described<const Name extends string, Value>(name: Name, initial: Value, options: DirectiveOptions) {
  return {
    name,
    initial,
    alias: options.alias,
    isImmutable: options.isImmutable ?? false,
    isProtected: options.isProtected ?? false,
    effect: options.effect ?? "full",
  };
}

export function bool<const Name extends string>(name: Name, initial: boolean, options: DirectiveOptions = {}) {
  const codec: Codec<boolean> = {
    kind: "yes or no",
    parse(text) {
      const word = text.toLowerCase();
      if (word !== "yes" && word !== "no") throw new DirectiveError("argument must be 'yes' or 'no'");
      return word === "yes";
    },
    format: (value) => (value ? "yes" : "no"),
  };
  return single(name, initial, codec, options);
}

export const INT_MAX = 2 ** 31 - 1;
export const LONG_MAX = 2 ** 63;
export type Range = readonly [minimum: number, maximum: number];

function formatInteger(value: number): string {
  return value >= LONG_MAX ? "9223372036854775807" : String(value);
}

function inRange(value: number, range: Range): number {
  if (value < range[0] || value > range[1]) {
    throw new DirectiveError(
      `argument must be between ${formatInteger(range[0])} and ${formatInteger(range[1])} inclusive`,
    );
  }
  return value;
}

/** An integer as the wire and Redis' files write it: no blanks, no plus, no leading zero, within 64 bits. */
export function parseInteger(text: string): number | undefined {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? Number(value) : undefined;
}

export function integer<const Name extends string>(
  name: Name,
  initial: number,
  range: Range,
  options: DirectiveOptions = {},
) {
  const codec: Codec<number> = {
    kind: "integer",
    parse(text) {
      const value = parseInteger(text);
      if (value === undefined) throw new DirectiveError("argument couldn't be parsed into an integer");
      return inRange(value, range);
    },
    format: formatInteger,
  };
  return single(name, initial, codec, options);
}

export function octal<const Name extends string>(
  name: Name,
  initial: number,
  range: Range,
  options: DirectiveOptions = {},
) {
  const codec: Codec<number> = {
    kind: "octal integer",
    parse(text) {
      if (!/^[0-7]+$/.test(text)) throw new DirectiveError("argument couldn't be parsed as an octal number");
      return inRange(Number.parseInt(text, 8), range);
    },
    format: (value) => value.toString(8),
  };
  return single(name, initial, codec, options);
}

export function memory<const Name extends string>(
  name: Name,
  initial: number,
  range: Range = [0, LONG_MAX],
  options: DirectiveOptions = {},
) {
  const codec: Codec<number> = {
    kind: "memory size",
    parse(text) {
      const value = parseMemorySize(text);
      if (value === undefined) throw new DirectiveError("argument must be a memory value");
      return inRange(value, range);
    },
    format: formatInteger,
    line: formatMemorySize,
  };
  return single(name, initial, codec, options);
}

/** A size, or a share of `maxmemory`, held as the negative percentage. */
export function memoryOrPercent<const Name extends string>(
  name: Name,
  initial: number,
  options: DirectiveOptions = {},
) {
  const codec: Codec<number> = {
    kind: "memory size or percentage",
    parse(text) {
      const percent = /^([0-9]+)%$/.exec(text);
      if (percent !== null) {
        const value = Number(percent[1]);
        if (value > 100) throw new DirectiveError("percentage argument must be less or equal to 100");
        return -value;
      }
      const value = parseMemorySize(text);
      if (value === undefined) throw new DirectiveError("argument must be a memory or percent value");
      return value;
    },
    format: (value) => (value < 0 ? `${-value}%` : formatInteger(value)),
    line: (value) => (value < 0 ? `${-value}%` : formatMemorySize(value)),
  };
  return single(name, initial, codec, options);
}

export function choice<const Name extends string, const Choices extends readonly string[]>(
  name: Name,
  choices: Choices,
  initial: Choices[number],
  options: DirectiveOptions = {},
) {
  const codec: Codec<Choices[number]> = {
    kind: `one of ${choices.join(", ")}`,
    parse(text) {
      const word = text.toLowerCase();
      const found = choices.find((candidate) => candidate === word);
      if (found === undefined) {
        throw new DirectiveError(`argument(s) must be one of the following: ${choices.join(", ")}`);
      }
      return found;
    },
    format: (value) => value,
  };
  return single(name, initial, codec, options);
}

export function text<const Name extends string>(
  name: Name,
  initial: string,
  options: DirectiveOptions & { readonly check?: (value: string) => string | undefined } = {},
) {
  const codec: Codec<string> = {
    kind: "text",
    parse(value) {
      const problem = options.check?.(value);
      if (problem !== undefined) throw new DirectiveError(problem);
      return value;
    },
    format: (value) => value,
    line: quoteArgument,
  };
  return single(name, initial, codec, options);
}
