// The object semantics of an API server, in memory, for tests: versions, generations, optimistic locking, status as a
// subresource, server-side apply with field ownership, finalizers, garbage collection by owner, and a history that watches
// replay until it is compacted. Faithful where an operator can tell the difference; it validates and defaults nothing
// by itself (see `admit`). HTTP is in fake-api-server.ts.
import type { KubernetesObject } from "../kubernetes-object.ts";
import { applyMergePatch, isEqual, isRecord } from "./merge-patch.ts";

export interface FakeKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

type Fields = Record<string, unknown>;

export interface StoredObject extends KubernetesObject {
  readonly status?: unknown;
}

export interface HistoryEntry {
  readonly version: number;
  readonly collection: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: StoredObject;
  readonly previous: StoredObject | undefined;
}

export class RefusedError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** What the API server's admission would do to an object: set defaults, or throw RefusedError. */
export type Admit = (object: KubernetesObject, previous: KubernetesObject | undefined) => KubernetesObject;

export interface Target {
  readonly kind: FakeKind;
  readonly namespace: string;
  readonly name: string;
}

export class FakeObjectStore {
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #applied = new Map<string, Map<string, unknown>>();
  readonly #admit: Admit;
  readonly #now: () => number;
  #history: HistoryEntry[] = [];
  #version = 1;
  #compactedVersion = 0;
  #created = 0;
  onChange: (entry: HistoryEntry) => void = () => {};

  constructor(now: () => number, admit: Admit = (object) => object) {
    this.#now = now;
    this.#admit = admit;
  }

  get version(): number {
    return this.#version;
  }

  /** Forgets the history: watches from before now are answered with 410 Gone. */
  compact(): void {
    this.#history = [];
    this.#compactedVersion = this.#version;
  }

  /** Entries after a version, or undefined when they are no longer known. */
  since(version: number): readonly HistoryEntry[] | undefined {
    return version < this.#compactedVersion ? undefined : this.#history.filter((entry) => entry.version > version);
  }

