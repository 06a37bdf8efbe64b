// A small client for any kind in resource-kinds.ts: plain objects in, plain objects out. It answers a missing object with
// undefined, everything else that goes wrong with ApiError. It never retries: callers are level-triggered and come back.
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";
import { isApiError } from "./api-error.ts";
import type { HttpTransport } from "./http-transport.ts";
import { pathOf, type ResourceKind, resourceKindOf } from "./resource-kinds.ts";

export const FIELD_MANAGER = "kv-operator";

const APPLY_PATCH = "application/apply-patch+yaml";
const MERGE_PATCH = "application/merge-patch+json";
const PAGE_LIMIT = 500;

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
}

export interface PageOptions extends ListOptions {
  readonly limit: number;
  readonly continueToken?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface ObjectPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

export interface DeleteOptions {
  /** Delete this very object, not a namesake that took its place. */
  readonly uid?: string | undefined;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
}

interface Answer {
  readonly items?: readonly KubernetesObject[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

export class KubeClient {
  readonly #transport: HttpTransport;
  readonly #fieldManager: string;

  constructor(transport: HttpTransport, fieldManager = FIELD_MANAGER) {
    this.#transport = transport;
    this.#fieldManager = fieldManager;
  }

  async get<T extends KubernetesObject>(
    kind: ResourceKind,
    { namespace, name }: ObjectName,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return (await this.#transport.request({ method: "GET", path: pathOf(kind, namespace, name), signal })) as T;
    } catch (error) {
      if (isApiError(error, "notFound")) {
        return undefined;
      }
      throw error;
    }
  }

  /** One page. List items come without apiVersion and kind: they are set here. */
  async listPage<T extends KubernetesObject>(kind: ResourceKind, options: PageOptions): Promise<ObjectPage<T>> {
    const answer = (await this.#transport.request({
      method: "GET",
      path: pathOf(kind, options.namespace ?? ""),
      query: { labelSelector: options.labelSelector, limit: options.limit, continue: options.continueToken },
      signal: options.signal,
    })) as Answer;
    const items = (answer.items ?? []).map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }));
    const continueToken = answer.metadata?.continue;
    return {
      items: items as unknown as readonly T[],
      resourceVersion: answer.metadata?.resourceVersion ?? "",
      ...(continueToken ? { continueToken } : {}),
    };
  }

  async list<T extends KubernetesObject>(kind: ResourceKind, options: ListOptions = {}): Promise<T[]> {
    const objects: T[] = [];
    let continueToken: string | undefined;
    do {
      const page = await this.listPage<T>(kind, { ...options, limit: PAGE_LIMIT, continueToken });
      objects.push(...page.items);
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    return objects;
  }

  async create<T extends KubernetesObject>(object: T, signal?: AbortSignal): Promise<T> {
    const path = pathOf(resourceKindOf(object), object.metadata.namespace ?? "");
    const query = { fieldManager: this.#fieldManager };
    return (await this.#transport.request({ method: "POST", path, query, body: object, signal })) as T;
  }

  /** Replaces the object; with a resourceVersion only if it is still at that version. */
  async replace<T extends KubernetesObject>(object: T, signal?: AbortSignal): Promise<T> {
    const query = { fieldManager: this.#fieldManager };
    return (await this.#transport.request({ method: "PUT", path: pathTo(object), query, body: object, signal })) as T;
  }

  /** Server-side apply: makes the fields given here ours, and removes those that we gave before and no longer give. */
  async apply<T extends KubernetesObject>(object: T): Promise<T> {
    return (await this.#transport.request({
      method: "PATCH",
      path: pathTo(object),
      query: { fieldManager: this.#fieldManager, force: true },
      contentType: APPLY_PATCH,
      body: object,
    })) as T;
  }

  async mergePatch<T extends KubernetesObject>(object: T, patch: unknown, subresource?: "status"): Promise<T> {
    return (await this.#transport.request({
      method: "PATCH",
      path: subresource === undefined ? pathTo(object) : `${pathTo(object)}/${subresource}`,
      query: { fieldManager: this.#fieldManager },
      contentType: MERGE_PATCH,
      body: patch,
    })) as T;
  }

  patchStatus<T extends KubernetesObject>(object: T, patch: unknown): Promise<T> {
    return this.mergePatch(object, patch, "status");
  }

  /** Returns whether there was something to delete. */
  async delete(kind: ResourceKind, { namespace, name }: ObjectName, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, propagationPolicy = "Background" } = options;
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy,
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    try {
      await this.#transport.request({ method: "DELETE", path: pathOf(kind, namespace, name), body });
      return true;
    } catch (error) {
      if (isApiError(error, "notFound")) {
        return false;
      }
      throw error;
    }
  }
}

function pathTo(object: KubernetesObject): string {
  return pathOf(resourceKindOf(object), object.metadata.namespace ?? "", object.metadata.name);
}
