/**
 * What of spec.config servers would not start with, as far as the table of directives can tell, in their words. Names that the
 * table does not know may be known to an image that the spec names; the operator's default image has this very table.
 */

import { valueProblem } from "@kvcluster/protocol/directive-form";
import { FILE_ONLY_DIRECTIVES } from "@kvcluster/protocol/server-directives";
import { splitArguments } from "@kvcluster/protocol/split-arguments";
import type { KVCluster } from "../api/kv-cluster.ts";
import { directiveName, directiveRow } from "./live-directives.ts";

/** By the directives' own names. */
export function configProblems({ spec }: KVCluster): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(spec.config ?? {}).flatMap(([name, value]): readonly (readonly [string, string])[] => {
      const problem = problemOf(name, value, spec.image !== undefined);
      return problem === undefined ? [] : [[directiveName(name), problem]];
    }),
  );
}

function problemOf(name: string, value: string, isOtherImage: boolean): string | undefined {
  const row = directiveRow(name);
  if (row === undefined) {
    const mayBeKnown = isOtherImage || FILE_ONLY_DIRECTIVES.includes(name);
    return mayBeKnown ? undefined : "Bad directive or wrong number of arguments";
  }
  const words = value === "" ? [""] : splitArguments(value);
  if (words === undefined) return "Unbalanced quotes in configuration line";
  if (row.form === undefined) return undefined;
  return words.length === 1 ? valueProblem(row.form, words[0] ?? "") : "wrong number of arguments";
}
