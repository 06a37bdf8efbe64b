// How long to wait before the next attempt: doubling from `baseMs` to `maxMs`, of which up to a fifth is random, so that
// many clients that failed together do not come back together.
import type { Random } from "./clock.ts";

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

const JITTER = 0.2;

/** `failures` counts failed attempts so far, 1 for the first. */
export function backoffMs({ baseMs, maxMs }: BackoffOptions, failures: number, random: Random): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 40));
  return full * (1 - JITTER * random());
}

/** What a throttling server asked for, on any error that carries it; 0 otherwise. */
export function retryAfterOf(error: unknown): number {
  const wanted = (error as { retryAfterMs?: unknown } | undefined)?.retryAfterMs;
  return typeof wanted === "number" ? wanted : 0;
}
