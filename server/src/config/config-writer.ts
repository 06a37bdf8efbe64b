/** Puts the live configuration back into its file: written beside it, fsynced, renamed, so that no reader sees half of it. */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
import type { Config } from "./config.ts";
import { rewriteConfig } from "./rewrite.ts";

/** Throws the file system's error; the old file is then untouched. */
export function writeConfigFile(path: string, config: Config, userLines: readonly string[]): void {
  const text = rewriteConfig(readIfPresent(path), config, userLines);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, "w", 0o644);
  try {
    writeSync(file, Buffer.from(text, "latin1"));
    fsyncSync(file);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
