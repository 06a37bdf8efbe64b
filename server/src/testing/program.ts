/** For tests: one of the programs beside the server, run to its end. */

import { execFile } from "node:child_process";
import path from "node:path";

export interface EndedProgram {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `main` is the file that begins it, `backup-main.ts` for one. */
export function runProgram(main: string, ...words: readonly string[]): Promise<EndedProgram> {
  const file = path.join(import.meta.dirname, "..", main);
  return new Promise((resolve) => {
    execFile(process.execPath, ["--conditions=source", "--no-warnings", file, ...words], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
