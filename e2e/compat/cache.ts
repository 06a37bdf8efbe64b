/** Where foreign suites and their results lie (outside of version control), and how programs are run on them. */

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";

export const REPOSITORY = path.resolve(import.meta.dirname, "../..");
export const CACHE = path.join(REPOSITORY, ".cache/compat");
export const RESULTS = path.join(CACHE, "results");

export interface ProgramOptions {
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Both output streams go into this file; else to ours. */
  readonly logFile?: string;
  /** Ends the program after so long. */
  readonly timeoutMs?: number;
}

/** The exit code; that of a program ended by a signal is 128. */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions): Promise<number> {
  const log = options.logFile === undefined ? undefined : openSync(options.logFile, "w");
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.directory,
      env: { ...process.env, ...options.environment },
      stdio: ["ignore", log ?? "inherit", log ?? "inherit"],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (log !== undefined) closeSync(log);
      resolve(code ?? 128);
    });
  });
}

export async function mustRun(command: string, args: readonly string[], options: ProgramOptions): Promise<void> {
  const code = await runProgram(command, args, options);
  if (code !== 0) throw new Error(`Run "${command} ${args.join(" ")}": exit code ${code}`);
}