  list(kind: FakeKind, namespace = ""): StoredObject[] {
    const objects = [...(this.#objects.get(collectionOf(kind))?.values() ?? [])];
    return objects
      .filter(({ metadata }) => namespace === "" || metadata.namespace === namespace)
      .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  get(target: Target): StoredObject {
    const object = this.#find(target);
    if (object === undefined) {
      throw new RefusedError(404, "NotFound", `${target.kind.plural} "${target.name}" not found`);
    }
    return object;
  }

  create(kind: FakeKind, namespace: string, object: KubernetesObject): StoredObject {
    const target = { kind, namespace, name: object.metadata.name };
    if (this.#find(target) !== undefined) {
      throw new RefusedError(409, "AlreadyExists", `${kind.plural} "${target.name}" already exists`);
    }
    const { status: _status, ...content } = object as StoredObject;
    const admitted = this.#admit(content, undefined);
    const metadata = {
      ...admitted.metadata,
      namespace,
      uid: `00000000-0000-4000-8000-${String(++this.#created).padStart(12, "0")}`,
      creationTimestamp: new Date(this.#now()).toISOString().replace(/\.\d+Z$/, "Z"),
      generation: 1,
    };
    return this.#store("ADDED", target, { ...admitted, metadata });
  }

  replace(target: Target, object: KubernetesObject, subresource?: string): StoredObject {
    const live = this.get(target);
    checkVersion(target, live, object.metadata.resourceVersion);
    return this.#update(target, live, object as StoredObject, subresource);
  }

  mergePatch(target: Target, patch: Fields, subresource?: string): StoredObject {
    const live = this.get(target);
    checkVersion(target, live, (patch.metadata as Fields | undefined)?.resourceVersion);
    return this.#update(target, live, applyMergePatch(live, patch) as StoredObject, subresource);
  }

  /** Server-side apply: sets the manager's fields and removes those it no longer gives. */
  apply(
    target: Target,
    object: KubernetesObject,
    { manager, force }: { manager: string; force: boolean },
  ): StoredObject {
    const live = this.#find(target);
    const managers = this.#applied.get(addressOf(target)) ?? new Map<string, unknown>();
    const mine = managers.get(manager);
    const { apiVersion: _version, kind: _kind, ...wanted } = object as unknown as Fields;
    for (const [other, theirs] of managers) {
      if (other !== manager && !force && live !== undefined && hasConflict(wanted, theirs, live)) {
        throw new RefusedError(409, "Conflict", `Apply failed: conflict with "${other}"`);
      }
    }
    const pruned = prune((live ?? {}) as Fields, mine, wanted);
    const merged = applyMergePatch(pruned, { apiVersion: object.apiVersion, kind: object.kind, ...wanted });
    this.#applied.set(addressOf(target), new Map([...managers, [manager, wanted]]));
    return live === undefined
      ? this.create(target.kind, target.namespace, merged as KubernetesObject)
      : this.#update(target, live, merged as StoredObject);
  }

  delete(
    target: Target,
    options: { uid?: string | undefined; propagationPolicy?: string | undefined } = {},
  ): StoredObject {
    const live = this.get(target);
    if (options.uid !== undefined && options.uid !== live.metadata.uid) {
      throw new RefusedError(409, "Conflict", `Precondition failed: UID in precondition: ${options.uid}`);
    }
    if ((live.metadata.finalizers ?? []).length > 0) {
      const deletionTimestamp = live.metadata.deletionTimestamp ?? new Date(this.#now()).toISOString();
      return this.#store("MODIFIED", target, { ...live, metadata: { ...live.metadata, deletionTimestamp } });
    }
    return this.#remove(target, live, options.propagationPolicy);
  }

  #find(target: Target): StoredObject | undefined {
    return this.#objects.get(collectionOf(target.kind))?.get(addressOf(target));
  }

  #update(target: Target, live: StoredObject, next: StoredObject, subresource?: string): StoredObject {
    const result = subresource === "status" ? { ...live, status: next.status } : this.#withContent(live, next);
    if (isEqual(live, result)) {
      return live;
    }
    const finalized = result.metadata.deletionTimestamp !== undefined && !result.metadata.finalizers?.length;
    return finalized ? this.#remove(target, result, "Background") : this.#store("MODIFIED", target, result);
  }

  /** The new content under the live object's identity and status; the generation counts changes outside metadata. */
  #withContent(live: StoredObject, next: StoredObject): StoredObject {
    const admitted = this.#admit(next, live);
    const { uid, creationTimestamp, deletionTimestamp, resourceVersion, namespace, generation = 1 } = live.metadata;
    const content = (object: StoredObject) => ({ ...object, metadata: undefined, status: undefined });
    const metadata = {
      ...admitted.metadata,
      generation: isEqual(content(live), content(admitted)) ? generation : generation + 1,
      ...defined({ uid, creationTimestamp, deletionTimestamp, resourceVersion, namespace }),
    };
    return { ...admitted, metadata, ...defined({ status: live.status }) } as StoredObject;
  }

  #store(type: "ADDED" | "MODIFIED", target: Target, object: StoredObject): StoredObject {
    const { apiVersion, kind } = target.kind;
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    const stored = { ...object, apiVersion, kind, metadata };
    const collection = collectionOf(target.kind);
    const objects = this.#objects.get(collection) ?? new Map<string, StoredObject>();
    this.#objects.set(collection, objects);
    const previous = objects.get(addressOf(target));
    objects.set(addressOf(target), stored);
    this.#record({ version: this.#version, collection, type, object: stored, previous });
    return stored;
  }

  #remove(target: Target, live: StoredObject, propagationPolicy: string | undefined): StoredObject {
    const collection = collectionOf(target.kind);
    this.#objects.get(collection)?.delete(addressOf(target));
    this.#applied.delete(addressOf(target));
    const object = { ...live, metadata: { ...live.metadata, resourceVersion: String(++this.#version) } };
    this.#record({ version: this.#version, collection, type: "DELETED", object, previous: live });
    if (propagationPolicy !== "Orphan") {
      this.#collectGarbage(live.metadata.uid);
    }
    return object;
  }

  #collectGarbage(ownerUid: string | undefined): void {
    for (const objects of this.#objects.values()) {
      for (const object of [...objects.values()]) {
        if (object.metadata.ownerReferences?.some(({ uid }) => uid === ownerUid)) {
          const { namespace = "", name } = object.metadata;
          const plural = collectionPlural(this.#objects, objects);
          this.delete({ kind: { apiVersion: object.apiVersion, kind: object.kind, plural }, namespace, name });
        }
      }
    }
  }

  #record(entry: HistoryEntry): void {
    this.#history.push(entry);
    this.onChange(entry);
  }
}

export function collectionOf({ apiVersion, plural }: FakeKind): string {
  return `${apiVersion}/${plural}`;
}

function collectionPlural(all: Map<string, unknown>, objects: unknown): string {
  const [name = ""] = [...all].find(([, candidate]) => candidate === objects) ?? [];
  return name.slice(name.lastIndexOf("/") + 1);
}

function addressOf({ kind, namespace, name }: Target): string {
  return `${collectionOf(kind)}/${namespace}/${name}`;
}

function sortKey({ metadata }: StoredObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function checkVersion({ kind, name }: Target, live: StoredObject, version: unknown): void {
  if (version !== undefined && version !== live.metadata.resourceVersion) {
    const message = `Operation cannot be fulfilled on ${kind.plural} "${name}": the object has been modified`;
    throw new RefusedError(409, "Conflict", message);
  }
}

/** Whether what is wanted differs from a value that another manager owns. */
function hasConflict(wanted: unknown, theirs: unknown, live: unknown): boolean {
  if (isRecord(wanted) && isRecord(theirs) && isRecord(live)) {
    return Object.keys(wanted).some((key) => key in theirs && hasConflict(wanted[key], theirs[key], live[key]));
  }
  return !isEqual(wanted, live);
}

/** The live fields without those that were applied before and are not wanted now. */
function prune(live: Fields, before: unknown, wanted: unknown): Fields {
  if (!isRecord(before)) {
    return live;
  }
  const result: Fields = { ...live };
  for (const [key, value] of Object.entries(before)) {
    const still = isRecord(wanted) ? wanted[key] : undefined;
    if (still === undefined && !isRecord(value)) {
      delete result[key];
    } else if (isRecord(result[key])) {
      const inner = prune(result[key], value, still);
      result[key] = inner;
      if (still === undefined && Object.keys(inner).length === 0) {
        delete result[key];
      }
    }
  }
  return result;
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
