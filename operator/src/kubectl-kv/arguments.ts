/**
 * Reads the command line against the table of commands: pure, and strict, because a misspelt option that is ignored does
 * something else than what was meant. Options may stand anywhere; what follows `--` is left as it is.
 */

import { parseArgs } from "node:util";
import { parseDuration } from "./amounts.ts";
import { PluginError } from "./plugin-error.ts";

export interface OptionRow {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in help; a switch has none. */
  readonly value?: string;
  readonly help: string;
}

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Names of the words that it takes, in brackets if they may be left out. */
  readonly words: readonly string[];
  /** Takes words of its own after `--`. */
  readonly takesRest?: true;
  readonly options: readonly OptionRow[];
}

export interface Invocation {
  readonly words: readonly string[];
  readonly rest: readonly string[];
  has(option: string): boolean;
  text(option: string): string | undefined;
  durationMs(option: string, absentMs: number): number;
}

export const COMMON_OPTIONS: readonly OptionRow[] = [
  { name: "namespace", short: "n", value: "NAMESPACE", help: "where the cluster is; that of the context when absent" },
  { name: "context", value: "NAME", help: "another context of the kubeconfig" },
  { name: "kubeconfig", value: "FILE", help: "another kubeconfig" },
  { name: "help", short: "h", help: "this text" },
];

export function parseInvocation(command: CommandRow, argv: readonly string[]): Invocation {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  const rest = end < 0 ? [] : argv.slice(end + 1);
  const { values, positionals } = parseOptions(command, own);
  const hint = `see "kubectl kv ${command.name} --help"`;
  if (values.help !== true) {
    const missing = command.words.filter((word) => !word.startsWith("["))[positionals.length];
    if (missing !== undefined) throw new PluginError(`${missing} is missing: ${hint}`, "usage");
    const excess = positionals[command.words.length];
    if (excess !== undefined) throw new PluginError(`"${excess}" is one word too many: ${hint}`, "usage");
    if (rest.length > 0 && !command.takesRest) throw new PluginError(`Nothing goes after "--": ${hint}`, "usage");
  }
  const text = (option: string): string | undefined => {
    const value = values[option];
    return typeof value === "string" ? value : undefined;
  };
  return {
    words: positionals,
    rest,
    text,
    has: (option) => values[option] !== undefined,
    durationMs: (option, absentMs) => {
      const value = text(option);
      const parsed = value === undefined ? absentMs : parseDuration(value);
      if (parsed !== undefined) return parsed;
      throw new PluginError(`--${option} "${value}": must be a time such as 90s, 5m or 1h`, "usage");
    },
  };
}

function parseOptions(command: CommandRow, args: readonly string[]) {
  const rows = [...command.options, ...COMMON_OPTIONS];
  const options = Object.fromEntries(
    rows.map(({ name, short, value }) => [
      name,
      { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) } as const,
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values as Readonly<Record<string, string | boolean | undefined>>, positionals };
  } catch (error) {
    // Node's words end in advice about `--` that would be wrong here.
    const reason = (error as Error).message.split(". ")[0];
    throw new PluginError(`${reason}: see "kubectl kv ${command.name} --help"`, "usage");
  }
}
