/**
 * `kv-server [redis.conf] [-] [--directive value ...]`, as redis-server reads it: the arguments become lines of
 * configuration that follow those of the file, so the later one wins. A word right after an option's name is always its
 * value, even if it starts with two dashes; `--save` alone means `save ""`.
 */

import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { quoteArgument } from "./quote.ts";

export type CommandLine =
  | { readonly kind: "version" }
  | { readonly kind: "help" }
  | {
      readonly kind: "run";
      readonly configFile: string | undefined;
      readonly readsStdin: boolean;
      /** Lines of configuration made from the options. */
      readonly optionLines: string;
    };

export function parseCommandLine(words: readonly string[]): CommandLine {
  const first = words[0];
  if (words.length === 1 && (first === "-v" || first === "--version")) return { kind: "version" };
  if (words.length === 1 && (first === "-h" || first === "--help")) return { kind: "help" };
  const configFile = first !== undefined && !first.startsWith("-") ? first : undefined;
  const rest = configFile === undefined ? words : words.slice(1);
  const readsStdin = rest[0] === "-" || rest.at(-1) === "-";
  const options = rest.filter((word, position) => !(word === "-" && (position === 0 || position === rest.length - 1)));
  return { kind: "run", configFile, readsStdin, optionLines: optionsToLines(options) };
}

function optionsToLines(options: readonly string[]): string {
  const lines: string[] = [];
  let expectsValue = false;
  for (const [position, word] of options.entries()) {
    if (!word.startsWith("--") || expectsValue) {
      if (lines.length === 0) lines.push("");
      lines[lines.length - 1] += ` ${quoteArgument(word)}`;
      expectsValue = false;
      continue;
    }
    lines.push(word.slice(2));
    const isNameAlone = (splitArguments(word) ?? []).length === 1;
    const next = options[position + 1];
    const isBareSave = word.toLowerCase() === "--save" && (next === undefined || next.startsWith("--"));
    if (isBareSave) lines[lines.length - 1] += ' ""';
    expectsValue = isNameAlone && !isBareSave;
  }
  return lines.join("\n");
}
