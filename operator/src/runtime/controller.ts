// Turns changes in caches into reconcile requests, and requests into calls of one reconcile function. Level-triggered:
// a request is only a name; what changed is not told, the function reads the world whole. The same object is never
// reconciled by two workers at once.
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";
import { nameOf } from "../kubernetes-object.ts";
import type { Cache, Change } from "./cache.ts";
import type { Clock, Random } from "./clock.ts";
import type { Logger } from "./logger.ts";
import { type Outcome, WorkQueue } from "./work-queue.ts";

export type Reconcile = (request: ObjectName) => Promise<Outcome>;

/** Which objects to reconcile when one of this kind changes. */
export interface Watched {
  readonly cache: Cache;
  readonly requestsFor: (object: KubernetesObject) => readonly ObjectName[];
  /** Changes that matter; all by default. */
  readonly when?: (change: Change<KubernetesObject>) => boolean;
}

export interface ReconcileMeter {
  reconciled(controller: string, result: "success" | "requeue" | "error", durationMs: number): void;
}

export interface ControllerOptions {
  readonly name: string;
  readonly concurrency: number;
  /** The kind that is reconciled: all its objects are requested at start. */
  readonly primary: Cache;
  readonly watched: readonly Watched[];
  readonly reconcile: Reconcile;
}

export interface ControllerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly meter: ReconcileMeter;
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #dependencies: ControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(options: ControllerOptions, dependencies: ControllerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#queue = new WorkQueue(
      { concurrency: options.concurrency },
      {
        clock: dependencies.clock,
        random: dependencies.random,
        work: (key) => this.#reconcile(key),
        onError: (key, error, retry) => {
          const facts = { controller: options.name, object: key, error, ...retry };
          if (isConflict(error)) dependencies.log.debug("Reconcile met a newer object and is repeated", facts);
          else dependencies.log.error("Reconcile failed", facts);
        },
      },
    );
  }

  get name(): string {
    return this.#options.name;
  }

  get depth(): number {
    return this.#queue.depth;
  }

  /** Requests one object now. */
  request(name: ObjectName): void {
    this.#queue.add(keyOf(name));
  }

  /** Call it when the caches have synced: every object is reconciled once, then on changes. */
  start(): void {
    for (const { cache, requestsFor, when = () => true } of this.#options.watched) {
      const unsubscribe = cache.subscribe((change) => {
        if (when(change)) {
          for (const name of requestsFor(change.object)) {
            this.request(name);
          }
        }
      });
      this.#unsubscribe.push(unsubscribe);
    }
    for (const object of this.#options.primary.list()) {
      this.request(nameOf(object));
    }
    this.#queue.start();
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) {
      unsubscribe();
    }
    await this.#queue.stop();
  }

  async #reconcile(key: string): Promise<Outcome> {
    const { clock, meter } = this.#dependencies;
    const { name, primary, reconcile } = this.#options;
    const startedMs = clock.now();
    try {
      const request = nameFrom(key);
      const outcome = await reconcile(request);
      if (primary.get(request) === undefined) {
        this.#queue.forget(key);
      }
      meter.reconciled(name, outcome.requeueAfterMs === undefined ? "success" : "requeue", clock.now() - startedMs);
      return outcome;
    } catch (error) {
      meter.reconciled(name, isConflict(error) ? "requeue" : "error", clock.now() - startedMs);
      throw error;
    }
  }
}

/** The object itself. */
export function itself(object: KubernetesObject): readonly ObjectName[] {
  return [nameOf(object)];
}

/** The owner of a kind that controls the object. */
export function controllingOwner(kind: string): (object: KubernetesObject) => readonly ObjectName[] {
  return ({ metadata }) =>
    (metadata.ownerReferences ?? [])
      .filter((owner) => owner.controller === true && owner.kind === kind)
      .map((owner) => ({ namespace: metadata.namespace ?? "", name: owner.name }));
}

/** The object that a label names, in the same namespace. */
export function namedByLabel(label: string): (object: KubernetesObject) => readonly ObjectName[] {
  return ({ metadata }) => {
    const name = metadata.labels?.[label];
    return name === undefined ? [] : [{ namespace: metadata.namespace ?? "", name }];
  };
}

/** Leaves out what a controller causes itself: updates of status. Labels, annotations and deletion count as changes. */
export function exceptStatus(change: Change<KubernetesObject>): boolean {
  if (change.type !== "modified") {
    return true;
  }
  const [before, after] = [change.previous.metadata, change.object.metadata];
  return (
    before.uid !== after.uid ||
    before.generation !== after.generation ||
    before.deletionTimestamp !== after.deletionTimestamp ||
    JSON.stringify(before.labels) !== JSON.stringify(after.labels) ||
    JSON.stringify(before.annotations) !== JSON.stringify(after.annotations)
  );
}

/** The cache lagged behind somebody else's write: the next attempt sees it. */
function isConflict(error: unknown): boolean {
  const { kind, cause } = (error ?? {}) as { kind?: unknown; cause?: unknown };
  return kind === "conflict" || (cause !== undefined && isConflict(cause));
}

function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

function nameFrom(key: string): ObjectName {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
