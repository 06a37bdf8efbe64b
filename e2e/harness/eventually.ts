// Waits for the world to become as a check wants it. The check returns a value, or throws what is still wrong; its last
// complaint is the failure's message, so a test that times out says what it was waiting for.
import { setTimeout as delay } from "node:timers/promises";

export interface Patience {
  readonly withinMs: number;
  readonly everyMs?: number;
}

export async function eventually<T>(what: string, patience: Patience, check: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patience.withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) {
        throw new Error(`${what}: not within ${patience.withinMs / 1000} s`, { cause: error });
      }
    }
    await delay(patience.everyMs ?? 500);
  }
}
