/** Puts the live configuration back into its file: written beside it, fsynced, renamed, so that no reader sees half of it. */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
import type { Logger } from "../observability/logger.ts";
import { describeSystemError } from "../platform/system-error.ts";
import type { Config } from "./config.ts";
import { type RewriteOptions, rewriteConfig } from "./rewrite.ts";

export interface WrittenConfig {
  readonly config: Config;
  /** Path; empty where there is none. */
  readonly configFile: string;
  readonly logger: Logger;
}

/** Gives CONFIG REWRITE's error text if the file cannot be written; it is then untouched. */
export function rewriteConfigFile(written: WrittenConfig, options: RewriteOptions): string | undefined {
  const { config, configFile, logger } = written;
  if (configFile === "") return "ERR The server is running without a config file";
  try {
    writeConfigFile(configFile, config, options);
    return undefined;
  } catch (error) {
    logger.warning(`CONFIG REWRITE failed: ${describeSystemError(error)}`);
    return `ERR Rewriting config file: ${describeSystemError(error)}`;
  }
}

function writeConfigFile(path: string, config: Config, options: RewriteOptions): void {
  const text = rewriteConfig(readIfPresent(path), config, options);
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
