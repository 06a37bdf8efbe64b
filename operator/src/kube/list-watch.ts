// The reflector's port for one kind: lists and watches carry the same selector, watches ask for bookmarks and a time
// limit, and an error inside the stream becomes an error of the call.
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { ListWatch, WatchEvent } from "../runtime/reflector.ts";
import { errorFromStatus, isApiError } from "./api-error.ts";
import type { KubeClient, ListOptions } from "./client.ts";
import type { HttpTransport } from "./http-transport.ts";
import { pathOf, type ResourceKind } from "./resource-kinds.ts";

interface Line {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubernetesObject;
}

const EVENT_TYPES = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted" } as const;

export interface ListWatchDependencies {
  readonly client: KubeClient;
  readonly transport: HttpTransport;
}

export function listWatch<T extends KubernetesObject>(
  kind: ResourceKind,
  selection: ListOptions,
  { client, transport }: ListWatchDependencies,
): ListWatch<T> {
  const path = pathOf(kind, selection.namespace ?? "");
  return {
    list: async (options) => {
      const page = await client.listPage<T>(kind, { ...selection, ...options });
      return { ...page, items: page.items.map(withoutManagedFields) };
    },
    isGone: (error) => isApiError(error, "gone"),
    watch: ({ resourceVersion, timeoutSeconds, signal, onOpen, onEvent }) => {
      const query = {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
        labelSelector: selection.labelSelector,
      };
      const line = (value: unknown) => onEvent(toEvent<T>(path, kind, value as Line));
      return transport.lines({ method: "GET", path, query, signal }, { open: onOpen, line });
    },
  };
}

function toEvent<T extends KubernetesObject>(path: string, kind: ResourceKind, { type, object }: Line): WatchEvent<T> {
  switch (type) {
    case "ERROR":
      throw errorFromStatus(`WATCH ${path}`, object);
    case "BOOKMARK":
      return { type: "bookmark", resourceVersion: object.metadata.resourceVersion ?? "" };
    default:
      return {
        type: EVENT_TYPES[type],
        object: withoutManagedFields({ ...object, apiVersion: kind.apiVersion, kind: kind.kind } as T),
      };
  }
}

/** Half of an applied object is the list of who owns which field: nobody reads it here, so it is not kept in memory. */
function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  const { managedFields: _managedFields, ...metadata } = object.metadata as T["metadata"] & { managedFields?: unknown };
  return { ...object, metadata };
}
