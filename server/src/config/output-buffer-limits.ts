/**
 * `client-output-buffer-limit <class> <hard> <soft> <soft seconds>`: when a reader that is too slow gets disconnected.
 * A line or CONFIG SET changes only the classes it names. `replica` is another name of Redis' `slave`.
 */

import { parseInteger } from "@kvcluster/protocol/directive-form";
import { formatMemorySize, parseMemorySize } from "@kvcluster/protocol/memory-units";
import type { Directive, DirectiveOptions } from "./directive.ts";
import { DirectiveError, described } from "./directive.ts";

export interface OutputBufferLimit {
  /** 0 means without limit, here and below. */
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

export interface OutputBufferLimits {
  readonly normal: OutputBufferLimit;
  readonly replica: OutputBufferLimit;
  readonly pubsub: OutputBufferLimit;
}

/** Each with Redis' name of it. */
export const OUTPUT_BUFFER_CLASSES = [
  ["normal", "normal"],
  ["replica", "slave"],
  ["pubsub", "pubsub"],
] as const satisfies readonly (readonly [keyof OutputBufferLimits, string])[];

const CLASSES: ReadonlyMap<string, keyof OutputBufferLimits> = new Map(
  OUTPUT_BUFFER_CLASSES.flatMap(([own, wireName]) => [own, wireName].map((name) => [name, own] as const)),
);

export function outputBufferLimits<const Name extends string>(
  name: Name,
  initial: OutputBufferLimits,
  options: DirectiveOptions = {},
): Directive<Name, OutputBufferLimits> {
  return {
    ...described(name, initial, options),
    kind: "client class, hard limit, soft limit, soft seconds",
    isMultiArgument: true,
    parse: (words, context) => ({ ...context.current, ...parseLimits(words) }),
    format: (limits) =>
      describeLimits(limits, String)
        .map(([className, text]) => `${className} ${text}`)
        .join(" "),
    lines: (limits) => describeLimits(limits, formatMemorySize).map(([className, text]) => `${className} ${text}`),
  };
}

function parseLimits(words: readonly string[]): Partial<OutputBufferLimits> {
  if (words.length % 4 !== 0) throw new DirectiveError("Wrong number of arguments in buffer limit configuration.");
  const changed: Partial<Record<keyof OutputBufferLimits, OutputBufferLimit>> = {};
  for (let position = 0; position < words.length; position += 4) {
    const className = CLASSES.get((words[position] as string).toLowerCase());
    if (className === undefined)
      throw new DirectiveError("Invalid client class specified in buffer limit configuration.");
    const hardBytes = parseMemorySize(words[position + 1] as string);
    const softBytes = parseMemorySize(words[position + 2] as string);
    const softSeconds = parseInteger(words[position + 3] as string);
    if (hardBytes === undefined || softBytes === undefined || softSeconds === undefined || softSeconds < 0) {
      throw new DirectiveError("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    changed[className] = { hardBytes, softBytes, softSeconds };
  }
  return changed;
}

function describeLimits(limits: OutputBufferLimits, size: (bytes: number) => string): [string, string][] {
  return OUTPUT_BUFFER_CLASSES.map(([className, wireName]) => {
    const limit = limits[className];
    return [wireName, `${size(limit.hardBytes)} ${size(limit.softBytes)} ${limit.softSeconds}`];
  });
}
