/** Waiting for what another party does. How long it may take at most is the test's own time limit. */

import type { EventEmitter } from "node:events";

const POLL_MS = 20;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(POLL_MS);
}

/** The first arguments of the next `count` events, in their order. */
export function collect<Argument>(emitter: EventEmitter, event: string, count: number): Promise<Argument[]> {
  const seen: Argument[] = [];
  return new Promise((resolve) => {
    const listener = (argument: Argument): void => {
      seen.push(argument);
      if (seen.length < count) return;
      emitter.off(event, listener);
      resolve(seen);
    };
    emitter.on(event, listener);
  });
}
