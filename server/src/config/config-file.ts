/**
 * Reads redis.conf text into a Config, line by line: comments, quotes, `include`, and the few lines that are no simple
 * directive (`rename-command`, `user`). Stops at the first line that makes no sense, with its number and text.
 */

import { splitArguments } from "@kvcluster/protocol/split-arguments";
import type { Config } from "./config.ts";
import { findDirective } from "./config.ts";
import { DirectiveError } from "./directive.ts";

export interface ConfigFiles {
  /** The bytes of a file as latin1; throws if it cannot be read. */
  read(path: string): string;
  /** Absolute paths that a path or a glob pattern names. */
  expand(pattern: string, base: string): readonly string[];
}

/** What a file may say beside directives. */
export interface ConfigExtras {
  readonly renamedCommands: Map<string, string>;
  /** Bytes as latin1: names of users, their keys and channels are any. */
  readonly userLines: string[][];
}

export class ConfigFileError extends Error {
  readonly line: { readonly number: number; readonly text: string } | undefined;

  constructor(message: string, line?: { readonly number: number; readonly text: string }) {
    super(message);
    this.line = line;
  }
}

const INCLUDE_DEPTH_MAX = 16;

/** Once tuned something; still found in old files, and ignored as Redis does. */
const RETIRED_DIRECTIVES: ReadonlySet<string> = new Set([
  "list-max-ziplist-entries",
  "list-max-ziplist-value",
  "lua-replicate-commands",
]);

/** Beside the directives of the table and those that have a meaning for the file itself. */
export const FILE_ONLY_DIRECTIVES: readonly string[] = ["rename-command", ...RETIRED_DIRECTIVES];

export function createConfigExtras(): ConfigExtras {
  return { renamedCommands: new Map(), userLines: [] };
}

/** Bytes as latin1, which is how files are read: users may be called anything. Directives' values are UTF-8. */
export function textOfBytes(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

export function bytesOfText(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** `source`: bytes as latin1. */
export function loadConfigText(
  source: string,
  config: Config,
  extras: ConfigExtras,
  files: ConfigFiles,
  depth = 0,
): void {
  const lines = source.split("\n");
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, "");
    if (line === "" || line.startsWith("#")) continue;
    try {
      const words = splitArguments(line, "latin1");
      if (words === undefined) throw new DirectiveError("Unbalanced quotes in configuration line");
      if (words.length > 0) applyLine(words, config, extras, files, depth);
    } catch (error) {
      if (error instanceof DirectiveError)
        throw new ConfigFileError(error.message, { number: index + 1, text: textOfBytes(line) });
      throw error;
    }
  }
}

function applyLine(words: string[], config: Config, extras: ConfigExtras, files: ConfigFiles, depth: number): void {
  const [given, ...bytes] = words as [string, ...string[]];
  const name = given.toLowerCase();
  const values = bytes.map(textOfBytes);
  const directive = findDirective(name);
  if (directive !== undefined) {
    config.setFromFile(directive, values);
  } else if (name === "include" && values.length === 1) {
    includeFiles(values[0] as string, config, extras, files, depth);
  } else if (name === "rename-command" && values.length === 2) {
    extras.renamedCommands.set((values[0] as string).toLowerCase(), values[1] as string);
  } else if (name === "user" && values.length >= 1) {
    extras.userLines.push(bytes);
  } else if (!(RETIRED_DIRECTIVES.has(name) && values.length === 1)) {
    throw new DirectiveError("Bad directive or wrong number of arguments");
  }
}

function includeFiles(pattern: string, config: Config, extras: ConfigExtras, files: ConfigFiles, depth: number): void {
  if (depth >= INCLUDE_DEPTH_MAX) throw new DirectiveError(`include nested deeper than ${INCLUDE_DEPTH_MAX} files`);
  for (const path of files.expand(pattern, config.get("dir"))) {
    loadConfigText(readConfigFile(path, files), config, extras, files, depth + 1);
  }
}

export function readConfigFile(path: string, files: ConfigFiles): string {
  try {
    return files.read(path);
  } catch (error) {
    throw new ConfigFileError(`Fatal error, can't open config file '${path}': ${describe(error)}`);
  }
}

function describe(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "No such file or directory";
  if (code === "EACCES") return "Permission denied";
  return error instanceof Error ? error.message : String(error);
}

/** What redis-server prints before it gives up on its configuration. */
export function formatConfigError(error: ConfigFileError, product: string): string {
  const place =
    error.line && `Reading the configuration file, at line ${error.line.number}\n>>> '${error.line.text}'\n`;
  return `\n*** FATAL CONFIG FILE ERROR (${product}) ***\n${place ?? ""}${error.message}\n`;
}
