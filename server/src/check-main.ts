/** kv-check: checks snapshots and append-only files. Exit code 0: sound, or made so; 1: damaged; 2: wrong use. */

import { type CheckOptions, checkPath } from "./check/check-files.ts";
import { systemClock } from "./platform/clock.ts";
import { systemDisk } from "./platform/disk.ts";
import { describeSystemError } from "./platform/system-error.ts";

const USAGE = `Usage: kv-check [--fix] PATH...

Checks snapshots (RDB), append-only files, manifests with their files, and directories that hold them, such as a server's, and
says at which offset and key they break. --fix cuts the last append-only file off behind its last sound command; a copy of it is made before.
`;
const PROGRESS_BYTES = 256 << 20;

async function main(words: readonly string[]): Promise<number> {
  const options = words.filter((word) => word.startsWith("-"));
  const paths = words.filter((word) => !word.startsWith("-"));
  if (options.includes("--help") || options.includes("-h")) return say(USAGE.trimEnd());
  if (paths.length === 0 || options.some((option) => option !== "--fix")) {
    process.stderr.write(USAGE);
    return 2;
  }
  let code = 0;
  for (const path of paths) {
    try {
      if (!(await checkPath(optionsOf(path, options.includes("--fix")), path))) code = 1;
    } catch (error) {
      say(`${path}: ${describeSystemError(error)}`);
      code = 1;
    }
  }
  return code;
}

function optionsOf(path: string, isFixing: boolean): CheckOptions {
  let toldBytes = 0;
  return {
    ...{ disk: systemDisk, clock: systemClock, isFixing, say },
    progress(bytes) {
      if (bytes < toldBytes + PROGRESS_BYTES) return;
      toldBytes = bytes;
      process.stderr.write(`${path}: ${bytes >> 20} MiB read\n`);
    },
  };
}

function say(line: string): 0 {
  process.stdout.write(`${line}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
