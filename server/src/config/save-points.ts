/**
 * `save <seconds> <changes> ...`: a snapshot is taken when at least that many changes are that old. Lines of a file add
 * up; the first one replaces the built-in points; `save ""` means none.
 */

import { parseInteger } from "@kvcluster/protocol/directive-form";
import type { Directive, DirectiveOptions } from "./directive.ts";
import { DirectiveError, described } from "./directive.ts";

export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

export function savePoints<const Name extends string>(
  name: Name,
  initial: readonly SavePoint[],
  options: DirectiveOptions = {},
): Directive<Name, readonly SavePoint[]> {
  return {
    ...described(name, initial, options),
    kind: "pairs of seconds and changes",
    isMultiArgument: true,
    parse(words, context) {
      const points = parsePoints(words);
      if (points.length === 0 || context.source === "set" || context.isFirstInFile) return points;
      return [...context.current, ...points];
    },
    format: (points) => points.map((point) => `${point.seconds} ${point.changes}`).join(" "),
    lines: (points) => (points.length === 0 ? ['""'] : points.map((point) => `${point.seconds} ${point.changes}`)),
  };
}

function parsePoints(words: readonly string[]): SavePoint[] {
  if (words.length === 1 && words[0] === "") return [];
  if (words.length % 2 !== 0) throw new DirectiveError("Invalid save parameters");
  const points: SavePoint[] = [];
  for (let position = 0; position < words.length; position += 2) {
    const seconds = parseInteger(words[position] as string);
    const changes = parseInteger(words[position + 1] as string);
    if (seconds === undefined || changes === undefined || seconds < 1 || changes < 0) {
      throw new DirectiveError("Invalid save parameters");
    }
    points.push({ seconds, changes });
  }
  return points;
}
