// Tells people what happened to an object, as events.k8s.io/v1 Events. Recording never blocks and never fails for the
// caller: events go through a bounded queue, one at a time, and are dropped with a log line when that is full or the API
// server refuses them. The same event again within a while becomes a series: its count is written at most once a minute.
import { createHash } from "node:crypto";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { backoffMs, retryAfterOf } from "./backoff.ts";
import { type Clock, type Random, sleep } from "./clock.ts";
import { microTime } from "./leader-elector.ts";
import type { Logger } from "./logger.ts";

export interface EventNote {
  readonly regarding: KubernetesObject;
  readonly type: "Normal" | "Warning";
  /** One word for machines, for example "ShardReady". */
  readonly reason: string;
  /** What the operator did or tried, one word, for example "Reconcile". */
  readonly action: string;
  readonly note: string;
}

/** The port to Event objects. */
export interface EventPort {
  create(event: KubernetesObject): Promise<KubernetesObject>;
  /** Merge patch; rejects when the event is gone. */
  patch(event: KubernetesObject, patch: unknown): Promise<KubernetesObject>;
}

export interface EventRecorderOptions {
  readonly reportingController: string;
  readonly reportingInstance: string;
}

export interface EventRecorderDependencies {
  readonly port: EventPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const MAX_QUEUED = 256;
const MAX_REMEMBERED = 1024;
const MAX_NOTE_BYTES = 1024;
const MAX_ATTEMPTS = 4;
const SERIES_WINDOW_MS = 360_000;
const SERIES_WRITE_INTERVAL_MS = 60_000;
const BACKOFF = { baseMs: 500, maxMs: 8_000 };

interface Series {
  event: KubernetesObject;
  count: number;
  lastSeenMs: number;
  lastWrittenMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #dependencies: EventRecorderDependencies;
  readonly #series = new Map<string, Series>();
  readonly #queue: (() => Promise<unknown>)[] = [];
  readonly #stopping = new AbortController();
  #draining: Promise<void> | undefined;

  constructor(options: EventRecorderOptions, dependencies: EventRecorderDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  record(note: EventNote): void {
    const { clock, port } = this.#dependencies;
    const nowMs = clock.now();
    const key = identityOf(note);
    const known = this.#series.get(key);
    if (known === undefined || nowMs - known.lastSeenMs > SERIES_WINDOW_MS) {
      const event = this.#eventFor(note, key, nowMs);
      this.#remember(key, { event, count: 1, lastSeenMs: nowMs, lastWrittenMs: nowMs });
      this.#enqueue(() => port.create(event), note);
      return;
    }
    known.count++;
    known.lastSeenMs = nowMs;
    if (known.count === 2 || nowMs - known.lastWrittenMs >= SERIES_WRITE_INTERVAL_MS) {
      known.lastWrittenMs = nowMs;
      const series = { count: known.count, lastObservedTime: microTime(nowMs) };
      this.#enqueue(() => port.patch(known.event, { series }), note);
    }
  }

  /** Settles when what was recorded so far is written or given up. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  /** Writes what is queued without waiting between attempts, then stops. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#draining;
  }

  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    if (this.#series.size > MAX_REMEMBERED) {
      const [oldest] = this.#series.keys();
      this.#series.delete(oldest ?? key);
    }
  }

  #enqueue(write: () => Promise<unknown>, { reason, note, regarding }: EventNote): void {
    const { log } = this.#dependencies;
    const facts = { reason, note, object: `${regarding.metadata.namespace}/${regarding.metadata.name}` };
    log.info("Recorded an event", facts);
    if (this.#queue.length >= MAX_QUEUED) {
      log.warn("Dropped an event: too many are waiting", facts);
      return;
    }
    this.#queue.push(async () => {
      try {
        await this.#attempt(write);
      } catch (error) {
        log.warn("Dropped an event", { ...facts, error });
      }
    });
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let write = this.#queue.shift(); write !== undefined; write = this.#queue.shift()) {
      await write();
    }
    this.#draining = undefined;
  }

  async #attempt(write: () => Promise<unknown>): Promise<void> {
    const { clock, random } = this.#dependencies;
    const { signal } = this.#stopping;
    for (let attempt = 1; ; attempt++) {
      try {
        await write();
        return;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || signal.aborted || !isTransient(error)) {
          throw error;
        }
        await sleep(clock, Math.max(backoffMs(BACKOFF, attempt, random), retryAfterOf(error)), signal);
      }
    }
  }

  #eventFor({ regarding, type, reason, action, note }: EventNote, key: string, nowMs: number): KubernetesObject {
    const { apiVersion, kind, metadata } = regarding;
    const { reportingController, reportingInstance } = this.#options;
    const event = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: {
        name: `${metadata.name}.${key.slice(0, 12)}.${nowMs.toString(36)}`,
        namespace: metadata.namespace ?? "default",
      },
      eventTime: microTime(nowMs),
      reportingController,
      reportingInstance: reportingInstance.slice(0, 128),
      regarding: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
      type,
      reason: reason.slice(0, 128),
      action: action.slice(0, 128),
      note: shorten(note),
    };
    return event;
  }
}

function identityOf({ regarding, type, reason, action, note }: EventNote): string {
  const { kind, metadata } = regarding;
  const parts = [kind, metadata.namespace, metadata.name, metadata.uid, type, reason, action, note];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Refusals stay refusals; anything else may be the network or a busy server. */
function isTransient(error: unknown): boolean {
  const status = (error as { status?: unknown }).status;
  return typeof status !== "number" || status === 429 || status >= 500;
}

function shorten(note: string): string {
  let short = note;
  while (Buffer.byteLength(short) > MAX_NOTE_BYTES) {
    short = `${short.slice(0, -16)}…`;
  }
  return short;
}
