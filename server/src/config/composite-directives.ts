/**
 * Directives whose value has an inner form of its own and that need no file of their own: lists of words or numbers,
 * sets of flags, the address of a primary.
 */

import { parseInteger } from "@kvcluster/protocol/directive-form";
import { formatEventClasses, parseEventClasses } from "../keyspace/event-classes.ts";
import type { Directive, DirectiveOptions } from "./directive.ts";
import { DirectiveError, described } from "./directive.ts";
import { quoteArgument } from "./quote.ts";

const BIND_ADDRESSES_MAX = 16;

export function addresses<const Name extends string>(
  name: Name,
  initial: readonly string[],
  options: DirectiveOptions = {},
): Directive<Name, readonly string[]> {
  return {
    ...described(name, initial, options),
    kind: "addresses",
    isMultiArgument: true,
    parse(words) {
      if (words.length > BIND_ADDRESSES_MAX) throw new DirectiveError("Too many bind addresses specified.");
      return words.length === 1 && words[0] === "" ? [] : words;
    },
    format: (value) => value.join(" "),
    lines: (value) => [value.length === 0 ? '""' : value.join(" ")],
  };
}

export function numbers<const Name extends string>(
  name: Name,
  initial: readonly number[],
  parse: (words: readonly string[]) => readonly number[],
  options: DirectiveOptions = {},
): Directive<Name, readonly number[]> {
  return {
    ...described(name, initial, options),
    kind: "numbers",
    isMultiArgument: true,
    parse,
    format: (value) => value.join(" "),
    lines: (value) => [value.length === 0 ? '""' : value.join(" ")],
  };
}

export function parsePercentiles(words: readonly string[]): readonly number[] {
  if (words.length === 1 && words[0] === "") return [];
  return words.map((word) => {
    const value = Number(word);
    if (word === "" || Number.isNaN(value)) {
      throw new DirectiveError("Invalid latency-tracking-info-percentiles parameters");
    }
    if (value < 0 || value > 100) {
      throw new DirectiveError("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    return value;
  });
}

export function parseOomScores(words: readonly string[]): readonly number[] {
  if (words.length !== 3) throw new DirectiveError("wrong number of arguments");
  return words.map((word) => {
    const value = parseInteger(word);
    if (value === undefined || value < -2000 || value > 2000) {
      throw new DirectiveError("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    return value;
  });
}

/**
 * Words out of a closed list, kept in the order of that list; `none` is the word for the empty set. `check` gives what is wrong
 * with the set.
 */
export function flags<const Name extends string>(
  name: Name,
  none: string,
  words: readonly string[],
  options: DirectiveOptions & { readonly check?: (chosen: readonly string[]) => string | undefined } = {},
): Directive<Name, readonly string[]> {
  return {
    ...described(name, [] as readonly string[], options),
    kind: `any of ${[none, ...words].join(", ")}`,
    isMultiArgument: true,
    parse(given) {
      const chosen = given.map((word) => word.toLowerCase());
      const unknown = chosen.find((word) => word !== none && !words.includes(word));
      if (unknown !== undefined || given.length === 0) {
        throw new DirectiveError(`argument(s) must be one of the following: ${[none, ...words].join(", ")}`);
      }
      const problem = options.check?.(chosen);
      if (problem !== undefined) throw new DirectiveError(problem);
      return words.filter((word) => chosen.includes(word));
    },
    format: (value) => (value.length === 0 ? none : value.join(" ")),
    lines: (value) => [value.length === 0 ? none : value.join(" ")],
  };
}

export function eventClasses<const Name extends string>(name: Name): Directive<Name, number> {
  return {
    ...described(name, 0, {}),
    kind: "letters of event classes",
    isMultiArgument: false,
    parse(words) {
      const parsed = parseEventClasses(words[0] as string);
      if (parsed === undefined) throw new DirectiveError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
      return parsed;
    },
    format: formatEventClasses,
    lines: (value) => [quoteArgument(formatEventClasses(value))],
  };
}

/** A path of an existing directory; held absolute, so that nothing depends on the process' current directory. */
export function directory<const Name extends string>(
  name: Name,
  initial: string,
  options: DirectiveOptions = {},
): Directive<Name, string> {
  return {
    ...described(name, initial, options),
    kind: "directory",
    isMultiArgument: false,
    parse: (words, context) => context.resolveDirectory(words[0] as string),
    format: (value) => value,
    lines: (value) => [quoteArgument(value)],
  };
}

export interface PrimaryAddress {
  readonly host: string;
  readonly port: number;
}

export function primaryAddress<const Name extends string>(
  name: Name,
  options: DirectiveOptions,
): Directive<Name, PrimaryAddress | undefined> {
  return {
    ...described(name, undefined as PrimaryAddress | undefined, options),
    kind: "host and port",
    isMultiArgument: true,
    parse(words) {
      if (words.length !== 2) throw new DirectiveError("wrong number of arguments");
      const [host, portText] = words as [string, string];
      if (host.toLowerCase() === "no" && portText.toLowerCase() === "one") return undefined;
      const port = parseInteger(portText);
      if (port === undefined || port < 0 || port > 65535) throw new DirectiveError("Invalid master port");
      return host === "" ? undefined : { host, port };
    },
    format: (value) => (value === undefined ? "" : `${value.host} ${value.port}`),
    lines: (value) => (value === undefined ? [] : [`${value.host} ${value.port}`]),
  };
}
