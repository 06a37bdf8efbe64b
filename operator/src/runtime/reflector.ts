// Keeps a cache equal to the API server's objects of one kind, and never dies: list (paged), then watch from there, for
// ever. What ends a watch decides what follows:
//   closed by the server    → watch again from the last version, at once; with backoff if it closed right away
//   silent for too long     → the connection is dead without saying so: abort, watch again
//   410 Gone                → our version is too old: list again
//   any other error         → backoff (or what the server asked for), watch again from the last version
//   a relist is due         → list again, in case an event was lost on the way
import type { KubernetesObject } from "../kubernetes-object.ts";
import { backoffMs, retryAfterOf } from "./backoff.ts";
import type { Cache } from "./cache.ts";
import { type Clock, type Random, sleep } from "./clock.ts";
import type { Logger } from "./logger.ts";

export interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

export type WatchEvent<T> =
  | { readonly type: "added" | "modified" | "deleted"; readonly object: T }
  | { readonly type: "bookmark"; readonly resourceVersion: string };

export interface WatchRequest<T> {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
  readonly onEvent: (event: WatchEvent<T>) => void;
}

/** The port to one kind of objects (with its selector, the same for both calls). */
export interface ListWatch<T> {
  list(options: { limit: number; continueToken?: string; signal: AbortSignal }): Promise<Page<T>>;
  /** Resolves when the server ended the watch, rejects on any error, `isGone` among them. */
  watch(request: WatchRequest<T>): Promise<void>;
  /** Whether an error means that the version or continue token is too old. */
  isGone(error: unknown): boolean;
}

const PAGE_LIMIT = 500;
/** Bounds a list that never ends because of a broken server. */
const MAX_PAGES = 10_000;
const WATCH_TIMEOUT_SECONDS = 300;
/** Watches of many kinds must not all end together. */
const WATCH_TIMEOUT_JITTER = 0.2;
/** A server sends a bookmark about every minute and ends the watch itself: silence beyond that means a dead connection. */
const INACTIVITY_GRACE_MS = 30_000;
const RELIST_INTERVAL_MS = 600_000;
/** A watch that ends sooner than this without an event did not work. */
const SHORT_WATCH_MS = 1_000;
const BACKOFF = { baseMs: 200, maxMs: 30_000 };

export interface ReflectorDependencies<T extends KubernetesObject> {
  readonly source: ListWatch<T>;
  readonly cache: Cache<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Reflector<T extends KubernetesObject = KubernetesObject> {
  readonly #dependencies: ReflectorDependencies<T>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #failures = 0;
  #resourceVersion = "";
  #relistAtMs = 0;
  #lastContactMs: number | undefined;
  #synced = false;
  #markSynced: () => void = () => {};
  /** Settles when the first list is in the cache. */
  readonly whenSynced: Promise<void>;

  constructor(dependencies: ReflectorDependencies<T>) {
    this.#dependencies = dependencies;
    this.whenSynced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Whether the first list is in the cache. */
  get hasSynced(): boolean {
    return this.#synced;
  }

  /** When the server last told us something (a list, an open watch, an event, a bookmark). */
  get lastContactMs(): number | undefined {
    return this.#lastContactMs;
  }

  async #run(): Promise<void> {
    const { clock, log, random, source } = this.#dependencies;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (clock.now() >= this.#relistAtMs) {
          await this.#list(signal);
        }
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (source.isGone(error)) {
          this.#relistAtMs = 0;
        }
        this.#failures++;
        const delayMs = Math.max(backoffMs(BACKOFF, this.#failures, random), retryAfterOf(error));
        log.warn("Lost touch with the API server", { error, failures: this.#failures, retryInMs: delayMs });
        await sleep(clock, delayMs, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { cache, clock, source } = this.#dependencies;
    const objects: T[] = [];
    let continueToken: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const page = await source.list({
        limit: PAGE_LIMIT,
        signal,
        ...(continueToken === undefined ? {} : { continueToken }),
      });
      objects.push(...page.items);
      this.#resourceVersion = page.resourceVersion;
      continueToken = page.continueToken;
      if (continueToken === undefined) {
        break;
      }
    }
    cache.replace(objects);
    this.#touch();
    this.#relistAtMs = clock.now() + RELIST_INTERVAL_MS;
    this.#synced = true;
    this.#markSynced();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, random, source } = this.#dependencies;
    const jitter = 1 + WATCH_TIMEOUT_JITTER * (2 * random() - 1);
    const timeoutSeconds = Math.round(WATCH_TIMEOUT_SECONDS * jitter);
    const attempt = new AbortController();
    const inactivity = this.#inactivityTimer(timeoutSeconds * 1000 + INACTIVITY_GRACE_MS, attempt);
    let events = 0;
    let openedMs = Number.POSITIVE_INFINITY;
    try {
      await source.watch({
        resourceVersion: this.#resourceVersion,
        timeoutSeconds,
        signal: AbortSignal.any([signal, attempt.signal]),
        onOpen: () => {
          openedMs = clock.now();
          this.#touch();
          inactivity.restart();
        },
        onEvent: (event) => {
          events++;
          this.#touch();
          inactivity.restart();
          this.#take(event);
        },
      });
    } catch (error) {
      if (!attempt.signal.aborted) {
        throw error;
      }
    } finally {
      inactivity.stop();
      if (events > 0 || clock.now() - openedMs >= SHORT_WATCH_MS) {
        this.#failures = 0;
      }
    }
    if (events === 0 && !(clock.now() - openedMs >= SHORT_WATCH_MS) && !attempt.signal.aborted && !signal.aborted) {
      throw new Error(`Watch from version "${this.#resourceVersion}": ended at once without an event`);
    }
  }

  /** Only the version and the cache: subscribers enqueue, and their errors stay theirs. */
  #take(event: WatchEvent<T>): void {
    const { cache } = this.#dependencies;
    if (event.type === "bookmark") {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
    if (event.type === "deleted") {
      cache.remove(event.object);
    } else {
      cache.put(event.object);
    }
  }

  #touch(): void {
    this.#lastContactMs = this.#dependencies.clock.now();
  }

  #inactivityTimer(limitMs: number, attempt: AbortController): { restart(): void; stop(): void } {
    const { clock, log } = this.#dependencies;
    const expire = () => {
      log.warn("Watch went silent: aborted it", { limitMs });
      attempt.abort();
    };
    let cancel = clock.after(limitMs, expire);
    const stop = () => cancel();
    const restart = () => {
      cancel();
      cancel = clock.after(limitMs, expire);
    };
    return { restart, stop };
  }
}
