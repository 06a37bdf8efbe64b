/**
 * What a directive is, and the kinds most of them are made of. A row of the table (directives.ts) is one call of these
 * functions; parsing, the reply of CONFIG GET and the lines of CONFIG REWRITE follow from the kind.
 *
 * `effect: "none"` marks what is accepted and stored for compatibility without changing how the server behaves.
 */

import {
  ANY_TEXT,
  type DirectiveForm,
  formatInteger,
  integerIn,
  LONG_MAX,
  octalIn,
  oneOf,
  parseInteger,
  parseOctal,
  parseShare,
  SIZE_OR_SHARE,
  sizeIn,
  valueProblem,
  YES_OR_NO,
} from "@kvcluster/protocol/directive-form";
import { formatMemorySize, parseMemorySize } from "@kvcluster/protocol/memory-units";
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
  /** Not changed while data is loaded. */
  readonly isKeptWhileLoading?: boolean;
  readonly effect?: "full" | "none";
  /** CONFIG GET shows it by its name only. */
  readonly isHidden?: boolean;
}

export interface Directive<Name extends string = string, Value = unknown> {
  readonly name: Name;
  readonly kind: string;
  /** Where that says all about its values; it is in the table for those who are not the server. */
  readonly form: DirectiveForm | undefined;
  readonly initial: Value;
  readonly alias: string | undefined;
  readonly isImmutable: boolean;
  readonly isProtected: boolean;
  readonly isKeptWhileLoading: boolean;
  readonly effect: "full" | "none";
  readonly isHidden: boolean;
  /** Takes all words of its line; CONFIG SET splits its one argument at blanks. */
  readonly isMultiArgument: boolean;
  parse(words: readonly string[], context: ParseContext<Value>): Value;
  format(value: Value): string;
  /** What follows the name in a file, one entry a line. */
  lines(value: Value): readonly string[];
}

interface Codec<Value> {
  readonly kind?: string;
  readonly form: DirectiveForm;
  /** Of a text that fits the form. */
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
    kind: codec.kind ?? codec.form.kind,
    form: codec.form,
    isMultiArgument: false,
    parse(words, context) {
      const problem = valueProblem(codec.form, words[0] as string);
      if (problem !== undefined) throw new DirectiveError(problem);
      return codec.parse(words[0] as string, context);
    },
    format: codec.format,
    lines: (value) => [line(value)],
  };
}

/** The parts of a row that do not depend on its kind. */
export function described<const Name extends string, Value>(name: Name, initial: Value, options: DirectiveOptions) {
  return {
    name,
    form: undefined as DirectiveForm | undefined,
    initial,
    alias: options.alias,
    isImmutable: options.isImmutable ?? false,
    isProtected: options.isProtected ?? false,
    isKeptWhileLoading: options.isKeptWhileLoading ?? false,
    effect: options.effect ?? "full",
    isHidden: options.isHidden ?? false,
  };
}

export function bool<const Name extends string>(name: Name, initial: boolean, options: DirectiveOptions = {}) {
  const codec: Codec<boolean> = {
    form: YES_OR_NO,
    parse: (text) => text.toLowerCase() === "yes",
    format: (value) => (value ? "yes" : "no"),
  };
  return single(name, initial, codec, options);
}

export const INT_MAX = 2 ** 31 - 1;
export type Range = readonly [minimum: number, maximum: number];

export function integer<const Name extends string>(
  name: Name,
  initial: number,
  [minimum, maximum]: Range,
  options: DirectiveOptions & { readonly clampedTo?: Range } = {},
) {
  const [least, most] = options.clampedTo ?? [minimum, maximum];
  const codec: Codec<number> = {
    form: integerIn(minimum, maximum),
    parse: (text) => Math.min(most, Math.max(least, parseInteger(text) as number)),
    format: formatInteger,
  };
  return single(name, initial, codec, options);
}

export function octal<const Name extends string>(
  name: Name,
  initial: number,
  [minimum, maximum]: Range,
  options: DirectiveOptions = {},
) {
  const codec: Codec<number> = {
    form: octalIn(minimum, maximum),
    parse: (text) => parseOctal(text) as number,
    format: (value) => value.toString(8),
  };
  return single(name, initial, codec, options);
}

export function memory<const Name extends string>(
  name: Name,
  initial: number,
  [minimum, maximum]: Range = [0, LONG_MAX],
  /** `atLeast`: what less is taken for. */
  options: DirectiveOptions & { readonly atLeast?: number } = {},
) {
  const codec: Codec<number> = {
    form: sizeIn(minimum, maximum),
    parse: (text) => Math.max(options.atLeast ?? 0, parseMemorySize(text) as number),
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
    form: SIZE_OR_SHARE,
    parse(text) {
      const share = parseShare(text);
      return share === undefined ? (parseMemorySize(text) as number) : -share;
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
  /** `sameAs`: words that are shown as others, which mean the same. */
  options: DirectiveOptions & { readonly sameAs?: Readonly<Record<string, Choices[number]>> } = {},
) {
  const codec: Codec<Choices[number]> = {
    kind: `one of ${choices.join(", ")}`,
    form: oneOf(choices.join(" ")),
    parse: (text) => options.sameAs?.[text.toLowerCase()] ?? text.toLowerCase(),
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
    form: ANY_TEXT,
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
