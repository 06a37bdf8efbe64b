/**
 * Shows something again and again until it is over. On a screen each picture takes the place of the last; in a file or a
 * pipe a picture is written only when it differs from the last.
 */

import { sleep } from "../runtime/clock.ts";
import type { Context } from "./context.ts";
import { PluginError } from "./plugin-error.ts";

const PERIOD_MS = 2000;
const FOREVER = new AbortController().signal;

export interface Picture {
  readonly text: string;
  /** What the wait was for is there, or cannot come. */
  readonly isOver: boolean;
}

export interface ShowOptions {
  readonly look: () => Promise<Picture>;
  readonly timeoutMs: number;
  /** What is waited for, as it reads after "Not done in time: ". */
  readonly goal: string;
}

export async function showUntilOver({ terminal, clock }: Context, options: ShowOptions): Promise<void> {
  const { look, timeoutMs, goal } = options;
  const end = clock.now() + timeoutMs;
  let last = "";
  for (;;) {
    const { text, isOver } = await look();
    if (terminal.isScreen) terminal.write(`${eraseLines(last, terminal.columns())}${text}`);
    else if (text !== last) terminal.write(text);
    last = text;
    if (isOver) return;
    if (clock.now() + PERIOD_MS > end) throw new PluginError(`Not done in time: ${goal}`, "timedOut");
    await sleep(clock, PERIOD_MS, FOREVER);
  }
}

/** Up to where the text began, over all lines of the terminal that it took, and away with what is below. */
export function eraseLines(text: string, columns: number): string {
  const taken = text
    .split("\n")
    .slice(0, -1)
    .reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  return taken === 0 ? "" : `\u001b[${taken}A\u001b[J`;
}
