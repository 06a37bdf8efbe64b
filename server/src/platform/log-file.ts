/**
 * Where log lines go: a file, opened anew for each line so that it can be rotated under the running server, or standard
 * output.
 */

import { appendFileSync, closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { describeSystemError } from "./system-error.ts";

/** Why the file cannot be written, if it cannot. */
export function checkLogFile(path: string, directory: string): string | undefined {
  if (path === "") return undefined;
  try {
    closeSync(openSync(resolve(directory, path), "a", 0o644));
    return undefined;
  } catch (error) {
    return describeSystemError(error);
  }
}

export function openLogSink(path: string, directory: string): (line: string) => void {
  if (path === "") return (line) => void process.stdout.write(line);
  const file = resolve(directory, path);
  return (line) => {
    try {
      appendFileSync(file, line, { mode: 0o644 });
    } catch {
      // A full disk must not stop the server, and there is no other place to say so.
      process.stdout.write(line);
    }
  };
}
