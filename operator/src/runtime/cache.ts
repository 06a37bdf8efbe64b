// The last seen state of the objects of one kind, by namespace and name, kept by a reflector. Readers get the stored
// objects themselves and must not change them. Subscribers hear of each change after it is in the cache; they may only
// enqueue work: an error one of them throws is its own and stops neither the others nor the reflector.
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";

export type Change<T> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "modified"; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly object: T };

export interface Selection {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A method, so that a cache of a special kind of object is also a cache of objects. */
interface Subscription<T> {
  hear(change: Change<T>): void;
}

export class Cache<T extends KubernetesObject = KubernetesObject> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  readonly #subscribers = new Set<Subscription<T>>();
  readonly #onSubscriberError: (error: unknown) => void;

  constructor(onSubscriberError: (error: unknown) => void) {
    this.#onSubscriberError = onSubscriberError;
  }

  get({ namespace, name }: ObjectName): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  list({ namespace, labels = {} }: Selection = {}): T[] {
    const found: T[] = [];
    const wanted = Object.entries(labels);
    const maps = namespace === undefined ? this.#namespaces.values() : [this.#namespaces.get(namespace) ?? new Map()];
    for (const objects of maps) {
      for (const object of objects.values()) {
        if (wanted.every(([key, value]) => object.metadata.labels?.[key] === value)) {
          found.push(object);
        }
      }
    }
    return found;
  }

  get size(): number {
    let size = 0;
    for (const objects of this.#namespaces.values()) {
      size += objects.size;
    }
    return size;
  }

  subscribe(subscriber: (change: Change<T>) => void): () => void {
    const subscription = { hear: subscriber };
    this.#subscribers.add(subscription);
    return () => this.#subscribers.delete(subscription);
  }

  put(object: T): void {
    const namespace = object.metadata.namespace ?? "";
    let objects = this.#namespaces.get(namespace);
    if (objects === undefined) {
      objects = new Map();
      this.#namespaces.set(namespace, objects);
    }
    const previous = objects.get(object.metadata.name);
    if (previous !== undefined && isSameVersion(previous, object)) {
      return;
    }
    objects.set(object.metadata.name, object);
    this.#publish(previous === undefined ? { type: "added", object } : { type: "modified", object, previous });
  }

  remove(object: T): void {
    const namespace = object.metadata.namespace ?? "";
    const objects = this.#namespaces.get(namespace);
    if (objects?.delete(object.metadata.name)) {
      if (objects.size === 0) {
        this.#namespaces.delete(namespace);
      }
      this.#publish({ type: "deleted", object });
    }
  }

  /** Takes a complete list: what is not in it is gone, also when its deletion was never seen. */
  replace(objects: readonly T[]): void {
    const present = new Set(objects.map((object) => `${object.metadata.namespace ?? ""}/${object.metadata.name}`));
    for (const known of this.list()) {
      if (!present.has(`${known.metadata.namespace ?? ""}/${known.metadata.name}`)) {
        this.remove(known);
      }
    }
    for (const object of objects) {
      this.put(object);
    }
  }

  #publish(change: Change<T>): void {
    for (const subscription of this.#subscribers) {
      try {
        subscription.hear(change);
      } catch (error) {
        this.#onSubscriberError(error);
      }
    }
  }
}

function isSameVersion(a: KubernetesObject, b: KubernetesObject): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    a.metadata.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata.resourceVersion
  );
}
