/** One line for one operation: a bar where there is something to measure, always the operator's own words. */

import { grouped } from "./amounts.ts";
import type { Operation, Progress } from "./under-way.ts";

const WIDTH = 24;

export function operationLine({ what, message, progress }: Operation): string {
  const name = what.padEnd(13);
  return progress === undefined ? `${name} ${message}` : `${name} ${progressBar(progress)}  ${message}`;
}

function progressBar(progress: Progress): string {
  const { done, total, unit } = progress;
  const share = total <= 0 ? 0 : Math.min(1, Math.max(0, done / total));
  // Full only when nothing is left.
  const filled = Math.floor(share * WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}]`;
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return unit === "%" ? `${bar} ${percent}` : `${bar} ${percent}  ${grouped(done)}/${grouped(total)} ${unit}`;
}
