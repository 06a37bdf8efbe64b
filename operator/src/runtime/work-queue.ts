// Keys waiting for work, each at most once, each worked on by one worker at a time. A key added while it is being worked
// on runs again afterwards. A key whose work throws comes back with exponential backoff of its own; one that asks to be
// called again comes back then, or sooner when something adds it. Stopping waits for the work under way and starts none.
import { backoffMs, retryAfterOf } from "./backoff.ts";
import type { Clock, Random } from "./clock.ts";

export interface Outcome {
  /** Call again after this time even if nothing happens. */
  readonly requeueAfterMs?: number;
}

export interface WorkQueueOptions {
  readonly concurrency: number;
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
}

export interface WorkQueueDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly work: (key: string) => Promise<Outcome>;
  readonly onError: (key: string, error: unknown, retry: { failures: number; retryInMs: number }) => void;
}

interface Delayed {
  readonly at: number;
  readonly cancel: () => void;
}

export class WorkQueue {
  readonly #options: Required<WorkQueueOptions>;
  readonly #dependencies: WorkQueueDependencies;
  readonly #waiting = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  #state: "new" | "running" | "stopped" = "new";
  #whenIdle: (() => void) | undefined;

  constructor(options: WorkQueueOptions, dependencies: WorkQueueDependencies) {
    this.#options = { baseDelayMs: 5, maxDelayMs: 300_000, ...options };
    this.#dependencies = dependencies;
  }

  /** Keys that could be worked on now but wait for a worker. */
  get depth(): number {
    return this.#waiting.size;
  }

  get active(): number {
    return this.#active.size;
  }

  start(): void {
    if (this.#state === "new") {
      this.#state = "running";
      this.#dispatch();
    }
  }

  /** Starts nothing more and settles when the work under way is done. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const { cancel } of this.#delayed.values()) {
      cancel();
    }
    this.#delayed.clear();
    this.#waiting.clear();
    this.#again.clear();
    if (this.#active.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
  }

  add(key: string): void {
    if (this.#state === "stopped") {
      return;
    }
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#waiting.add(key);
    this.#dispatch();
  }

  /** Adds the key later; of several delays for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#state === "stopped" || this.#waiting.has(key)) {
      return;
    }
    const { clock } = this.#dependencies;
    const at = clock.now() + delayMs;
    const known = this.#delayed.get(key);
    if (known !== undefined) {
      if (known.at <= at) {
        return;
      }
      known.cancel();
    }
    this.#delayed.set(key, { at, cancel: clock.after(delayMs, () => this.add(key)) });
  }

  /** Forgets what is remembered about a key whose object is gone. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #dispatch(): void {
    while (this.#state === "running" && this.#active.size < this.#options.concurrency) {
      const [key] = this.#waiting;
      if (key === undefined) {
        return;
      }
      this.#waiting.delete(key);
      this.#active.add(key);
      void this.#perform(key);
    }
  }

  async #perform(key: string): Promise<void> {
    const { onError, random, work } = this.#dependencies;
    try {
      const { requeueAfterMs } = await work(key);
      this.#failures.delete(key);
      this.#finish(key, requeueAfterMs);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const { baseDelayMs, maxDelayMs } = this.#options;
      const own = backoffMs({ baseMs: baseDelayMs, maxMs: maxDelayMs }, failures, random);
      const retryInMs = Math.max(own, retryAfterOf(error));
      onError(key, error, { failures, retryInMs });
      // A change that arrived meanwhile does not shorten the backoff: it may be the failing work's own doing.
      this.#again.delete(key);
      this.#finish(key, retryInMs);
    }
  }

  #finish(key: string, delayMs: number | undefined): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) {
      this.add(key);
    } else if (delayMs !== undefined) {
      this.addAfter(key, delayMs);
    }
    this.#dispatch();
    if (this.#active.size === 0) {
      this.#whenIdle?.();
    }
  }
}
