/**
 * For simulations that are tried with many seeds: which of them break. They run in a process of their own: under vitest each
 * call from one module to another costs more, and ever more so in runs of many minutes.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { BROKEN } from "./seed-process.ts";

export interface SeedRange {
  readonly first: number;
  readonly count: number;
}

export interface Simulation {
  /** Path of the file that exports a function `name`, which takes a seed and throws if it breaks. */
  readonly module: string;
  readonly name: string;
  /** What they are seeds of, for the lines that are printed. */
  readonly what: string;
}

/** As the environment asks: SEED and CALLS. */
export function seedRange(defaultCount: number): SeedRange {
  return {
    first: Number(process.env.SEED || Date.now() % 1_000_000_000),
    count: Number(process.env.CALLS || defaultCount),
  };
}

/** Gives a line for each seed that is broken; rejects if the process does not come to its end. */
export async function brokenSeeds({ first, count }: SeedRange, { module, name, what }: Simulation): Promise<string[]> {
  const program = path.join(import.meta.dirname, "seed-process.ts");
  const words = ["--conditions=source", program, module, name, what, String(first), String(count)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const broken: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    if (line.startsWith(BROKEN)) broken.push(line);
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`The process that ran ${what} ended with ${code}`);
  return broken;
}
